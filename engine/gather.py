"""Work on columns: choosing rows, going from distinct values to rows, from items to lists."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, Column, ListColumn, Mask, NumberColumn, Rows


def take(column: Column, rows: Rows) -> Column:
    """The column at ``rows``. Distinct values are shared, not copied."""
    match column:
        case BytesColumn(codes, values):
            return BytesColumn(codes[rows], values)
        case NumberColumn(values, valid):
            return NumberColumn(values[rows], None if valid is None else valid[rows])
        case ListColumn(offsets, items, valid):
            starts = offsets[:-1][rows]
            lengths = offsets[1:][rows] - starts
            new = offsets_of(lengths)
            places = np.repeat(starts - new[:-1], lengths) + np.arange(new[-1])
            return ListColumn(
                new, _item_rows(items, places), None if valid is None else valid[rows]
            )


def _item_rows(
    items: BytesColumn | NumberColumn, rows: npt.NDArray[np.int64]
) -> BytesColumn | NumberColumn:
    taken = take(items, rows)
    assert not isinstance(taken, ListColumn)
    return taken


def offsets_of(lengths: npt.NDArray[np.int64]) -> Rows:
    """Offsets of lists of these lengths: shape (n + 1,), from 0."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def has_value(column: Column) -> Mask:
    """Which rows have a value; a fresh array."""
    if isinstance(column, BytesColumn):
        return column.codes >= 0
    if column.valid is None:
        return np.ones(len(column), np.bool_)
    return column.valid.copy()


def spread(answers: Mask, codes: Codes) -> Mask:
    """Answers for distinct values, by row; no value gives False."""
    answers_and_none = np.zeros(len(answers) + 1, np.bool_)
    answers_and_none[:-1] = answers
    by_row: Mask = answers_and_none[codes.astype(np.intp)]  # else numpy goes one by one
    return by_row


def used_values(column: BytesColumn) -> BytesColumn:
    """The same column with only those distinct values that some row has, where that spares work."""
    if len(column.values) <= 2 * len(column.codes):
        return column
    used, codes = np.unique(column.codes, return_inverse=True)
    if len(used) and used[0] < 0:
        used, codes = used[1:], codes - 1
    return BytesColumn(codes.astype(np.int32), column.values.take(pa.array(used)))


def any_item(items: Mask, offsets: Rows) -> Mask:
    """Whether any item of each list holds; False for an empty list."""
    return held(items, offsets) > 0


def all_items(items: Mask, offsets: Rows) -> Mask:
    """Whether every item of each list holds; True for an empty list."""
    return np.equal(held(items, offsets), np.diff(offsets))


def held(items: Mask, offsets: Rows) -> npt.NDArray[np.int64]:
    """How many items of each list hold."""
    sums = np.zeros(len(items) + 1, np.int64)
    np.cumsum(items, out=sums[1:])
    return sums[offsets[1:]] - sums[offsets[:-1]]


def distinct(values: pa.Array, present: Mask | None = None) -> BytesColumn:
    """A column from one text or byte string a row (nulls for no value)."""
    coded = values.dictionary_encode()
    codes = np.asarray(coded.indices.fill_null(-1)).astype(np.int32, copy=False)
    if present is not None:
        codes = np.where(present, codes, np.int32(-1))
    return BytesColumn(codes, as_binary(coded.dictionary))


def plain(column: BytesColumn) -> pa.Array:
    """One byte string a row, null for no value: the inverse of :func:`distinct`."""
    return column.values.take(pa.array(column.codes, mask=column.codes < 0))


def as_binary(values: pa.Array) -> pa.BinaryArray:
    return values if values.type == pa.binary() else values.cast(pa.binary())


def from_arrow(array: pa.Array) -> Column:
    """A column from an array as extraction gives it: dictionary coded binary, numbers, booleans,
    or lists of those. An empty list is no value, as in Falco."""
    if isinstance(array, pa.ListArray):
        offsets = np.asarray(array.offsets).astype(np.int64)
        items = from_arrow(array.values.slice(offsets[0], offsets[-1] - offsets[0]))
        assert not isinstance(items, ListColumn)
        valid = np.diff(offsets) > 0
        if array.null_count:
            valid &= _validity(array)
        return ListColumn(offsets - offsets[0], items, None if valid.all() else valid)
    if isinstance(array, pa.DictionaryArray):
        codes = array.indices if array.null_count == 0 else array.indices.fill_null(-1)
        return BytesColumn(np.asarray(codes, np.int32), as_binary(array.dictionary))
    if pa.types.is_binary(array.type) or pa.types.is_string(array.type):
        return distinct(array)
    missing = _validity(array) if array.null_count else None
    values = array if missing is None else array.fill_null(0)
    return NumberColumn(values.to_numpy(zero_copy_only=False), missing)


def _validity(array: pa.Array) -> Mask:
    return np.asarray(array.is_valid().to_numpy(zero_copy_only=False), np.bool_)


def only_value(column: Column) -> Column:
    """Of a list column the first value of each row, as a column of single values."""
    if not isinstance(column, ListColumn):
        return column
    filled = np.diff(column.offsets) > 0
    if column.valid is not None:
        filled &= column.valid
    if not len(column.items):
        column = ListColumn(column.offsets, _no_items(column.items), column.valid)
        places = np.zeros(len(column), np.int64)
    else:
        places = np.minimum(column.offsets[:-1], len(column.items) - 1)
    picked = take(column.items, places)
    if isinstance(picked, BytesColumn):
        return BytesColumn(np.where(filled, picked.codes, np.int32(-1)), picked.values)
    assert isinstance(picked, NumberColumn)
    return NumberColumn(picked.values, filled)


def _no_items(items: BytesColumn | NumberColumn) -> BytesColumn | NumberColumn:
    """One row without a value, of the same kind."""
    if isinstance(items, BytesColumn):
        return BytesColumn(np.full(1, -1, np.int32), items.values)
    return NumberColumn(np.zeros(1, items.values.dtype), np.zeros(1, np.bool_))


def constant(value: bytes, rows: int) -> BytesColumn:
    return BytesColumn(np.zeros(rows, np.int32), pa.array([value], pa.binary()))


def bytes_buffers(values: pa.BinaryArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets (from 0, shape (n + 1,)) and data of an array without nulls; views where possible."""
    _, offset_buffer, data_buffer = values.buffers()
    if offset_buffer is None or len(values) == 0:
        return np.zeros(len(values) + 1, np.int32), np.zeros(0, np.uint8)
    offsets = np.frombuffer(offset_buffer, np.int32)[
        values.offset : values.offset + len(values) + 1
    ]
    start, end = int(offsets[0]), int(offsets[-1])
    data = np.zeros(0, np.uint8) if data_buffer is None else np.frombuffer(data_buffer, np.uint8)
    return offsets - start if start else offsets, data[start:end]


def from_buffers(offsets: npt.NDArray[np.int32], data: npt.NDArray[np.uint8]) -> pa.BinaryArray:
    """The inverse of :func:`bytes_buffers`."""
    return pa.Array.from_buffers(
        pa.binary(),
        len(offsets) - 1,
        [
            None,
            pa.py_buffer(np.ascontiguousarray(offsets)),
            pa.py_buffer(np.ascontiguousarray(data)),
        ],
    )


def concat_lists(parts: Sequence[Column]) -> ListColumn:
    """One list a row from the values of ``parts`` in order, lists among them spliced in; no value
    where any part has none. All parts are bytes."""
    rows = len(parts[0])
    valid = np.ones(rows, np.bool_)
    lengths = [_lengths(part) for part in parts]
    for part in parts:
        valid &= has_value(part)
    total = np.where(valid, sum(lengths), 0)
    offsets = offsets_of(total)
    codes = np.zeros(offsets[-1], np.int32)
    before = offsets[:-1].copy()
    tables: list[pa.Array] = []
    shift = 0
    for part, length in zip(parts, lengths, strict=True):
        items = part.items if isinstance(part, ListColumn) else part
        if not isinstance(items, BytesColumn):
            raise TypeError("lists of texts are made of texts")
        starts = part.offsets[:-1] if isinstance(part, ListColumn) else np.arange(rows)
        count = np.where(valid, length, 0)
        within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        codes[np.repeat(before, count) + within] = (
            items.codes[np.repeat(starts, count) + within] + shift
        )
        before += count
        tables.append(items.values)
        shift += len(items.values)
    return ListColumn(offsets, BytesColumn(codes, pa.concat_arrays(tables)), valid)


def _lengths(column: Column) -> npt.NDArray[np.int64]:
    if isinstance(column, ListColumn):
        return np.diff(column.offsets)
    return np.ones(len(column), np.int64)
