"""From marked events to a rule that they satisfy and few others do, and a test for it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.columns import Mask, Rows
from engine.compile import Condition, Interner, compile_condition
from engine.evaluate import Evaluator
from engine.fields.catalogue import SYSCALL
from engine.language.ast import And, Expr
from engine.language.format import format_condition
from engine.plan import Plan
from workbench.authoring.candidates import Candidate, common, field_names, values_of
from workbench.authoring.walk import FoundEvent, Walk, find_events

Codes = npt.NDArray[np.uint64]

#: Checks that a draft has at most, the event's type apart.
_MOST_CHECKS = 5
#: Checks that a draft has at least, the event's type apart: what tells events apart in one capture
#: may be common elsewhere.
_LEAST_CHECKS = 2
#: A check is worth adding that leaves out at least this share of what is left.
_WORTH = 0.02
#: Of checks that leave out nearly as much, the more telling one is taken.
_NEARLY = 0.9
_TYPE = "evt.type"
#: Fields that say the same in other words: one of them is enough where nothing is to be left out.
_KIN = {
    "proc.name": "program", "proc.exepath": "program", "proc.exe": "program",
    "fd.name": "file", "fd.directory": "file", "user.name": "user", "user.uid": "user",
    "proc.pname": "parent", "proc.pexepath": "parent",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """A check of the draft, and how many events of the capture are left once it is added, those
    marked included."""

    check: Candidate
    left: int


@dataclass(frozen=True, slots=True)
class Draft:
    """``steps``: the most selective check first, but for the event's type. ``matches``: events of
    the capture that satisfy all, ``others`` of them were not marked. ``further``: checks that the
    marked events satisfy as well. ``rule`` and ``test`` are YAML."""

    name: str
    source: str
    steps: tuple[Step, ...]
    further: tuple[Candidate, ...]
    matches: int
    others: int
    events: int
    rule: str
    test: str

    @property
    def condition(self) -> Expr:
        return _joined([step.check for step in self.steps])


def draft_rule(walk: Walk, marked: Sequence[int], *, name: str = "Draft") -> Draft:
    """Draft a rule for the events of these numbers, which must be of one source.

    The capture is gone through twice: to find the events, and to measure. Raises FalcowbError.
    """
    events = find_events(walk, marked)
    if not events:
        raise FalcowbError("no events are marked")
    source = events[0].source
    if any(event.source != source for event in events):
        raise FalcowbError("the marked events are of several sources; a rule has one")
    catalogue = walk.session.plugins.surroundings.catalogue
    first = common(events, [_TYPE], catalogue) if source == SYSCALL else []
    rest = common(events, field_names(source, catalogue), catalogue)
    table = _measured(walk, source, first, rest, {event.number for event in events})
    steps = _chosen(first, rest, table, len(events))
    checks = [step.check for step in steps]
    further = tuple(each for each in rest if each not in checks)
    left = steps[-1].left if steps else table.events
    return Draft(
        name,
        source,
        tuple(steps),
        further,
        left,
        left - len(events),
        table.events,
        _rule(name, source, checks, events),
        _test(walk, name, checks, events),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Which checks hold together, for events that are not marked: ``codes`` (a bit a check) and
    ``counts``."""

    codes: Codes
    counts: npt.NDArray[np.int64]
    events: int


def _measured(
    walk: Walk,
    source: str,
    first: Sequence[Candidate],
    rest: Sequence[Candidate],
    marked: set[int],
) -> _Table:
    """Of events that fail one of ``first``, nothing else is asked."""
    catalogue = walk.session.plugins.surroundings.catalogue
    interner = Interner()

    def compiled(checks: Sequence[Candidate]) -> list[Condition]:
        return [compile_condition(one.expr, catalogue, source, interner=interner) for one in checks]

    early, late = compiled(first), compiled(rest)
    evaluator = Evaluator(Plan(catalogue, source))
    seen: Counter[int] = Counter()
    events = 0
    numbers = np.array(sorted(marked), np.int64)
    for piece, segment in walk.segments(source):
        events += len(piece)
        codes: Codes = np.zeros(len(piece), np.uint64)
        alive: Rows = np.arange(len(piece), dtype=np.int64)
        for place, condition in enumerate(early):
            held = evaluator.ask(segment, [condition])[0]
            codes[held] |= np.uint64(1 << place)
            alive = np.intersect1d(alive, held)
        part = segment.take(alive) if len(alive) < len(piece) else segment
        if len(alive):
            for place, rows in enumerate(evaluator.ask(part, late), len(early)):
                codes[alive[rows]] |= np.uint64(1 << place)
        codes = codes[~np.isin(piece.numbers, numbers)]
        for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
            seen[int(code)] += int(count)
    return _Table(np.array(list(seen), np.uint64), np.array(list(seen.values()), np.int64), events)


def _chosen(
    first: Sequence[Candidate], rest: Sequence[Candidate], table: _Table, marked: int
) -> list[Step]:
    """Checks in order: the event's type, for it is what Falco sorts events by; then what leaves
    out most, as long as that is worth a check."""
    steps: list[Step] = []
    codes, counts = table.codes, table.counts

    def holds(place: int) -> Mask:
        return np.asarray(codes & np.uint64(1 << place), np.bool_)

    for place, check in enumerate(first):
        held = holds(place)
        codes, counts = codes[held], counts[held]
        steps.append(Step(check, int(counts.sum()) + marked))
    left = list(enumerate(rest, len(first)))
    while left and len(steps) < len(first) + _MOST_CHECKS:
        gains = [int(counts[~holds(place)].sum()) for place, _ in left]
        best = max(gains)
        worth = best and best >= _WORTH * counts.sum()
        if not worth and len(steps) >= len(first) + _LEAST_CHECKS:
            break
        said = {_KIN.get(step.check.field) for step in steps} - {None}
        new = [_KIN.get(check.field) not in said for _, check in left]
        if not worth and not any(new):
            break
        at = next(
            index
            for index, gain in enumerate(gains)
            if gain >= _NEARLY * best and (worth or new[index])
        )
        place, check = left.pop(at)
        held = holds(place)
        codes, counts = codes[held], counts[held]
        steps.append(Step(check, int(counts.sum()) + marked))
    return steps


def _joined(checks: Sequence[Candidate]) -> Expr:
    if not checks:
        raise FalcowbError(
            "the marked events have no field in common that a rule could ask for",
            hint="Mark events that are alike.",
        )
    return And(tuple(each.expr for each in checks)) if len(checks) > 1 else checks[0].expr


def _rule(name: str, source: str, checks: Sequence[Candidate], events: Sequence[FoundEvent]) -> str:
    condition = format_condition(_joined(checks))
    fields = dict.fromkeys(check.field for check in checks)
    short = Counter(field.rpartition(".")[2] for field in fields)
    shown = " ".join(f"{_label(field, short)}=%{field}" for field in fields)
    numbers = ", ".join(str(event.number) for event in events[:10])
    more = f" and {len(events) - 10} more" if len(events) > 10 else ""
    lines = [
        f"- rule: {scalar(name)}",
        f"  desc: {scalar(f'Drafted from event {numbers}{more}.')}",
        *([] if source == SYSCALL else [f"  source: {scalar(source)}"]),
        "  condition: >",
        *(f"    {line}" for line in condition.split("\n")),
        f"  output: {scalar(f'{name} | {shown}')}",
        "  priority: NOTICE",
        "  tags: []",
    ]
    return "\n".join(lines) + "\n"


def _label(field: str, short: Counter[str]) -> str:
    last = field.rpartition(".")[2]
    return last if short[last] == 1 else field.replace(".", "_")


def _test(walk: Walk, name: str, checks: Sequence[Candidate], events: Sequence[FoundEvent]) -> str:
    """One marked event with the fields that the rule looks at, and the capture with all."""
    catalogue = walk.session.plugins.surroundings.catalogue
    names = list(dict.fromkeys(check.field for check in checks))
    lines = [f"- rule: {scalar(name)}"]
    if walk.path is not None:
        numbers = ", ".join(str(event.number) for event in events)
        lines += [f"  capture: {scalar(walk.path)}", f"  events: [{numbers}]"]
    lines.append("  fires:")
    for event in events[:3]:
        lines += [f"    - why: {scalar(f'Event {event.number}')}", "      fields:"]
        values = values_of(event, names, catalogue)
        lines += [f"        {field}: {_typed(values[field])}" for field in names if values[field]]
    return "\n".join(lines) + "\n"


def scalar(text: str) -> str:
    """A text as a YAML scalar: JSON's form is YAML's double quoted one; bare where nothing in it
    could be taken for anything else."""
    plain = text and all(part.isascii() and part.isalnum() for part in text.split(" "))
    words = ("true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf")
    if plain and text[0].isalpha() and text.lower() not in words and text == text.strip():
        return text
    return json.dumps(text, ensure_ascii=False)


def _typed(value: str | None) -> str:
    """A field's value as tests take it: numbers and booleans as such where they read so."""
    assert value is not None
    number = value.removeprefix("-")
    if value in ("true", "false") or (number.isdigit() and str(int(value)) == value):
        return value
    return json.dumps(value, ensure_ascii=False)
