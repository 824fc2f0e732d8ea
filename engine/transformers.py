"""Transformers: what they take, what they give, and how whole columns go through them.

Texts are transformed once a distinct value. Semantics are those of
userspace/libsinsp/sinsp_filter_transformers/ and sinsp_filtercheck_multivalue_transformer.cpp in
falcosecurity/libs.
"""

from __future__ import annotations

import binascii
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.fields.model import FieldType
from engine.gather import any_item, bytes_buffers, from_buffers, has_value, offsets_of, take

TEXT = frozenset({FieldType.CHARBUF, FieldType.FSPATH, FieldType.FSRELPATH})


class Transformer(ABC):
    """One of the transformers that take a single value."""

    name: ClassVar[str]
    help: ClassVar[str]

    def result(self, type_: FieldType, is_list: bool) -> tuple[FieldType, bool] | None:
        """Type and list-ness of what comes out, None where the type is not taken."""
        return (type_, is_list) if type_ in TEXT else None

    def column(self, column: Column, is_list: bool) -> Column:
        """The column transformed; ``is_list`` says whether a ListColumn is a list field's (rather
        than several values of a field that is none)."""
        if isinstance(column, ListColumn):
            return _each_item(column, self.column)
        assert isinstance(column, BytesColumn)
        return self.texts(column)

    @abstractmethod
    def texts(self, column: BytesColumn) -> Column: ...


def _each_item(column: ListColumn, change: Callable[[Column, bool], Column]) -> ListColumn:
    """The items changed; a row any of whose items comes to nothing has no value."""
    items = change(column.items, False)
    assert not isinstance(items, ListColumn)
    present = has_value(items)
    if present.all():
        return ListColumn(column.offsets, items, column.valid)
    valid = has_value(column) & ~any_item(~present, column.offsets)
    kept = take(ListColumn(column.offsets, items, None), np.flatnonzero(valid))
    assert isinstance(kept, ListColumn)
    return ListColumn(offsets_of(np.where(valid, np.diff(column.offsets), 0)), kept.items, valid)


class _ByteTable(Transformer):
    """Changes every byte on its own."""

    table: ClassVar[bytes]

    def texts(self, column: BytesColumn) -> BytesColumn:
        offsets, data = bytes_buffers(column.values)
        changed = np.frombuffer(self.table, np.uint8)[data]
        return BytesColumn(column.codes, from_buffers(offsets, changed))


class ToLower(_ByteTable):
    name = "tolower"
    help = "the text with ASCII letters in lower case"
    table = bytes(range(256)).lower()


class ToUpper(_ByteTable):
    name = "toupper"
    help = "the text with ASCII letters in upper case"
    table = bytes(range(256)).upper()


def each_value(column: BytesColumn, change: Callable[[bytes], bytes | None]) -> BytesColumn:
    """Every distinct value changed; None becomes no value."""
    changed = [change(value) for value in column.values.to_pylist()]
    if None not in changed:
        return BytesColumn(column.codes, pa.array(changed, pa.binary()))
    kept = np.fromiter((value is not None for value in changed), np.bool_, len(changed))
    place = np.append(np.where(kept, np.cumsum(kept) - 1, -1), -1).astype(np.int32)
    values = pa.array([value for value in changed if value is not None], pa.binary())
    return BytesColumn(place[column.codes], values)


class Basename(Transformer):
    name = "basename"
    help = "what follows the last slash"

    def texts(self, column: BytesColumn) -> BytesColumn:
        return each_value(column, lambda value: value.rpartition(b"/")[2])


class Base64(Transformer):
    name = "b64"
    help = "the bytes that the text stands for in base64; no value where it is none"

    def result(self, type_: FieldType, is_list: bool) -> tuple[FieldType, bool] | None:
        return (type_, is_list) if type_ in TEXT or type_ is FieldType.BYTEBUF else None

    def texts(self, column: BytesColumn) -> BytesColumn:
        return each_value(column, decode_base64)


def decode_base64(text: bytes) -> bytes | None:
    """As libs does: up to two ``=`` at the end are ignored; anything else outside the alphabet, a
    single character left over, or bits left over, make it no base64 (None)."""
    text = text.rstrip(b"\0")
    if not text:
        return b""
    body = text.removesuffix(b"=").removesuffix(b"=")
    if not body or len(body) % 4 == 1 or b"=" in body:
        return None
    padded = body + b"=" * (-len(body) % 4)
    try:
        decoded = binascii.a2b_base64(padded, strict_mode=True)
    except binascii.Error:
        return None
    return decoded if binascii.b2a_base64(decoded, newline=False) == padded else None


class Length(Transformer):
    name = "len"
    help = "the number of bytes in a text, or of values in a list"

    def result(self, type_: FieldType, is_list: bool) -> tuple[FieldType, bool] | None:
        if is_list or type_ in TEXT or type_ is FieldType.BYTEBUF:
            return FieldType.UINT64, False
        return None

    def column(self, column: Column, is_list: bool) -> Column:
        if isinstance(column, ListColumn) and is_list:
            lengths = np.diff(column.offsets).astype(np.uint64)
            return NumberColumn(lengths, column.valid)
        return super().column(column, is_list)

    def texts(self, column: BytesColumn) -> NumberColumn:
        lengths = np.asarray(pc.binary_length(column.values)).astype(np.uint64)
        return NumberColumn(np.append(lengths, np.uint64(0))[column.codes], column.codes >= 0)


TRANSFORMERS: dict[str, Transformer] = {
    transformer.name: transformer
    for transformer in (ToLower(), ToUpper(), Base64(), Basename(), Length())
}
