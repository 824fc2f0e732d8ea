"""Near misses of a rule: the events that fail exactly one of its conjuncts, counted in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.columns import Column, Mask, Rows, Segment
from engine.compile import Condition, Interner, compile_condition
from engine.distinct import distinct_rows
from engine.evaluate import Evaluator, predicates_of
from engine.evttypes import event_types
from engine.explain.conjuncts import Conjunct
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.fields.model import FieldRef
from engine.folding.asked import changes
from engine.folding.simplify import simplify
from engine.gather import take
from engine.jsontext import lenient
from engine.language.ast import And
from engine.operands import FieldOperand, Operand
from engine.plan import Plan
from engine.segments import ColumnKey, column_key
from engine.values import texts

Ints = npt.NDArray[np.int64]

#: Different values that are told apart of one conjunct; events with others are only counted.
MAX_VALUES = 2_000
#: Fields that a group is told apart by.
_MOST_FIELDS = 3
#: Below this share of rows, those left are asked alone.
_FEW = 1 / 4


@dataclass(frozen=True, slots=True)
class NearValue:
    """Events that miss by one conjunct with these values of its fields (None: no value)."""

    values: tuple[str | None, ...]
    count: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NearGroup:
    """Events that fail this conjunct alone. ``fields``: what it looks at; ``values``: the most
    frequent first; ``others``: events with values beyond those that were told apart; ``first``:
    numbers of the first events."""

    conjunct: Conjunct
    fields: tuple[str, ...]
    count: int
    values: tuple[NearValue, ...]
    others: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NearMisses:
    """``events`` were asked, ``matched`` of them match. ``groups``: the largest first.
    ``not_asked``: event types that the condition leaves out, and how many events, of which not all
    fields that it looks at were kept."""

    events: int
    matched: int
    groups: tuple[NearGroup, ...]
    not_asked: tuple[tuple[str, int], ...] = ()

    @property
    def count(self) -> int:
        return sum(group.count for group in self.groups)


@dataclass(slots=True)
class _Value:
    count: int = 0
    first: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Part:
    """A conjunct being counted. ``condition`` None: it never holds."""

    conjunct: Conjunct
    condition: Condition | None
    operands: tuple[Operand, ...]
    loose: bool
    values: dict[tuple[str | None, ...], _Value] = field(default_factory=dict)
    count: int = 0
    others: int = 0
    failed: float = 0.0
    asked: float = 1.0


class NearCounter:
    """Counts the near misses of one condition over segments, in order.

    ``examples``: event numbers kept of each value. Raises ConditionError for fields that the
    catalogue does not have.
    """

    def __init__(
        self,
        parts: Sequence[Conjunct],
        catalogue: Catalogue,
        source: str,
        *,
        examples: int = 5,
    ) -> None:
        self.source = source
        self.events = 0
        self.matched = 0
        self.examples = examples
        self.not_asked: dict[str, int] = {}
        interner = Interner()
        self._evaluator = Evaluator(Plan(catalogue, source))
        self._parts: list[_Part] = []
        known: set[int] = set()
        for conjunct in parts:
            made = _part(conjunct, catalogue, source, interner)
            if made is not None and id(made.condition) not in known:
                known.add(id(made.condition))
                self._parts.append(made)
        conditions = [part.condition for part in self._parts if part.condition is not None]
        self.refs: list[FieldRef] = list(
            {column_key(ref): ref for one in predicates_of(conditions) for ref in one.refs}.values()
        )
        whole = And(tuple(one.expr for one in parts)) if len(parts) > 1 else parts[0].expr
        #: Event types that the whole condition can match; of other sources all.
        self.codes = event_types(whole) if source == SYSCALL else frozenset()

    @property
    def keys(self) -> frozenset[ColumnKey]:
        """The columns that are asked for."""
        return frozenset(map(column_key, self.refs))

    @property
    def apart(self) -> list[FieldRef]:
        """The fields that are new with every event."""
        return [ref for ref in self.refs if changes(ref)]

    def add(self, segment: Segment, numbers: Ints) -> None:
        """Count the events of a segment; ``numbers`` of theirs, int64, shape (n,), ascending."""
        if not len(segment):
            return
        self.events += len(segment)
        self._prefetch(segment)
        rows, missed = self._ask(segment, self._parts)
        self.matched += int(np.count_nonzero(missed < 0))
        self._note(segment, rows, missed, None, lambda groups: _first_of(groups, rows, numbers))

    def rows(self, segment: Segment) -> tuple[Rows, Ints]:
        """Of rows that stand for many events: those that fail at most one conjunct of what rows
        tell, and which (place in the parts; -1 for none)."""
        return self._ask(segment, [part for part in self._parts if not part.loose])

    def add_rows(
        self,
        segment: Segment,
        weights: Ints,
        examples: Callable[[npt.NDArray[np.int32], int], list[list[int]]],
    ) -> None:
        """Count rows that stand for ``weights`` events each; only where no field is ``apart``.

        ``examples`` gives the first numbers of the events of each group, told the group of each row
        (-1: none) and how many groups there are.
        """
        self.events += int(weights.sum())
        rows, missed = self.rows(segment)
        self.matched += int(weights[rows[missed < 0]].sum())

        def first(groups: npt.NDArray[np.int32]) -> list[list[int]]:
            by_row = np.full(len(segment), -1, np.int32)
            by_row[rows] = groups
            return examples(by_row, int(groups.max(initial=-1)) + 1)

        self._note(segment, rows, missed, weights[rows], first)

    def result(self, *, most_values: int = 20) -> NearMisses:
        groups = []
        for part in self._parts:
            if not part.count:
                continue
            ordered = sorted(part.values.items(), key=lambda each: -each[1].count)
            shown = ordered[:most_values]
            first = sorted({one for _, value in part.values.items() for one in value.first})
            groups.append(
                NearGroup(
                    part.conjunct,
                    tuple(_name(operand) for operand in part.operands),
                    part.count,
                    tuple(NearValue(key, one.count, tuple(one.first)) for key, one in shown),
                    part.count - sum(one.count for _, one in shown),
                    tuple(first[: self.examples]),
                )
            )
        groups.sort(key=lambda group: -group.count)
        return NearMisses(
            self.events, self.matched, tuple(groups), tuple(sorted(self.not_asked.items()))
        )

    def _prefetch(self, segment: Segment) -> None:
        """A plugin is asked for all fields at once."""
        if not getattr(segment, "one_by_one", False):
            segment.columns(self.refs)

    def _ask(self, segment: Segment, parts: Sequence[_Part]) -> tuple[Rows, Ints]:
        """The rows that fail at most one part, and for each the place of that in ``_parts``."""
        places = {id(part): place for place, part in enumerate(self._parts)}
        alive: Rows = np.arange(len(segment), dtype=np.int64)
        missed = np.full(len(segment), -1, np.int64)
        # What fails most goes first: two failures and a row is done with.
        for part in sorted(parts, key=lambda each: -each.failed / each.asked):
            if not len(alive):
                break
            held = self._held(segment, part, alive)
            part.asked += len(alive)
            part.failed += len(alive) - int(np.count_nonzero(held))
            keep = held | (missed < 0)
            missed = np.where(held, missed, places[id(part)])[keep]
            alive = alive[keep]
        return alive, missed

    def _held(self, segment: Segment, part: _Part, alive: Rows) -> Mask:
        if part.condition is None:
            return np.zeros(len(alive), np.bool_)
        if len(alive) < _FEW * len(segment):
            held = np.zeros(len(alive), np.bool_)
            held[self._evaluator.ask(_Picked(segment, alive), [part.condition])[0]] = True
            return held
        held = np.zeros(len(segment), np.bool_)
        held[self._evaluator.ask(segment, [part.condition])[0]] = True
        return held[alive]

    def _note(
        self,
        segment: Segment,
        rows: Rows,
        missed: Ints,
        weights: Ints | None,
        first: Callable[[npt.NDArray[np.int32]], list[list[int]]],
    ) -> None:
        """Count what missed by the values it had."""
        groups = np.full(len(rows), -1, np.int32)
        values: list[_Value] = []
        for place in np.unique(missed[missed >= 0]).tolist():
            part = self._parts[place]
            mine = np.flatnonzero(missed == place)
            keys, which = _by_value(segment, rows[mine], part.operands)
            weight = None if weights is None else weights[mine]
            counts = np.bincount(which, weight, len(keys)).astype(np.int64).tolist()
            part.count += sum(counts)
            known = np.full(len(keys), -1, np.int32)
            for number, (key, count) in enumerate(zip(keys, counts, strict=True)):
                if key not in part.values and len(part.values) >= MAX_VALUES:
                    part.others += count
                    continue
                value = part.values.setdefault(key, _Value())
                value.count += count
                if len(value.first) < self.examples:
                    known[number] = len(values)
                    values.append(value)
            groups[mine] = known[which]
        if not values:
            return
        for value, found in zip(values, first(groups), strict=False):
            value.first = sorted({*value.first, *found})[: self.examples]


def _part(
    conjunct: Conjunct, catalogue: Catalogue, source: str, interner: Interner
) -> _Part | None:
    """None for a conjunct that always holds."""
    simple = simplify(conjunct.expr)
    if simple is True:
        return None
    if simple is False:
        return _Part(conjunct, None, (), False)
    condition = compile_condition(simple, catalogue, source, interner=interner)
    checks = predicates_of([condition])
    operands = tuple(dict.fromkeys(one.left for one in checks))[:_MOST_FIELDS]
    loose = any(changes(ref) for one in checks for ref in one.refs)
    return _Part(conjunct, condition, operands, loose)


def _name(operand: Operand) -> str:
    return operand.ref.text if isinstance(operand, FieldOperand) else operand.name


def _by_value(
    segment: Segment, rows: Rows, operands: Sequence[Operand]
) -> tuple[list[tuple[str | None, ...]], Ints]:
    """The different values of the operands together, and which of them each row has."""
    picked = _Columns(segment, rows)
    which = np.zeros(len(rows), np.int64)
    shown: list[list[str | None]] = []
    places: list[Ints] = []
    for operand in operands:
        column = operand.column(picked)
        first, place = distinct_rows(column)
        shown.append(_texts(operand, take(column, first)))
        places.append(place)
        which = which * (len(first) + 1) + place
        _, which = np.unique(which, return_inverse=True)
    count = int(which.max(initial=-1)) + 1
    sample = np.zeros(count, np.int64)
    sample[which] = np.arange(len(rows))
    keys = [
        tuple(text[place[row]] for text, place in zip(shown, places, strict=True))
        for row in sample.tolist()
    ]
    return keys, which


def _texts(operand: Operand, column: Column) -> list[str | None]:
    name = operand.ref.info.name if isinstance(operand, FieldOperand) else ""
    shape = operand.shape
    return [
        None if text is None else lenient(text)
        for text in texts(name, shape.type, shape.is_list, column)
    ]


class _Columns:
    """Columns of some rows of a segment."""

    def __init__(self, segment: Segment, rows: Rows) -> None:
        self._segment = segment
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def column(self, ref: FieldRef) -> Column:
        return take(self._segment.columns([ref])[0], self._rows)


class _Picked:
    """Some rows of a segment, which is asked for whole columns."""

    one_by_one = True

    def __init__(self, segment: Segment, rows: Rows) -> None:
        self._segment = segment
        self._rows = rows
        self._part = segment.take(rows) if _takes_lazily(segment) else None

    def __len__(self) -> int:
        return len(self._rows)

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        if self._part is not None:
            return self._part.columns(refs)
        return [take(column, self._rows) for column in self._segment.columns(refs)]

    def take(self, rows: Rows) -> Segment:
        return _Picked(self._segment, self._rows[rows])


def _takes_lazily(segment: Segment) -> bool:
    """Whether columns asked of some rows are made of those alone."""
    return hasattr(segment, "events")


def _first_of(groups: npt.NDArray[np.int32], rows: Rows, numbers: Ints) -> list[list[int]]:
    """The first numbers of the events in each group."""
    found: list[list[int]] = [[] for _ in range(int(groups.max(initial=-1)) + 1)]
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.searchsorted(ordered, np.arange(len(found)))
    for group, start in enumerate(starts.tolist()):
        stop = int(np.searchsorted(ordered, group, "right"))
        found[group] = numbers[rows[order[start : min(stop, start + 50)]]].tolist()
    return found
