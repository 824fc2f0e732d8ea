"""Transformers on columns, for what the conformance cases leave open."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine.columns import BytesColumn, ListColumn, NumberColumn
from engine.gather import concat_lists, constant, from_arrow, plain, take
from engine.multivalue import MULTI_TRANSFORMERS
from engine.transformers import TRANSFORMERS, decode_base64


def texts(*values: bytes | None) -> BytesColumn:
    column = from_arrow(pa.array(values, pa.binary()))
    assert isinstance(column, BytesColumn)
    return column


def lists(*values: list[bytes] | None) -> ListColumn:
    column = from_arrow(pa.array(values, pa.list_(pa.binary())))
    assert isinstance(column, ListColumn)
    return column


def shown(column: object) -> list[object]:
    if isinstance(column, NumberColumn):
        valid = np.ones(len(column), bool) if column.valid is None else column.valid
        return [v.item() if ok else None for v, ok in zip(column.values, valid, strict=True)]
    if isinstance(column, BytesColumn):
        return list(plain(column).to_pylist())
    assert isinstance(column, ListColumn)
    items = plain(column.items).to_pylist() if isinstance(column.items, BytesColumn) else []
    valid = np.ones(len(column), bool) if column.valid is None else column.valid
    return [
        items[start:end] if ok else None
        for start, end, ok in zip(column.offsets[:-1], column.offsets[1:], valid, strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        (b"", b""),
        (b"YQ", b"a"),
        (b"YQ==", b"a"),
        (b"YWI=", b"ab"),
        (b"YWJj", b"abc"),
        (b"YWJj==", b"abc"),
        (b"AA==", b"\0"),
        (b"YR", None),  # bits left over
        (b"YWJjZ", None),  # a character left over
        (b"YW=j", None),
        (b"YW Jj", None),
        (b"YWJ\n", None),
        (b"=", None),
        (b"===", None),
        (b"-_", None),
    ],
)
def test_base64(text: bytes, decoded: bytes | None) -> None:
    assert decode_base64(text) == decoded
    assert shown(TRANSFORMERS["b64"].column(texts(text, None), False)) == [decoded, None]


def test_only_ascii_changes_its_case() -> None:
    column = texts("aÀé".encode(), b"\xff\xe9Z")
    assert shown(TRANSFORMERS["toupper"].column(column, False)) == ["AÀé".encode(), b"\xff\xe9Z"]
    assert shown(TRANSFORMERS["tolower"].column(column, False)) == ["aÀé".encode(), b"\xff\xe9z"]


def test_a_table_cut_from_a_larger_one() -> None:
    whole = pa.array([b"skipped", b"AB", b"", b"Cd"], pa.binary())
    column = BytesColumn(np.array([2, -1, 0], np.int32), whole.slice(1))
    assert shown(TRANSFORMERS["tolower"].column(column, False)) == [b"cd", None, b"ab"]
    assert shown(TRANSFORMERS["len"].column(column, False)) == [2, None, 2]


def test_one_bad_item_takes_its_whole_list_away() -> None:
    column = lists([b"YQ", b"!"], [b"YQ"], None, [b"!"], [b"YWI=", b"YQ=="])
    assert shown(TRANSFORMERS["b64"].column(column, True)) == [
        None, [b"a"], None, None, [b"ab", b"a"],
    ]  # fmt: skip


def test_length_of_lists_and_of_their_items() -> None:
    column = lists([b"a", b"bc"], None, [b""])
    assert shown(TRANSFORMERS["len"].column(column, True)) == [2, None, 1]
    items = TRANSFORMERS["len"].column(column, False)
    assert isinstance(items, ListColumn) and shown(items.items) == [1, 2, 0]


def test_join_and_concat() -> None:
    join, concat = MULTI_TRANSFORMERS["join"], MULTI_TRANSFORMERS["concat"]
    given = concat_lists([texts(b"a", None, b"c"), lists([b"x", b"y"], [b"z"], None)])
    assert shown(given) == [[b"a", b"x", b"y"], None, None]
    assert shown(join.column([texts(b"-", b"-", b"-"), given], None)) == [b"a-x-y", None, None]
    assert shown(join.column([texts(b"-", None), lists([b"a", b"b"], [b"c"])], None)) == [
        b"a-b", None,
    ]  # fmt: skip
    assert shown(concat.column([texts(b"a", None), constant(b"!", 2)], None)) == [b"a!", None]


def test_getopt_answers_each_distinct_row_once() -> None:
    getopt = MULTI_TRANSFORMERS["getopt"]
    words = lists([b"-n", b"-t", b"v"], None, [b"-x"], [b"-n", b"-t", b"v"])
    options = texts(b"nt:", b"nt:", b"nt:", None)
    assert shown(getopt.column([words, options], None)) == [[b"n", b"t", b"v"], None, [b"?"], None]
    assert shown(getopt.column([words, options], "t")) == [b"v", None, None, None]


def test_rows_can_be_taken_of_every_kind() -> None:
    rows = np.array([0, 2])
    assert shown(take(texts(b"a", b"b", None), rows)) == [b"a", None]
    assert shown(take(lists([b"a"], None, [b"b", b"c"]), rows)) == [[b"a"], [b"b", b"c"]]
    numbers = from_arrow(pa.array([1, 2, None], pa.int64()))
    assert shown(take(numbers, rows)) == [1, None]
