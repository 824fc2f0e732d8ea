"""What an edit of rules changes on a capture: alerts gained and lost, by rule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.alerts import Alert, AlertFormatter, AlertOptions
from engine.ruleset.model import Rule
from engine.ruleset.selection import Matching, RuleSet
from workbench.authoring.hits import NONE, Asked, Ints, alerting, find_hits
from workbench.authoring.walk import FoundEvent, Walk, find_events


@dataclass(frozen=True, slots=True, eq=False)
class RuleDiff:
    """``old`` and ``new``: the rule on either side, None where it is not there or off.
    ``before``, ``after``: how many alerts. ``gained``, ``lost``: numbers of events, int64,
    ascending. ``instead``: which rule alerts now on events that were lost, and how often;
    ``before_that``: which did before on those gained."""

    name: str
    old: Rule | None
    new: Rule | None
    before: int
    after: int
    gained: Ints
    lost: Ints
    instead: Mapping[str, int]
    before_that: Mapping[str, int]

    @property
    def changed(self) -> bool:
        return bool(len(self.gained) or len(self.lost))

    @property
    def edited(self) -> bool:
        """Whether the rule itself differs in what it matches: condition, lists, macros."""
        if self.old is None or self.new is None:
            return self.old is not self.new
        return self.old.condition != self.new.condition


@dataclass(frozen=True, slots=True, eq=False)
class RulesDiff:
    """``rules``: those on either side, in the load order of the new ones, then those that are
    gone. ``events``: of the capture."""

    rules: tuple[RuleDiff, ...]
    events: int

    @property
    def changed(self) -> tuple[RuleDiff, ...]:
        return tuple(each for each in self.rules if each.changed)

    @property
    def gained(self) -> int:
        return sum(len(each.gained) for each in self.rules)

    @property
    def lost(self) -> int:
        return sum(len(each.lost) for each in self.rules)


def diff_rules(walk: Walk, old: RuleSet, new: RuleSet, matching: Matching) -> RulesDiff:
    """Judge a capture by both, in one go. Raises what reading the capture raises."""
    sides = {"old": old.enabled(), "new": new.enabled()}
    asked = {
        f"{side} {rule.name}": Asked(f"{side} {rule.name}", rule.source, rule.condition)
        for side, rules in sides.items()
        for rule in rules
    }
    hits = find_hits(walk, list(asked.values()))
    alerts = {
        side: alerting(
            rules, {rule.name: hits.numbers[f"{side} {rule.name}"] for rule in rules}, matching
        )
        for side, rules in sides.items()
    }
    return RulesDiff(tuple(compare(sides["old"], sides["new"], alerts)), hits.events)


def compare(
    old: Sequence[Rule], new: Sequence[Rule], alerts: Mapping[str, Mapping[str, Ints]]
) -> list[RuleDiff]:
    """The differences between alerts by rule name, of the sides ``old`` and ``new``."""
    by_name = {
        "old": {rule.name: rule for rule in old},
        "new": {rule.name: rule for rule in new},
    }
    found = []
    for name in dict.fromkeys([*by_name["new"], *by_name["old"]]):
        before = alerts["old"].get(name, NONE)
        after = alerts["new"].get(name, NONE)
        gained, lost = np.setdiff1d(after, before), np.setdiff1d(before, after)
        found.append(
            RuleDiff(
                name,
                by_name["old"].get(name),
                by_name["new"].get(name),
                len(before),
                len(after),
                gained,
                lost,
                _rules_of(lost, alerts["new"], name),
                _rules_of(gained, alerts["old"], name),
            )
        )
    return found


def _rules_of(numbers: Ints, alerts: Mapping[str, Ints], but: str) -> Counter[str]:
    """Which rules alert on these events, and on how many of them."""
    found: Counter[str] = Counter()
    if len(numbers):
        for name, theirs in alerts.items():
            count = len(np.intersect1d(numbers, theirs)) if len(theirs) and name != but else 0
            if count:
                found[name] = count
    return found


def alerts_of(
    walk: Walk, wanted: Sequence[tuple[Rule, int]], options: AlertOptions | None = None
) -> list[Alert]:
    """The alerts that rules give on events by number, in the order asked for."""
    if not wanted:
        return []
    events: dict[int, FoundEvent] = {
        event.number: event for event in find_events(walk, [number for _, number in wanted])
    }
    formatter = AlertFormatter(walk.session.plugins.surroundings.catalogue, options)
    found = []
    for rule, number in wanted:
        event = events[number]
        found += formatter.alerts(rule, event.segment, np.array([event.row], np.int64))
    return found
