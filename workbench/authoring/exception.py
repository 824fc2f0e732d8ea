"""From a false alarm to an exception that silences it, and as little else as can be."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.compile import Interner, compile_condition
from engine.evaluate import Evaluator
from engine.language.format import constant
from engine.output import OutputFormat
from engine.plan import Plan
from engine.ruleset.model import Exception_, Rule
from workbench.authoring.candidates import PASSING, Candidate, common, equal, field_names
from workbench.authoring.hits import Asked, Ints, find_hits
from workbench.authoring.walk import Walk, find_events

#: Fields that one exception compares at most, and how many are tried together.
_MOST_FIELDS = 3
_MOST_TRIED = 40
#: Of equally narrow exceptions those of so many fields go first: which program, and on what. One
#: field would silence more elsewhere than this capture shows; three say little more than two.
_BEST_SIZE = 2
#: Alerts of a rule that are looked at; more are of the same kinds.
_MOST_ALERTS = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ExceptionDraft:
    """An exception for ``rule``: ``fields`` equal ``values``.

    ``alerts``: how many the rule gives on the capture; ``silenced``: numbers of the events it would
    be silent on, ``others`` those of them that were not marked; int64, ascending. ``existing``: the
    exception of the rule that compares the same fields, to which values can be added.
    """

    rule: str
    name: str
    fields: tuple[str, ...]
    values: tuple[str, ...]
    alerts: int
    silenced: Ints
    others: Ints
    existing: str = ""
    #: Whether each of the exception's values is a list.
    many: bool = True

    @property
    def condition(self) -> str:
        """What it excepts, as a condition."""
        pairs = zip(self.fields, self.values, strict=True)
        return " and ".join(f"{field} = {constant(value)}" for field, value in pairs)

    @property
    def row(self) -> tuple[str, ...]:
        """The values as they go into an exception, which puts quotes only around blanks."""
        return tuple(map(_in_exception, self.values))


def draft_exceptions(
    walk: Walk,
    rule: Rule,
    false_alarms: Sequence[int],
    keep: Sequence[int] = (),
    *,
    fields: Sequence[str] = (),
    most: int = 5,
) -> list[ExceptionDraft]:
    """Exceptions that silence the alerts of ``rule`` on the events ``false_alarms`` and none of
    those on ``keep``: the narrowest first, of equally narrow ones those of two fields, and the
    most telling ones. ``fields``: compare these, and no others.

    Raises FalcowbError where an event is no alert of the rule, or no comparison of what the false
    alarms have in common tells them from what is to be kept.
    """
    hits = find_hits(walk, [Asked(rule.name, rule.source, rule.condition)]).numbers[rule.name]
    for number in (*false_alarms, *keep):
        if number not in hits:
            raise FalcowbError(f"rule '{rule.name}' does not fire on event {number}")
    both = set(false_alarms) & set(keep)
    if both or not false_alarms:
        raise FalcowbError(
            f"event {min(both)} is to be silenced and kept" if both else "no false alarm is named"
        )
    catalogue = walk.session.plugins.surroundings.catalogue
    events = find_events(walk, false_alarms)
    names = list(fields) or _fields_of(rule, walk)
    found = [each for each in common(events, names, catalogue) if len(each.values) == 1]
    checks = [equal(each.field, each.values[0]) for each in found if each.op == "="]
    missing = [name for name in fields if name not in {each.field for each in checks}]
    if missing:
        raise FalcowbError(f"the false alarms do not all have the same value of {missing[0]}")
    checks = checks[:_MOST_TRIED]
    codes = _codes(walk, rule, checks, hits[:_MOST_ALERTS])
    return _choices(rule, checks, codes, hits, false_alarms, keep, bool(fields), most)


def _fields_of(rule: Rule, walk: Walk) -> list[str]:
    """Fields to compare: those that the rule's exceptions already do, those its output shows, those
    that tell most in its source."""
    catalogue = walk.session.plugins.surroundings.catalogue
    shown = OutputFormat.parse(rule.output_text, catalogue, rule.source).refs
    usual = field_names(rule.source, catalogue)
    # What only the type of the event says is the same for all alerts.
    ranked = [*_excepted(rule), *usual[:4], *(ref.text for ref in shown), *usual]
    single = [
        name
        for name in ranked
        if not PASSING.search(name) and name not in ("evt.type", "proc.tty", "evt.res")
    ]
    return list(dict.fromkeys(single))


def _excepted(rule: Rule) -> list[str]:
    return [
        name
        for each in rule.exceptions
        for name in (each.fields if isinstance(each.fields, tuple) else (each.fields,))
        if isinstance(name, str)
    ]


def _codes(
    walk: Walk, rule: Rule, checks: Sequence[Candidate], hits: Ints
) -> npt.NDArray[np.uint64]:
    """For each alert which checks hold, a bit each."""
    catalogue = walk.session.plugins.surroundings.catalogue
    interner = Interner()
    conditions = [
        compile_condition(each.expr, catalogue, rule.source, interner=interner) for each in checks
    ]
    evaluator = Evaluator(Plan(catalogue, rule.source))
    codes = np.zeros(len(hits), np.uint64)
    for piece, segment in walk.segments(rule.source):
        rows = np.flatnonzero(np.isin(piece.numbers, hits))
        if not len(rows):
            continue
        places = np.searchsorted(hits, piece.numbers[rows])
        part = segment.take(rows)
        for place, found in enumerate(evaluator.ask(part, conditions)):
            codes[places[found]] |= np.uint64(1 << place)
    return codes


def _choices(
    rule: Rule,
    checks: Sequence[Candidate],
    codes: npt.NDArray[np.uint64],
    hits: Ints,
    false_alarms: Sequence[int],
    keep: Sequence[int],
    all_of_them: bool,
    most: int,
) -> list[ExceptionDraft]:
    wanted = np.isin(hits[: len(codes)], list(false_alarms))
    kept = np.isin(hits[: len(codes)], list(keep))
    distinct, which = np.unique(codes, return_inverse=True)
    others = np.bincount(which, ~wanted, len(distinct)).astype(np.int64)
    to_keep = np.bincount(which, kept, len(distinct)).astype(np.int64)
    sizes = [len(checks)] if all_of_them else range(1, min(_MOST_FIELDS, len(checks)) + 1)
    ranked: list[tuple[int, bool, int, tuple[int, ...]]] = []
    for size in sizes:
        for places in itertools.combinations(range(len(checks)), size):
            mask = np.uint64(sum(1 << place for place in places))
            held = (distinct & mask) == mask
            if not to_keep[held].any():
                rank = int(others[held].sum()), size != _BEST_SIZE, sum(places), places
                ranked.append(rank)
    if not ranked:
        what = f"event {min(keep)}" if len(keep) == 1 else f"all of the {len(keep)} events to keep"
        raise FalcowbError(
            "nothing that the false alarms have in common tells them from " + what
            if checks
            else "the false alarms have no field in common that an exception could compare",
            hint="Mark fewer false alarms at a time, or name the fields.",
        )
    ranked.sort()
    drafts = []
    for _, _, _, places in ranked[:most]:
        mask = np.uint64(sum(1 << place for place in places))
        silent = (codes & mask) == mask
        fields = tuple(checks[place].field for place in places)
        values = tuple(checks[place].values[0] for place in places)
        existing = next((each for each in rule.exceptions if fits(each, fields)), None)
        drafts.append(
            ExceptionDraft(
                rule.name,
                _name(rule, fields) if existing is None else existing.name,
                fields,
                values,
                len(hits),
                hits[: len(codes)][silent],
                hits[: len(codes)][silent & ~wanted],
                "" if existing is None else existing.name,
                len(fields) > 1 or (existing is not None and isinstance(existing.fields, tuple)),
            )
        )
    return drafts


def fits(exception: Exception_, fields: Sequence[str]) -> bool:
    """Whether values of ``fields``, in this order, can be added to an exception."""
    if isinstance(exception.fields, str):
        return list(fields) == [exception.fields] and exception.comps == "in"
    return tuple(fields) == exception.fields and set(exception.comps) == {"="}


def _name(rule: Rule, fields: Sequence[str]) -> str:
    """A name that no exception of the rule has."""
    base = re.sub(r"[^a-z0-9]+", "_", "_".join(fields).lower()).strip("_")
    taken = {each.name for each in rule.exceptions}
    names = (base if not number else f"{base}_{number + 1}" for number in itertools.count())
    return next(name for name in names if name not in taken)


def _in_exception(value: str) -> str:
    """Falco puts quotes around what holds a blank, and nothing else: the rest is done here."""
    written = constant(value)
    return written if written != value and not _quoted_by_falco(value, written) else value


def _quoted_by_falco(value: str, written: str) -> bool:
    return " " in value and value[0] not in "\"'" and written == f'"{value}"'
