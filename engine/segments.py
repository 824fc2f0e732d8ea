"""Segments: where columns come from. Here one that is given its columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from capture.errors import FalcowbError
from engine.columns import Column, Rows, Segment
from engine.fields.model import FieldRef
from engine.gather import take

#: What tells one column of a segment from another: the field's name and its argument.
ColumnKey = tuple[str, str | None]


def column_key(ref: FieldRef) -> ColumnKey:
    return ref.info.name, ref.arg


class TableSegment:
    """A segment of ``length`` events whose columns are at hand, by field name and argument."""

    def __init__(self, length: int, columns: Mapping[ColumnKey, Column]) -> None:
        for (name, arg), column in columns.items():
            if len(column) != length:
                raise ValueError(f"{name}[{arg}]: {len(column)} rows where {length} belong")
        self._length = length
        self._columns = columns

    def __len__(self) -> int:
        return self._length

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        """Raises FalcowbError for a field that is not among the columns."""
        found = []
        for ref in refs:
            column = self._columns.get(column_key(ref))
            if column is None:
                raise FalcowbError(f"no column for field '{ref.text}'")
            found.append(column)
        return found

    def take(self, rows: Rows) -> Segment:
        taken = {key: take(column, rows) for key, column in self._columns.items()}
        return TableSegment(len(rows), taken)
