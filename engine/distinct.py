"""Which rows of a column are alike: what is slow is then done once for each distinct value."""

from __future__ import annotations

import numpy as np

from engine.columns import BytesColumn, Codes, Column, ListColumn, NumberColumn, Rows


def distinct_rows(column: Column) -> tuple[Rows, Rows]:
    """One row for each distinct value ("no value" is one too), and for every row the place of its
    own value among those.

    Values that differ only in being repeated among a column's distinct values count as different.
    """
    match column:
        case BytesColumn(codes, values):
            if len(values) > 2 * len(codes):
                _, first, place = np.unique(codes, return_index=True, return_inverse=True)
                return first, place
            return _distinct_codes(codes, len(values))
        case NumberColumn():
            _, first, place = np.unique(_numbers(column), return_index=True, return_inverse=True)
            return first, place
        case ListColumn():
            return _distinct_lists(column)


def _distinct_codes(codes: Codes, count: int) -> tuple[Rows, Rows]:
    """For codes from -1 to below ``count``, without sorting them."""
    first_of = np.full(count + 1, -1, np.int64)
    # Written from the end, so that the first row of each code stays.
    first_of[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    used = first_of >= 0
    place_of = np.cumsum(used) - 1
    return first_of[used], place_of[codes]


def _numbers(column: NumberColumn) -> Rows:
    """A number for each distinct value, -1 for no value."""
    _, place = np.unique(column.values, return_inverse=True)
    return place if column.valid is None else np.where(column.valid, place, -1)


def _distinct_lists(column: ListColumn) -> tuple[Rows, Rows]:
    items = column.items
    codes = items.codes if isinstance(items, BytesColumn) else _numbers(items).astype(np.int32)
    starts = column.offsets[:-1]
    lengths = np.diff(column.offsets)
    if column.valid is not None:
        lengths = np.where(column.valid, lengths, -1)
    # Lists of one length at a time, as the rows of a matrix.
    order = np.argsort(lengths, kind="stable")
    kinds, begins = np.unique(lengths[order], return_index=True)
    firsts: list[Rows] = []
    places = np.empty(len(column), np.int64)
    count = 0
    for length, rows in zip(kinds.tolist(), np.split(order, begins[1:]), strict=False):
        if length <= 0:
            first, place = np.zeros(1, np.int64), np.zeros(len(rows), np.int64)
        else:
            matrix = codes[starts[rows][:, None] + np.arange(length)]
            whole = matrix.view(np.dtype((np.void, matrix.itemsize * length))).reshape(-1)
            _, first, place = np.unique(whole, return_index=True, return_inverse=True)
        firsts.append(rows[first])
        places[rows] = place + count
        count += len(first)
    return np.concatenate(firsts) if firsts else np.zeros(0, np.int64), places
