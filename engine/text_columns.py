"""Columns as texts ready to be put into lines: escaped for a JSON string, or JSON values.

The same texts as ``engine.values`` gives value by value. Most columns hold nothing that needs
escaping: they are used as they are, and what is left is converted once a distinct value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import BytesColumn, Column, Mask, NumberColumn
from engine.distinct import distinct_rows
from engine.gather import bytes_buffers, take
from engine.jsontext import dump, escaped
from engine.output_value import OutputValue
from engine.values import json_values, prints_as_is, texts

#: Bytes that stand in a JSON string as they are, and in every encoding for themselves.
_CLEAN = np.zeros(256, np.bool_)
_CLEAN[0x20:0x7F] = True
_CLEAN[[ord('"'), ord("\\")]] = False
#: An array with 32-bit offsets holds no more bytes.
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Texts:
    """One text a row, null for no value. ``odd``: rows whose text is not UTF-8 and must be made
    with its surroundings (their entry means nothing); None where there are none."""

    values: pa.Array
    odd: Mask | None = None


def line_texts(
    value: OutputValue, column: Column, *, width: int, missing: bytes, as_base64: bool
) -> Texts:
    """The texts of a column as they stand inside a JSON string.

    ``width`` other than 0 pads or cuts, also what stands for no value (``missing``).
    """
    if not width and (plain := _as_is(value, column)) is not None:
        return Texts(plain)
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
    return Texts(_spread(found, place), odd[place] if odd.any() else None)


def json_texts(value: OutputValue, column: Column, *, as_base64: bool) -> pa.Array:
    """The JSON value of every row, ``null`` for no value."""
    plain = _as_is(value, column)
    if plain is not None:
        if isinstance(column, BytesColumn):
            plain = pc.binary_join_element_wise(b'"', plain, b'"', b"")
        return plain.fill_null(b"null") if plain.null_count else plain
    first, place = distinct_rows(column)
    small = take(column, first)
    values = json_values(value.name, value.type, value.is_list, small, as_base64=as_base64)
    return _spread([dump(each).encode("utf-8", "replace") for each in values], place)


def _as_is(value: OutputValue, column: Column) -> pa.Array | None:
    """The texts of a column whose values print as they are, and need no escaping; else None."""
    if not prints_as_is(value.name, value.type):
        return None
    if isinstance(column, BytesColumn):
        taken = take_values(column.values, column.codes)
        return taken if _CLEAN[bytes_buffers(taken)[1]].all() else None
    if isinstance(column, NumberColumn) and column.values.dtype.kind in "iub":
        missing = None if column.valid is None else ~column.valid
        return pa.array(column.values, mask=missing).cast(pa.string()).cast(pa.binary())
    return None


def _spread(values: Sequence[bytes | None], places: np.ndarray) -> pa.Array:
    return take_values(pa.array(values, pa.binary()), places)


def take_values(values: pa.Array, codes: np.ndarray) -> pa.Array:
    """The values at ``codes``, null where that is negative; with 64-bit offsets where they could
    be too long for 32."""
    if values.nbytes * len(codes) > _MOST:
        values = values.cast(pa.large_binary())
    missing = codes < 0
    return values.take(pa.array(codes, mask=missing if missing.any() else None))


def join(parts: Sequence[pa.Array | bytes], missing: bytes) -> pa.Array:
    """The parts one after the other, row by row, ``missing`` for null; as large binary.

    At least one part is an array.
    """
    arrays = [part for part in parts if isinstance(part, pa.Array)]
    kind = pa.binary()
    if sum(array.nbytes for array in arrays) + len(arrays[0]) * sum(
        len(part) if isinstance(part, bytes) else len(missing) for part in parts
    ) > _MOST or any(array.type == pa.large_binary() for array in arrays):
        kind = pa.large_binary()
    cast = [pa.scalar(part, kind) if isinstance(part, bytes) else part.cast(kind) for part in parts]
    joined = pc.binary_join_element_wise(
        *cast, pa.scalar(b"", kind), null_handling="replace", null_replacement=missing
    )
    return joined.cast(pa.large_binary())
