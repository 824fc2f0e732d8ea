"""Windows of events in, alerts out, in the order of events."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from capture import batches as facts
from engine.alerts import Alert, AlertFormatter, AlertOptions
from engine.evaluate import Evaluator
from engine.plan import Plan
from engine.ruleset.model import Priority, Rule
from engine.ruleset.selection import Matching, RuleSet
from engine.segments import EventSource
from workbench.core.events import Window
from workbench.core.plugin_set import PluginSet


@dataclass(slots=True)
class Tally:
    """What has been judged: ``events`` by source, ``alerts`` by rule name; times in nanoseconds
    since the epoch, None before the first event."""

    events: Counter[str] = field(default_factory=Counter)
    alerts: Counter[str] = field(default_factory=Counter)
    first_time: int | None = None
    last_time: int | None = None


class _SourceJudge:
    """The rules of one source."""

    def __init__(self, rules: tuple[Rule, ...], plan: Plan, source: EventSource) -> None:
        self.rules = rules
        self.evaluator = Evaluator(plan)
        self.source = source


class Judge:
    """Judges events by the rules that are on.

    Sources without a rule are counted and not judged. Raises FalcowbError where a plugin breaks
    its contract.
    """

    def __init__(
        self, ruleset: RuleSet, plugins: PluginSet, matching: Matching, options: AlertOptions
    ) -> None:
        self.matching = matching
        self.tally = Tally()
        catalogue = plugins.surroundings.catalogue
        self.formatter = AlertFormatter(catalogue, options)
        self._by_source: dict[str, _SourceJudge] = {}
        self.priorities: dict[str, Priority] = {each.name: each.priority for each in ruleset.rules}
        for name in ruleset.sources:
            rules = ruleset.enabled(name)
            plan = Plan(catalogue, name, ((rule.name, rule.condition) for rule in rules))
            self._by_source[name] = _SourceJudge(rules, plan, plugins.event_source(name))

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have rules."""
        return tuple(self._by_source)

    def window(self, window: Window) -> list[Alert]:
        """The alerts of a window, by event number; alerts of one event in load order."""
        alerts: list[tuple[int, int, Alert]] = []
        for name, batch in window.items():
            self._count(name, batch.num_rows, facts.times(batch))
            judge = self._by_source.get(name)
            if judge is None:
                continue
            segment = judge.source.segment(batch)
            verdicts = judge.evaluator.judge(segment)
            rows, places = verdicts.first() if self.matching is Matching.FIRST else verdicts.every()
            for place in np.unique(places):
                rule = judge.rules[place]
                found = self.formatter.alerts(rule, segment, rows[places == place])
                self.tally.alerts[rule.name] += len(found)
                alerts += [(alert.num, rule.index, alert) for alert in found]
        alerts.sort(key=lambda each: each[:2])
        return [alert for _, _, alert in alerts]

    def _count(
        self, name: str, events: int, times: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> None:
        self.tally.events[name] += events
        if events:
            first, last = int(times.min()), int(times.max())
            tally = self.tally
            tally.first_time = first if tally.first_time is None else min(first, tally.first_time)
            tally.last_time = last if tally.last_time is None else max(last, tally.last_time)
