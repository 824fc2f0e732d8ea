"""Windows of events in, alerts out, in the order of events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.alerts import Alert, AlertFormatter, AlertOptions, Found
from engine.columns import Rows, Segment
from engine.evaluate import Evaluator, Verdicts
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.folding.judge import FoldingJudge
from engine.folding.keep import Keeper
from engine.folding.opened import Numbers
from engine.foresight import Foresight
from engine.plan import Plan
from engine.ruleset.model import Priority, Rule
from engine.ruleset.selection import Matching, RuleSet
from engine.segments import EventSource
from engine.syscalls.segment import SyscallSegment
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


#: Lines are made of so many matches at a time, whatever the number of rules that match.
_SPAN = 1 << 16


class _SourceJudge:
    """The rules of one source."""

    def __init__(self, rules: tuple[Rule, ...], catalogue: Catalogue, source: EventSource) -> None:
        self.rules = rules
        self.source = source
        self.foresight = Foresight()
        conditions = ((rule.name, rule.condition) for rule in rules)
        self._evaluator = Evaluator(Plan(catalogue, source.name, conditions))

    def judge(self, segment: Segment) -> Verdicts:
        return self._evaluator.judge(segment, self.foresight.wanted())

    def end(self) -> None:
        """All events have been judged."""


class _SyscallJudge(_SourceJudge):
    """The rules of system calls, folded."""

    def __init__(
        self,
        rules: tuple[Rule, ...],
        catalogue: Catalogue,
        source: EventSource,
        keeper: Keeper | None,
    ) -> None:
        super().__init__((), catalogue, source)
        self.rules = rules
        conditions = ((rule.name, rule.condition) for rule in rules)
        self._folding = FoldingJudge(catalogue, source.name, conditions, keeper)

    def judge(self, segment: Segment) -> Verdicts:
        assert isinstance(segment, SyscallSegment)
        return self._folding.judge(segment)

    def end(self) -> None:
        self._folding.end()


class _Known(_SourceJudge):
    """Rules whose matches are known: the numbers of events by the rule's name, ascending."""

    def __init__(
        self,
        rules: tuple[Rule, ...],
        catalogue: Catalogue,
        source: EventSource,
        hits: Mapping[str, Numbers],
    ) -> None:
        super().__init__((), catalogue, source)
        self.rules = rules
        self._hits = [hits[rule.name].astype(np.int64) for rule in rules]

    def judge(self, segment: Segment) -> Verdicts:
        assert isinstance(segment, SyscallSegment)
        nums = segment.events.num.astype(np.int64)
        rows = []
        for hits in self._hits:
            mine = hits[np.searchsorted(hits, nums[0]) : np.searchsorted(hits, nums[-1], "right")]
            rows.append(np.searchsorted(nums, mine) if len(mine) else mine)
        return Verdicts(tuple(rule.name for rule in self.rules), tuple(rows))


@dataclass(frozen=True, slots=True)
class AlertsFound:
    """The alerts of a window in order: of each the event's number and time (nanoseconds since the
    epoch), its rule as a place in ``rules``, and its line, in pieces."""

    numbers: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    rules: tuple[Rule, ...]
    lines: Iterator[pa.Buffer]


@dataclass(frozen=True, slots=True)
class _Matches:
    """What matched in a window: for each match, in the order of alerts, the event's number, the row
    in the segment of its source and the rule's place in load order."""

    segments: dict[int, Segment]  # by the rule's place
    numbers: npt.NDArray[np.int64]
    rows: Rows
    rules: npt.NDArray[np.int64]


class Judge:
    """Judges events by the rules that are on.

    Sources without a rule are counted and not judged. Of system calls, ``keeper`` is told how they
    were folded; or it is known which events match (``hits``: their numbers, ascending, by the
    rule's name), and no rule is asked. Raises FalcowbError where a plugin breaks its contract.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        plugins: PluginSet,
        matching: Matching,
        options: AlertOptions,
        *,
        keeper: Keeper | None = None,
        hits: Mapping[str, Numbers] | None = None,
    ) -> None:
        self.matching = matching
        self.tally = Tally()
        catalogue = plugins.surroundings.catalogue
        self.formatter = AlertFormatter(catalogue, options)
        self._by_source: dict[str, _SourceJudge] = {}
        self._rules: dict[int, Rule] = {}
        self.priorities: dict[str, Priority] = {each.name: each.priority for each in ruleset.rules}
        for name in ruleset.sources:
            rules = ruleset.enabled(name)
            source = plugins.event_source(name)
            if name != SYSCALL:
                self._by_source[name] = _SourceJudge(rules, catalogue, source)
            elif hits is None:
                self._by_source[name] = _SyscallJudge(rules, catalogue, source, keeper)
            else:
                self._by_source[name] = _Known(rules, catalogue, source, hits)
            self._rules.update((rule.index, rule) for rule in rules)

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources that have rules."""
        return tuple(self._by_source)

    def end(self) -> None:
        """All events have been judged."""
        for judge in self._by_source.values():
            judge.end()

    def window(self, window: Window) -> list[Alert]:
        """The alerts of a window, by event number; alerts of one event in load order."""
        matches = self._matches(window)
        alerts: list[tuple[int, Alert]] = []
        for rule, places in _by_rule(matches.rules):
            found = self.formatter.alerts(
                self._rules[rule], matches.segments[rule], matches.rows[places]
            )
            alerts += zip(places.tolist(), found, strict=True)
        alerts.sort(key=lambda each: each[0])
        return [alert for _, alert in alerts]

    def lines(self, window: Window) -> Iterator[pa.Buffer]:
        """The same alerts as lines of output, in pieces to be written one after the other."""
        return self._lines(self._matches(window))

    def found(self, window: Window) -> AlertsFound:
        """The same alerts as columns."""
        matches = self._matches(window)
        indices, places = np.unique(matches.rules, return_inverse=True)
        rules = tuple(self._rules[index] for index in indices.tolist())
        times = np.zeros(len(matches.rows), np.int64)
        for place, rule in enumerate(rules):
            mine = np.flatnonzero(places == place)
            times[mine] = window[rule.source].times[matches.rows[mine]]
        return AlertsFound(matches.numbers, times, places, rules, self._lines(matches))

    def _lines(self, matches: _Matches) -> Iterator[pa.Buffer]:
        for start in range(0, len(matches.rules), _SPAN):
            rules = matches.rules[start : start + _SPAN]
            rows = matches.rows[start : start + _SPAN]
            yield from self.formatter.lines(
                [
                    Found(self._rules[rule], matches.segments[rule], rows[places], places)
                    for rule, places in _by_rule(rules)
                ]
            )

    def _matches(self, window: Window) -> _Matches:
        """Judge a window, and count."""
        segments: dict[int, Segment] = {}
        nums, rows, rules = _EMPTY, _EMPTY, _EMPTY
        for name, piece in window.items():
            self._count(name, len(piece), piece.times)
            judge = self._by_source.get(name)
            if judge is None:
                continue
            segment = piece.segment(judge.source)
            verdicts = judge.judge(segment)
            found, places = (
                verdicts.first() if self.matching is Matching.FIRST else verdicts.every()
            )
            counts = np.bincount(places, minlength=len(judge.rules)).tolist()
            for rule, count in zip(judge.rules, counts, strict=True):
                if count:
                    segments[rule.index] = segment
                    self.tally.alerts[rule.name] += count
                    judge.foresight.used(self.formatter.line_refs(rule), count)
            judge.foresight.judged(len(piece))
            indices = np.array([rule.index for rule in judge.rules], np.int64)
            nums = np.concatenate((nums, piece.numbers[found]))
            rows = np.concatenate((rows, found))
            rules = np.concatenate((rules, indices[places]))
        order = np.lexsort((rules, nums))
        return _Matches(segments, nums[order], rows[order], rules[order])

    def _count(
        self, name: str, events: int, times: np.ndarray[tuple[int], np.dtype[np.int64]]
    ) -> None:
        self.tally.events[name] += events
        if events:
            first, last = int(times.min()), int(times.max())
            tally = self.tally
            tally.first_time = first if tally.first_time is None else min(first, tally.first_time)
            tally.last_time = last if tally.last_time is None else max(last, tally.last_time)


_EMPTY = np.zeros(0, np.int64)


def _by_rule(rules: npt.NDArray[np.int64]) -> Iterator[tuple[int, Rows]]:
    """Each rule, and the places at which it stands (ascending)."""
    order = np.argsort(rules, kind="stable")
    found, starts = np.unique(rules[order], return_index=True)
    return zip(found.tolist(), np.split(order, starts[1:]), strict=False)
