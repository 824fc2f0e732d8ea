"""Columns as texts ready to be put into lines: escaped for a JSON string, or JSON values.

The same texts as ``engine.values`` gives value by value. Most columns hold nothing that needs
escaping: their distinct values are used as they are, and what is left is converted once a distinct
value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import BytesColumn, Codes, Column, Mask, NumberColumn
from engine.distinct import distinct_rows
from engine.gather import bytes_buffers, take, used_values
from engine.jsontext import dump, escaped
from engine.output_value import OutputValue
from engine.values import json_values, prints_as_is, texts

#: Bytes that stand in a JSON string as they are, and in every encoding for themselves.
_CLEAN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))


@dataclass(frozen=True, slots=True)
class Texts:
    """A text for each row: ``values`` (binary) at ``codes``, -1 for no value. ``odd``: rows whose
    text is not UTF-8 and must be made with its surroundings (their entry means nothing); None where
    there are none."""

    codes: Codes
    values: pa.BinaryArray
    odd: Mask | None = None


def line_texts(
    value: OutputValue, column: Column, *, width: int, missing: bytes, as_base64: bool
) -> Texts:
    """The texts of a column as they stand inside a JSON string.

    ``width`` other than 0 pads or cuts, also what stands for no value (``missing``).
    """
    if not width and (plain := _as_is(value, column)) is not None:
        return plain
    first, place = distinct_rows(column)
    small = take(column, first)
    printed = texts(value.name, value.type, value.is_list, small, as_base64=as_base64)
    if width:
        printed = [(missing if each is None else each)[:width].ljust(width) for each in printed]
    found: list[bytes | None] = []
    odd = np.zeros(len(printed), np.bool_)
    for row, text in enumerate(printed):
        try:
            found.append(None if text is None else escaped(text.decode()).encode())
        except UnicodeDecodeError:
            found.append(b"")
            odd[row] = True
    return _coded(found, place, odd[place] if odd.any() else None)


def json_texts(value: OutputValue, column: Column, *, as_base64: bool) -> Texts:
    """The JSON value of every row. What has none may be ``null`` or -1."""
    plain = _as_is(value, column)
    if plain is not None:
        if isinstance(column, NumberColumn):
            return plain
        return Texts(plain.codes, pc.binary_join_element_wise(b'"', plain.values, b'"', b""))
    first, place = distinct_rows(column)
    small = take(column, first)
    values = json_values(value.name, value.type, value.is_list, small, as_base64=as_base64)
    return _coded([dump(each).encode("utf-8", "replace") for each in values], place, None)


def each_row(values: pa.BinaryArray) -> Texts:
    """Texts of which every row has its own."""
    return Texts(np.arange(len(values), dtype=np.int32), values)


def _as_is(value: OutputValue, column: Column) -> Texts | None:
    """The texts of a column whose values print as they are, and need no escaping; else None."""
    if not prints_as_is(value.name, value.type):
        return None
    if isinstance(column, BytesColumn):
        used = used_values(column)
        if not bytes_buffers(used.values)[1].tobytes().translate(None, _CLEAN):
            return Texts(used.codes, used.values)
    elif isinstance(column, NumberColumn) and column.values.dtype.kind in "iub":
        printed = each_row(pa.array(column.values).cast(pa.string()).cast(pa.binary()))
        if column.valid is None:
            return printed
        return Texts(np.where(column.valid, printed.codes, np.int32(-1)), printed.values)
    return None


def _coded(values: Sequence[bytes | None], places: np.ndarray, odd: Mask | None) -> Texts:
    codes = places.astype(np.int32)
    absent = np.array([value is None for value in values], np.bool_)
    if absent.any():
        codes[absent[places]] = -1
    return Texts(codes, pa.array([value or b"" for value in values], pa.binary()), odd)
