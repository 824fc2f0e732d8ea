"""Which events the rules match: rows by rule, and which rule of an event is the one that alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.ruleset.model import Rule
from engine.ruleset.selection import Matching

Ints = npt.NDArray[np.int64]
_NONE: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Verdicts:
    """What is known now; ``version`` rises with every change.

    ``rules`` in load order, ``rows`` (ascending) of the events each matches, by name. ``seen``
    events were looked at. ``alert_rows``: events that alert, ascending, and ``alert_rules`` the
    place in ``rules`` of the one that does: of each source the first that matches. With
    ``Matching.ALL`` every rule that matches alerts; the table still holds the gravest.
    """

    version: int = 0
    rules: tuple[Rule, ...] = ()
    rows: Mapping[str, Ints] = field(default_factory=dict)
    seen: int = 0
    complete: bool = False
    alert_rows: Ints = field(default_factory=lambda: _NONE)
    alert_rules: Ints = field(default_factory=lambda: _NONE)
    alerts: Mapping[str, int] = field(default_factory=dict)

    def matching(self, row: int) -> list[Rule]:
        """The rules that match an event, in load order."""
        return [rule for rule in self.rules if _has(self.rows.get(rule.name, _NONE), row)]

    def at(self, rows: Ints) -> Ints:
        """The place in ``rules`` of the rule that alerts at each row, -1 for none."""
        found = np.searchsorted(self.alert_rows, rows)
        there = np.append(self.alert_rows, -1)[found] == rows
        return np.where(there, np.append(self.alert_rules, -1)[found], -1)


def verdicts(
    version: int,
    rules: Sequence[Rule],
    rows: Mapping[str, Ints],
    matching: Matching,
    *,
    seen: int,
    complete: bool,
) -> Verdicts:
    """Put together what each rule matches."""
    parts = [rows.get(rule.name, _NONE) for rule in rules]
    every = np.concatenate([_NONE, *parts])
    places = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    if matching is Matching.ALL:
        alerts = {rule.name: len(part) for rule, part in zip(rules, parts, strict=True)}
        grave = np.array([rule.priority for rule in rules], np.int64)
        order = np.lexsort((places, grave[places], every)) if len(every) else _NONE
    else:
        order = np.lexsort((places, every))
    every, places = every[order], places[order]
    first = np.ones(len(every), np.bool_)
    first[1:] = every[1:] != every[:-1]
    alert_rows, alert_rules = every[first], places[first].astype(np.int64)
    if matching is Matching.FIRST:
        counts = np.bincount(alert_rules, minlength=len(rules)).tolist()
        alerts = {rule.name: counts[place] for place, rule in enumerate(rules)}
    return Verdicts(
        version, tuple(rules), dict(rows), seen, complete, alert_rows, alert_rules, alerts
    )


def _has(rows: Ints, row: int) -> bool:
    place = int(np.searchsorted(rows, row))
    return place < len(rows) and int(rows[place]) == row
