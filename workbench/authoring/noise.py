"""What makes rules noisy: the alerts of each on a capture, by what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from engine.distinct import distinct_rows
from engine.fields.catalogue import SYSCALL
from engine.gather import take
from engine.jsontext import lenient
from engine.output import OutputFormat
from engine.ruleset.model import Rule
from engine.ruleset.selection import RuleSet
from engine.values import texts
from workbench.authoring.candidates import PASSING
from workbench.authoring.hits import Asked, alerting, find_hits
from workbench.authoring.walk import Walk

#: Fields that alerts are told apart by, and kinds that are counted.
_MOST_FIELDS = 4
_MOST_KINDS = 5_000
_EXAMPLES = 3
_CALLS = ("proc.name", "proc.pname", "fd.name", "container.image.repository")


@dataclass(frozen=True, slots=True)
class Kind:
    """Alerts with these values of the rule's fields (None: no value)."""

    values: tuple[str | None, ...]
    count: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RuleNoise:
    """``kinds``: the most frequent first."""

    rule: str
    alerts: int
    fields: tuple[str, ...]
    kinds: tuple[Kind, ...]


@dataclass(slots=True)
class _Counted:
    count: int = 0
    first: list[int] = field(default_factory=list)


def noise(walk: Walk, ruleset: RuleSet, rules: Sequence[Rule] | None = None) -> list[RuleNoise]:
    """Of rules that alert on the capture (by default all that are on), the noisiest first."""
    wanted = list(ruleset.enabled() if rules is None else rules)
    asked = [Asked(rule.name, rule.source, rule.condition) for rule in wanted]
    alerts = alerting(wanted, find_hits(walk, asked).numbers, ruleset.matching)
    firing = [rule for rule in wanted if len(alerts[rule.name])]
    fields = {rule.name: _fields(rule, walk) for rule in firing}
    kinds: dict[str, dict[tuple[str | None, ...], _Counted]] = {rule.name: {} for rule in firing}
    catalogue = walk.session.plugins.surroundings.catalogue
    for source in dict.fromkeys(rule.source for rule in firing):
        mine = [rule for rule in firing if rule.source == source]
        for piece, segment in walk.segments(source):
            for rule in mine:
                rows = np.flatnonzero(np.isin(piece.numbers, alerts[rule.name]))
                if not len(rows):
                    continue
                part = segment.take(rows)
                refs = [catalogue.lookup(name, None, source) for name in fields[rule.name]]
                which = np.zeros(len(rows), np.int64)
                columns = part.columns(refs)
                for column in columns:
                    first, place = distinct_rows(column)
                    _, which = np.unique(which * (len(first) + 1) + place, return_inverse=True)
                _, sample, counts = np.unique(which, return_index=True, return_counts=True)
                shown = [
                    [None if text is None else lenient(text) for text in each]
                    for each in (
                        texts(ref.info.name, ref.info.type, ref.is_list, take(column, sample))
                        for ref, column in zip(refs, columns, strict=True)
                    )
                ]
                for group, count in enumerate(counts.tolist()):
                    key = tuple(text[group] for text in shown)
                    if key in kinds[rule.name] or len(kinds[rule.name]) < _MOST_KINDS:
                        counted = kinds[rule.name].setdefault(key, _Counted())
                        counted.count += count
                        if len(counted.first) < _EXAMPLES:
                            theirs = piece.numbers[rows[np.flatnonzero(which == group)[:_EXAMPLES]]]
                            counted.first = [*counted.first, *theirs.tolist()][:_EXAMPLES]
    found = [
        RuleNoise(
            rule.name,
            len(alerts[rule.name]),
            tuple(fields[rule.name]),
            tuple(
                Kind(key, each.count, tuple(each.first))
                for key, each in sorted(kinds[rule.name].items(), key=lambda pair: -pair[1].count)
            ),
        )
        for rule in firing
    ]
    return sorted(found, key=lambda each: -each.alerts)


def _fields(rule: Rule, walk: Walk) -> list[str]:
    """The first fields of the rule's output that may be alike in several alerts."""
    catalogue = walk.session.plugins.surroundings.catalogue
    shown = OutputFormat.parse(rule.output_text, catalogue, rule.source).refs
    names = [ref.text for ref in shown if ref.arg is None and not PASSING.search(ref.text)]
    if rule.source == SYSCALL:
        names = [name for name in _CALLS if catalogue.has(name, None, SYSCALL)]
    return list(dict.fromkeys(names))[:_MOST_FIELDS]
