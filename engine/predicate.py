"""One check of a condition, ready to be asked of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import BytesColumn, Column, ListColumn, Mask, NumberColumn
from engine.fields.model import FieldRef
from engine.gather import all_items, any_item, has_value, plain, spread, take, used_values
from engine.operands import Columns, Operand, unique_refs
from engine.operators import OPERATORS, Test


@dataclass(frozen=True, slots=True, eq=False)
class Predicate:
    """``left`` compared by ``operator`` with constants (``test``) or with ``right``.

    ``key`` is the check's text: two predicates of one source with one key are the same. ``cost``
    is relative to the cheapest.
    """

    key: str
    left: Operand
    operator: str
    test: Test
    right: Operand | None = None
    cost: float = 1.0
    refs: tuple[FieldRef, ...] = field(default=())

    def holds(self, columns: Columns) -> Mask:
        """For each row whether the check holds."""
        left = self.left.column(columns)
        if self.right is not None:
            return _fields(self.operator, left, self.right.column(columns))
        if self.operator == "exists":
            return self._exists(left)
        if not isinstance(left, ListColumn):
            return _scalars(self.test, left)
        answers = _scalars(self.test, left.items)
        shape = self.left.shape
        every = (shape.is_list and self.operator == "in") or (
            shape.either and self.operator == "!="
        )
        held = (all_items if every else any_item)(answers, left.offsets)
        if every and not shape.is_list:  # of no value at all nothing holds
            held &= np.diff(left.offsets) > 0
        return held if left.valid is None else held & left.valid

    def _exists(self, column: Column) -> Mask:
        present = has_value(column)
        shape = self.left.shape
        # As in libs, either end of a connection exists where any file does.
        if isinstance(column, ListColumn) and not (shape.is_list or shape.either):
            present &= np.diff(column.offsets) > 0
        return present


def predicate(
    key: str, left: Operand, operator: str, test: Test, right: Operand | None, cost: float
) -> Predicate:
    operands = [left] if right is None else [left, right]
    return Predicate(key, left, operator, test, right, cost, unique_refs(operands))


def _scalars(test: Test, column: BytesColumn | NumberColumn) -> Mask:
    if isinstance(column, BytesColumn):
        column = used_values(column)
        return spread(test(column.values), column.codes)
    answers = test(column.values)
    return answers if column.valid is None else answers & column.valid


def _fields(operator: str, left: Column, right: Column) -> Mask:
    """Field against field, row by row; false where either has no value. Several values on the left
    of a field that is no list are compared each, and any may do."""
    if isinstance(left, ListColumn) and not isinstance(right, ListColumn):
        row = np.repeat(np.arange(len(left)), np.diff(left.offsets))
        answers = _fields(operator, left.items, take(right, row))
        held = any_item(answers, left.offsets)
        return held if left.valid is None else held & left.valid
    both = has_value(left) & has_value(right)
    if isinstance(left, ListColumn) and isinstance(right, ListColumn):
        return both & _lists(operator, left, right)
    if isinstance(left, NumberColumn) and isinstance(right, NumberColumn):
        return both & _NUMBERS[operator](left.values, right.values)
    assert isinstance(left, BytesColumn) and isinstance(right, BytesColumn)
    rows = np.flatnonzero(both)
    both[rows] = _texts(
        operator,
        BytesColumn(left.codes[rows], left.values),
        BytesColumn(right.codes[rows], right.values),
    )
    return both


_NUMBERS: dict[str, Callable[..., npt.NDArray[np.bool_]]] = {
    "=": np.equal, "in": np.equal, "intersects": np.equal, "!=": np.not_equal, "<": np.less,
    "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal,
}  # fmt: skip
_ORDER = {
    "<": pc.less, "<=": pc.less_equal, ">": pc.greater, ">=": pc.greater_equal,
}  # fmt: skip


def _texts(operator: str, left: BytesColumn, right: BytesColumn) -> Mask:
    """Rows all have values."""
    if operator in ("=", "!=", "in", "intersects"):
        same = _recoded(left, left.values) == _recoded(right, left.values)
        return np.asarray(~same if operator == "!=" else same)
    if operator in _ORDER:
        answers = _ORDER[operator](plain(left), plain(right))
        return np.asarray(answers.to_numpy(zero_copy_only=False), np.bool_)
    # Each distinct pair once, those with one right side together.
    pairs = right.codes.astype(np.int64) * (len(left.values) + 1) + left.codes
    distinct, places = np.unique(pairs, return_inverse=True)
    answers = np.zeros(len(distinct), np.bool_)
    rights, lefts = np.divmod(distinct, len(left.values) + 1)
    starts = np.flatnonzero(np.diff(rights, prepend=-1))
    for start, end in zip(starts, np.append(starts[1:], len(distinct)), strict=False):
        test = OPERATORS[operator].test([right.values[int(rights[start])].as_py()])
        answers[start:end] = test(left.values.take(pa.array(lefts[start:end])))
    return np.asarray(answers[places], np.bool_)


def _recoded(column: BytesColumn, values: pa.BinaryArray) -> npt.NDArray[np.int32]:
    """The column's codes in terms of ``values`` (the first place of each, for transformed values
    need not be distinct); -2 for what is not among them."""
    place = pc.index_in(column.values, values).fill_null(-2)
    return np.append(np.asarray(place, np.int32), np.int32(-2))[column.codes]


def _lists(operator: str, left: ListColumn, right: ListColumn) -> Mask:
    """``in``: every value of the left list is in the right one; ``intersects``: any is."""
    left_codes, right_codes = _common_codes(left, right)
    spread_over = int(max(left_codes.max(initial=0), right_codes.max(initial=0))) + 1
    rows_left = np.repeat(np.arange(len(left)), np.diff(left.offsets))
    rows_right = np.repeat(np.arange(len(right)), np.diff(right.offsets))
    found = np.isin(rows_left * spread_over + left_codes, rows_right * spread_over + right_codes)
    return (all_items if operator == "in" else any_item)(found, left.offsets)


def _common_codes(
    left: ListColumn, right: ListColumn
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Codes of the items of both lists in one numbering."""
    if isinstance(left.items, BytesColumn) and isinstance(right.items, BytesColumn):
        ours = _recoded(left.items, left.items.values).astype(np.int64)
        theirs = _recoded(right.items, left.items.values).astype(np.int64)
        return ours, np.where(theirs < 0, len(left.items.values), theirs)
    assert isinstance(left.items, NumberColumn) and isinstance(right.items, NumberColumn)
    both = np.concatenate((left.items.values, right.items.values))
    _, codes = np.unique(both, return_inverse=True)
    return codes[: len(left.items)], codes[len(left.items) :]
