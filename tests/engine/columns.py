"""Segments made of plain Python values, for tests of what reads columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn, Rows
from engine.fields.model import FieldRef

Plain = None | bool | int | float | str | bytes | list["Plain"]


class PlainSegment:
    """Events as columns of Python values, by the field's text; other fields have no value.

    ``asked`` counts the rows each field was asked for.
    """

    def __init__(self, count: int, values: Mapping[str, Sequence[Plain]]) -> None:
        self._count = count
        self._values = values
        self.asked: dict[str, int] = {}

    def __len__(self) -> int:
        return self._count

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        for ref in refs:
            self.asked[ref.text] = self._count
        return [column(ref, self._values.get(ref.text, [None] * self._count)) for ref in refs]

    def take(self, rows: Rows) -> PlainSegment:
        taken = PlainSegment(
            len(rows),
            {name: [values[row] for row in rows] for name, values in self._values.items()},
        )
        taken.asked = self.asked
        return taken


def column(ref: FieldRef, values: Sequence[Plain]) -> Column:
    """The column of a field: a list column where it or any value is a list."""
    if ref.info.is_list or any(isinstance(value, list) for value in values):
        items = [item for value in values if isinstance(value, list) for item in value]
        lengths = [len(value) if isinstance(value, list) else 0 for value in values]
        return ListColumn(
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            _flat(ref, items),
            np.array([value is not None for value in values], np.bool_),
        )
    return _flat(ref, values)


def _flat(ref: FieldRef, values: Sequence[Plain]) -> BytesColumn | NumberColumn:
    kind = ref.info.type.physical
    if kind == "b":
        distinct: dict[bytes, int] = {}
        codes = []
        for value in values:
            if value is None:
                codes.append(-1)
                continue
            raw = value if isinstance(value, bytes) else str(value).encode()
            codes.append(distinct.setdefault(raw, len(distinct)))
        return BytesColumn(np.array(codes, np.int32), pa.array(list(distinct), pa.binary()))
    dtype = {"i": np.int64, "u": np.uint64, "f": np.float64, "?": np.bool_}[kind]
    return NumberColumn(
        np.array([value or 0 for value in values], dtype),
        np.array([value is not None for value in values], np.bool_),
    )
