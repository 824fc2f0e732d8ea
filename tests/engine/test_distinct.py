"""Distinct rows against Python's own idea of what is alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.distinct import distinct_rows

WORDS = [b"a", b"b", b"", b"ab"]
MAYBE = st.one_of(st.none(), st.integers(0, len(WORDS) - 1))


def words(codes: list[int | None]) -> BytesColumn:
    return BytesColumn(
        np.array([-1 if code is None else code for code in codes], np.int32),
        pa.array(WORDS, pa.binary()),
    )


def numbers(values: list[int | None]) -> NumberColumn:
    return NumberColumn(
        np.array([value or 0 for value in values], np.uint64),
        np.array([value is not None for value in values], np.bool_),
    )


def check(column: Column, plain: list[Any]) -> None:
    first, place = distinct_rows(column)
    assert len(first) == len(set(plain))
    assert [plain[first[each]] for each in place] == plain


@given(st.lists(MAYBE))
def test_scalars(values: list[int | None]) -> None:
    check(words(values), list(values))
    check(numbers(values), list(values))


@given(st.lists(st.one_of(st.none(), st.lists(st.integers(0, 2), max_size=3))))
def test_lists(lists: list[list[int] | None]) -> None:
    flat = [item for each in lists for item in each or ()]
    lengths = [len(each or ()) for each in lists]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    valid = np.array([each is not None for each in lists], np.bool_)
    plain = [None if each is None else tuple(each) for each in lists]
    for items in (words(list(flat)), numbers(list(flat))):
        check(ListColumn(offsets, items, valid), plain)


def test_many_lengths() -> None:
    lengths = np.arange(3000)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = NumberColumn(np.zeros(offsets[-1], np.int64), None)
    first, place = distinct_rows(ListColumn(offsets, items, None))
    assert len(first) == 3000
    assert first[place].tolist() == lengths.tolist()
