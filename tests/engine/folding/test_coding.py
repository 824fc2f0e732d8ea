"""Values keep their codes from column to column, and come back as they were."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.folding.coding import NumberCoder, coder_for
from engine.folding.distinct_rows import DistinctRows
from engine.gather import distinct, offsets_of


def told(column: Column) -> list[object]:
    """The value of each row."""
    match column:
        case BytesColumn(codes, values):
            return [None if code < 0 else values[code].as_py() for code in codes.tolist()]
        case NumberColumn(values, valid):
            has = [True] * len(values) if valid is None else valid.tolist()
            return [v if h else None for v, h in zip(values.tolist(), has, strict=True)]
        case ListColumn(offsets, items, valid):
            every = told(items)
            has = [True] * len(column) if valid is None else valid.tolist()
            return [
                every[offsets[row] : offsets[row + 1]] if has[row] else None
                for row in range(len(column))
            ]


def texts(values: list[bytes | None]) -> BytesColumn:
    return distinct(pa.array(values, pa.binary()))


def numbers(values: list[int | None]) -> NumberColumn:
    valid = np.array([value is not None for value in values], np.bool_)
    return NumberColumn(np.array([value or 0 for value in values], np.int64), valid)


def lists(values: list[list[bytes] | None]) -> ListColumn:
    lengths = np.array([len(value or ()) for value in values], np.int64)
    items = texts([item for value in values for item in value or ()])
    valid = np.array([value is not None for value in values], np.bool_)
    return ListColumn(offsets_of(lengths), items, valid)


WORD = st.binary(max_size=2)
COLUMNS = st.one_of(
    st.lists(st.lists(st.none() | WORD, max_size=9).map(texts), min_size=1, max_size=3),
    st.lists(
        st.lists(st.none() | st.integers(-3, 3), max_size=9).map(numbers), min_size=1, max_size=3
    ),
    st.lists(
        st.lists(st.none() | st.lists(WORD, max_size=3), max_size=9).map(lists),
        min_size=1,
        max_size=3,
    ),
)


@given(COLUMNS)
def test_values_come_back(columns: list[Column]) -> None:
    coder = coder_for(columns[0])
    coded = [coder.codes(column) for column in columns]
    for column, codes in zip(columns, coded, strict=True):
        assert coder.fits(column)
        assert codes.dtype == np.int32
        assert told(coder.column(codes)) == told(column)
    by_code: dict[int, object] = {}
    for column, codes in zip(columns, coded, strict=True):
        for code, value in zip(codes.tolist(), told(column), strict=True):
            assert by_code.setdefault(code, value) == value
    if not isinstance(columns[0], ListColumn):
        assert len(set(map(repr, by_code.values()))) == len(by_code)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([True, False], np.bool_),
        ([2**64 - 1, 0], np.uint64),
        ([-1, 5], np.int64),
        ([0.5, -2.0], np.float64),
    ],
)
def test_numbers_keep_their_type(values: list[float], dtype: npt.DTypeLike) -> None:
    column = NumberColumn(np.array(values, dtype), None)
    coder = NumberCoder()
    again = coder.column(coder.codes(column))
    assert again.values.dtype == column.values.dtype
    assert again.valid is None
    assert again.values.tolist() == values


def test_a_column_of_another_kind_does_not_fit() -> None:
    coder = NumberCoder()
    coder.codes(NumberColumn(np.array([1.5]), None))
    assert not coder.fits(NumberColumn(np.array([1], np.int64), None))
    assert not coder.fits(texts([b"a"]))


MATRIX = st.integers(0, 3).flatmap(
    lambda width: st.lists(
        st.lists(st.tuples(*[st.integers(-1, 2)] * width), max_size=12), min_size=1, max_size=4
    ).map(
        lambda parts: [
            np.array(part, np.int32).reshape(len(part), width).T.copy() for part in parts
        ]
    )
)


@given(MATRIX, st.booleans())
def test_alike_rows_have_one_number(parts: list[npt.NDArray[np.int32]], collide: bool) -> None:
    rows = DistinctRows(len(parts[0]))
    if collide:  # every row hashes alike
        rows._factors = [0] * len(rows._factors)
    seen = 0
    for part in parts:
        ids, new = rows.add(part)
        assert (rows.codes[:, ids] == part).all()
        assert rows.count == seen + len(new)
        assert ids[new].tolist() == list(range(seen, rows.count))
        seen = rows.count
    if not collide:
        assert len(np.unique(rows.codes, axis=1).T) == rows.count
