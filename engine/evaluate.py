"""Asking a plan of a segment: which rules match which events.

Every predicate is asked at most once of a row. While most rows are undecided it is asked of whole
columns; once few are left, of those alone. What was found is kept with the segment, if wanted, so
that an edited rule costs only its own new predicates.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from engine.columns import BytesColumn, Column, Mask, NumberColumn, Rows, Segment
from engine.compile import AllOf, AnyOf, Condition, Leaf, Negated
from engine.fields.model import FieldRef
from engine.gather import take
from engine.operands import FieldOperand
from engine.plan import Plan, predicates
from engine.predicate import Predicate
from engine.segments import ColumnKey, column_key

#: Below this share of a segment's rows, rows are picked out and asked alone.
_FEW = 1 / 8


#: The order in which the parts of a condition are asked is found out anew after so many segments.
_MOST_SEGMENTS = 16
#: By the parts of a condition as they stand, and the answer that lets an event go on.
_Orders = dict[tuple[tuple[Condition, ...], bool], list[Condition]]

#: So many rows and distinct values together are asked in the time that picking rows out takes.
_LIGHT = 20_000


@dataclass(frozen=True, slots=True)
class Verdicts:
    """For each rule of the plan (``rules``, load order) the ascending rows that match."""

    rules: tuple[str, ...]
    rows: tuple[Rows, ...]

    def every(self) -> tuple[Rows, npt.NDArray[np.int64]]:
        """``rule_matching: all``: rows ascending, and the rule (place in ``rules``) of each; rules
        of one row in load order."""
        if not self.rows:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        rows = np.concatenate(self.rows)
        rule = np.repeat(np.arange(len(self.rows)), [len(found) for found in self.rows])
        order = np.lexsort((rule, rows))
        return rows[order], rule[order]

    def first(self) -> tuple[Rows, npt.NDArray[np.int64]]:
        """``rule_matching: first``: each row only with the first rule that matches it."""
        rows, rule = self.every()
        new = np.ones(len(rows), np.bool_)
        new[1:] = rows[1:] != rows[:-1]
        return rows[new], rule[new]


@dataclass(slots=True)
class _Pass:
    """How often a predicate held of the rows it was asked of."""

    asked: float = 1.0
    held: float = 0.5

    @property
    def rate(self) -> float:
        return self.held / self.asked


Packed = npt.NDArray[np.uint8]


@dataclass(slots=True)
class _Answers:
    """What is known of one segment: whole answers, and those for some rows (which, and what).

    Between judgements they are packed, a bit an answer.
    """

    whole: dict[Predicate, Mask] = field(default_factory=dict)
    some: dict[Predicate, tuple[Mask, Mask]] = field(default_factory=dict)
    _whole: dict[Predicate, Packed] = field(default_factory=dict)
    _some: dict[Predicate, tuple[Packed, Packed]] = field(default_factory=dict)

    def pack(self) -> None:
        for predicate, held in self.whole.items():
            self._whole[predicate] = np.packbits(held)
            self._some.pop(predicate, None)
        for predicate, (known, held) in self.some.items():
            self._some[predicate] = np.packbits(known), np.packbits(held)
        self.whole.clear()
        self.some.clear()

    def unpack(self, wanted: Iterable[Predicate], length: int) -> None:
        def unpacked(bits: Packed) -> Mask:
            return np.unpackbits(bits, count=length).view(np.bool_)

        for predicate in wanted:
            if predicate in self._whole:
                self.whole[predicate] = unpacked(self._whole[predicate])
            elif predicate in self._some:
                known, held = self._some[predicate]
                self.some[predicate] = unpacked(known), unpacked(held)

    def keep_only(self, predicates: set[Predicate]) -> None:
        for known in (self._whole, self._some):
            for predicate in known.keys() - predicates:
                del known[predicate]


class Evaluator:
    """Judges segments by a plan. ``remember`` keeps answers for as long as the segment lives.

    All fields that any rule may need are asked of a segment in one call. Asking first for the
    fields that decide most rows, and for the rest only of what is left, was measured on audit
    events and does not pay: reading an event's text costs more than all its fields. A segment with
    a true ``one_by_one`` is asked for a column when some row needs it, and never for the others.
    """

    def __init__(self, plan: Plan, *, remember: bool = False) -> None:
        self.plan = plan
        self._remember = remember
        self._known: weakref.WeakKeyDictionary[Segment, _Answers] = weakref.WeakKeyDictionary()
        self._passes: dict[Predicate, _Pass] = {}
        self._orders: _Orders = {}
        self._until_reorder = 0
        self._reorder_after = 1

    def judge(self, segment: Segment, also: Iterable[FieldRef] = ()) -> Verdicts:
        """Which rules match which events of ``segment``. Raises what the segment raises.

        ``also``: fields that will be asked of most events afterwards, so that the segment finds
        them together with those of the conditions.
        """
        rules = self.plan.rules
        found = self.ask(segment, [rule.condition for rule in rules], also)
        return Verdicts(tuple(rule.key for rule in rules), tuple(found))

    def matching(self, segment: Segment, condition: Condition) -> Rows:
        """The rows of which one condition (of this plan's source) holds."""
        return self.ask(segment, [condition])[0]

    def forget_unused(self) -> None:
        """Let go of what is known of predicates that no rule uses any more."""
        self.plan.forget_unused()
        used = set(self.plan.predicates)
        for answers in self._known.values():
            answers.keep_only(used)
        self._passes = {one: passed for one, passed in self._passes.items() if one in used}
        self._orders = {}

    def ask(
        self, segment: Segment, conditions: Sequence[Condition], also: Iterable[FieldRef] = ()
    ) -> list[Rows]:
        answers = self._known.setdefault(segment, _Answers()) if self._remember else _Answers()
        wanted = predicates_of(conditions)
        answers.unpack(wanted, len(segment))
        judge = _Judge(segment, answers, self._passes, self._latest_orders())
        judge.fetch(wanted, also)
        try:
            return [np.flatnonzero(judge.ask(condition, None)) for condition in conditions]
        finally:
            if self._remember:
                answers.pack()

    def _latest_orders(self) -> _Orders:
        """In which order to ask, as last found out; after some segments it is found out anew."""
        if not self._until_reorder:
            self._orders = {}
            self._until_reorder = self._reorder_after
            self._reorder_after = min(2 * self._reorder_after, _MOST_SEGMENTS)
        self._until_reorder -= 1
        return self._orders


def predicates_of(conditions: Iterable[Condition]) -> list[Predicate]:
    """Every predicate of some conditions, each once."""
    return list(dict.fromkeys(p for condition in conditions for p in predicates(condition)))


class _Judge:
    """One segment being judged."""

    def __init__(
        self,
        segment: Segment,
        answers: _Answers,
        passes: dict[Predicate, _Pass],
        orders: _Orders,
    ) -> None:
        self.segment = segment
        self.length = len(segment)
        self.answers = answers
        self.passes = passes
        self.orders = orders
        self.columns: dict[ColumnKey, Column] = {}
        self.nodes: dict[Condition, Mask] = {}

    def __len__(self) -> int:
        return self.length

    def column(self, ref: FieldRef) -> Column:
        key = column_key(ref)
        column = self.columns.get(key)
        if column is None:
            column = self.columns[key] = self.segment.columns([ref])[0]
        return column

    def fetch(self, wanted: Sequence[Predicate], also: Iterable[FieldRef] = ()) -> None:
        """All columns that unanswered predicates need, and some others, in one call; none of a
        segment that makes them one by one."""
        if getattr(self.segment, "one_by_one", False):
            return
        refs: dict[ColumnKey, FieldRef] = {column_key(ref): ref for ref in also}
        for predicate in wanted:
            if predicate not in self.answers.whole:
                for ref in predicate.refs:
                    refs.setdefault(column_key(ref), ref)
        if refs:
            columns = self.segment.columns(list(refs.values()))
            self.columns.update(zip(refs, columns, strict=True))

    def ask(self, node: Condition, rows: Rows | None) -> Mask:
        """Whether the condition holds of each of ``rows`` (ascending), or of every row."""
        if isinstance(node, Leaf):
            return self.ask_predicate(node.predicate, rows)
        whole = self.nodes.get(node)
        if whole is not None:
            return whole if rows is None else whole[rows]
        match node:
            case Negated(child):
                held = ~self.ask(child, rows)
            case AllOf(children):
                held = self.ask_all(children, rows, True)
            case AnyOf(children):
                held = ~self.ask_all(children, rows, False)
        if rows is None:
            self.nodes[node] = held
        return held

    def ask_all(self, children: tuple[Condition, ...], rows: Rows | None, want: bool) -> Mask:
        """Of which rows every child's answer is ``want``; children are asked only of rows of which
        all before them said so."""
        length = self.length if rows is None else len(rows)
        alive = np.ones(length, np.bool_)
        few: npt.NDArray[np.int64] | None = (
            None  # places in ``alive`` still true, once they are few
        )
        order = self.orders.get((children, want))
        if order is None:
            order = self.orders[children, want] = self.ordered(children, want)
        for child in order:
            if few is None:
                held = self.ask(child, rows)
                alive &= held if want else ~held
                if np.count_nonzero(alive) < _FEW * self.length:
                    few = np.flatnonzero(alive)
            else:
                if not len(few):
                    break
                held = self.ask(child, few if rows is None else rows[few])
                lost = few[~held if want else held]
                alive[lost] = False
                few = few[held if want else ~held]
        return alive

    def ordered(self, children: Sequence[Condition], want: bool) -> list[Condition]:
        """What decides most rows for the least work first."""

        def rank(child: Condition) -> float:
            cost, rate = self.estimate(child)
            decided = 1.0 - rate if want else rate
            return cost / max(decided, 0.01)

        return sorted(children, key=rank)

    def estimate(self, node: Condition) -> tuple[float, float]:
        """Cost of asking, and the share of rows expected to hold."""
        match node:
            case Leaf(predicate):
                known = predicate in self.answers.whole
                passed = self.passes.get(predicate)
                return 0.05 if known else predicate.cost, 0.5 if passed is None else passed.rate
            case Negated(child):
                cost, rate = self.estimate(child)
                return cost, 1.0 - rate
            case AllOf(children) | AnyOf(children):
                if node in self.nodes:
                    return 0.05, np.count_nonzero(self.nodes[node]) / max(self.length, 1)
                costs, rates = zip(*map(self.estimate, children), strict=True)
                if isinstance(node, AllOf):
                    return sum(costs), min(rates)
                return sum(costs), max(rates)

    def ask_predicate(self, predicate: Predicate, rows: Rows | None) -> Mask:
        whole = self.answers.whole.get(predicate)
        if whole is None and (
            rows is None or len(rows) >= _FEW * self.length or self.is_light(predicate)
        ):
            whole = predicate.holds(self)
            self.answers.whole[predicate] = whole
            self.answers.some.pop(predicate, None)
            self.note(predicate, whole)
        if whole is not None:
            return whole if rows is None else whole[rows]
        assert rows is not None
        return self.ask_some(predicate, rows)

    def is_light(self, predicate: Predicate) -> bool:
        """Whether asking all rows costs no more than picking some out."""
        if predicate.right is not None or not isinstance(predicate.left, FieldOperand):
            return False
        column = self.columns.get(column_key(predicate.left.ref))
        if isinstance(column, BytesColumn):
            return self.length + len(column.values) * predicate.cost <= _LIGHT
        return isinstance(column, NumberColumn) and self.length <= _LIGHT

    def ask_some(self, predicate: Predicate, rows: Rows) -> Mask:
        some = self.answers.some.get(predicate)
        if some is None:
            some = np.zeros(self.length, np.bool_), np.zeros(self.length, np.bool_)
            self.answers.some[predicate] = some
        known, answers = some
        new = rows[~known[rows]]
        if len(new):
            held = predicate.holds(_Picked(self, new))
            answers[new] = held
            known[new] = True
            self.note(predicate, held)
        return answers[rows]

    def note(self, predicate: Predicate, held: Mask) -> None:
        passed = self.passes.setdefault(predicate, _Pass())
        # Halved now and then, so that what came lately counts more.
        if passed.asked > 1e6:
            passed.asked /= 2
            passed.held /= 2
        passed.asked += len(held)
        passed.held += np.count_nonzero(held)


class _Picked:
    """Some rows of a segment's columns."""

    def __init__(self, judge: _Judge, rows: Rows) -> None:
        self.judge = judge
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, ref: FieldRef) -> Column:
        return take(self.judge.column(ref), self.rows)
