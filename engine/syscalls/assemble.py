"""Columns of a segment put together from those of event types."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, Mask, NumberColumn, Rows
from engine.gather import as_binary

#: Positions in the segment, codes for them, and the values that the codes are of.
BytesPart = tuple[Rows, Codes, pa.BinaryArray]
NumberPart = tuple[Rows, npt.NDArray[np.generic], Mask | None]


def no_value(rows: int) -> BytesColumn:
    """Bytes without a value anywhere."""
    return BytesColumn(np.full(rows, -1, np.int32), pa.array([], pa.binary()))


def no_number(rows: int, dtype: npt.DTypeLike) -> NumberColumn:
    """Numbers without a value anywhere."""
    return NumberColumn(np.zeros(rows, dtype), np.zeros(rows, np.bool_))


def bytes_of(rows: int, parts: Iterable[BytesPart]) -> BytesColumn:
    """A column of ``rows`` rows from parts; rows in no part have no value."""
    codes = np.full(rows, -1, np.int32)
    tables: list[pa.BinaryArray] = []
    shift = 0
    for at, part, values in parts:
        codes[at] = np.where(part < 0, np.int32(-1), part + np.int32(shift))
        tables.append(values)
        shift += len(values)
    return BytesColumn(codes, pa.concat_arrays(tables) if tables else pa.array([], pa.binary()))


def numbers_of(rows: int, dtype: npt.DTypeLike, parts: Iterable[NumberPart]) -> NumberColumn:
    """The same for numbers; values are cast to ``dtype`` bit for bit."""
    values = np.zeros(rows, dtype)
    valid = np.zeros(rows, np.bool_)
    for at, part, known in parts:
        values[at] = part.astype(dtype, copy=False)
        valid[at] = True if known is None else known
    return NumberColumn(values, None if valid.all() else valid)


def coded(array: pa.Array) -> tuple[Codes, pa.Array]:
    """Codes (int32, -1 for null) and the distinct values they are of."""
    encoded = array.dictionary_encode()
    codes = encoded.indices
    if codes.null_count:
        codes = codes.fill_null(-1)
    return codes.to_numpy().astype(np.int32, copy=False), encoded.dictionary


def from_table(table: Sequence[bytes | None], codes: npt.NDArray[np.integer]) -> BytesColumn:
    """Texts from a small table by code, None for no value; only those used are kept."""
    used = np.bincount(codes, minlength=len(table))[: len(table)] > 0
    where = np.full(len(table), -1, np.int32)
    kept: list[bytes] = []
    for code in np.flatnonzero(used).tolist():
        text = table[code]
        if text is not None:
            where[code] = len(kept)
            kept.append(text)
    return BytesColumn(where[codes], pa.array(kept, pa.binary()))


def compact(column: BytesColumn) -> BytesColumn:
    """The same column with each distinct value once, and only those that some row has."""
    if not len(column.values):
        return column
    if (column.codes < 0).all():
        return no_value(len(column))
    encoded = as_binary(column.values).dictionary_encode()
    codes = np.append(encoded.indices.to_numpy().astype(np.int32), np.int32(-1))[column.codes]
    used = np.bincount(codes + 1, minlength=len(encoded.dictionary) + 1)[1:] > 0
    if used.all():
        return BytesColumn(codes, encoded.dictionary)
    where = np.append(np.cumsum(used).astype(np.int32) - 1, np.int32(-1))
    return BytesColumn(where[codes], encoded.dictionary.filter(pa.array(used)))


def gathered(table: BytesColumn, ids: Codes) -> BytesColumn:
    """The texts of a version table by version id; -1 has no value."""
    if not len(table.codes):
        return BytesColumn(np.full(len(ids), -1, np.int32), table.values)
    # Without a copy of the table: it may be much larger than what is picked out.
    return BytesColumn(np.where(ids < 0, np.int32(-1), table.codes[ids]), table.values)


def gathered_numbers(
    table: npt.NDArray[np.generic], ids: Codes, missing: int = 0
) -> npt.NDArray[np.generic]:
    """The numbers of a version table by version id; -1 gives ``missing``."""
    nothing = np.array(missing).astype(table.dtype)
    if not len(table):
        return np.full(len(ids), nothing)
    return np.where(ids < 0, nothing, table[ids])
