"""Field values as text and as JSON, as Falco prints them in alerts.

From ``rawval_to_string``, ``rawval_to_json``, ``tostring`` and ``tojson`` of
userspace/libsinsp/sinsp_filtercheck.cpp in falcosecurity/libs, for whole columns: a distinct text
is converted once.
"""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterable
from typing import TypeVar

import numpy as np

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.fields.model import FieldType
from engine.jsontext import lenient

T = TypeVar("T")

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

#: Fields printed with leading zeros to nine digits, and in hexadecimal.
_PADDED = frozenset(
    {"evt.rawtime.ns", "evt.reltime", "evt.reltime.ns", "evt.latency.ns", "evt.deltatime.ns"}
)
_HEXADECIMAL = frozenset({"fd.dev"})
#: libs prints lists and byte buffers into a room of this size, its end mark included.
_ROOM = 1024
_PRINTABLE = bytes(c if 0x20 <= c < 0x7F else ord(".") for c in range(256))


def texts(
    name: str, type_: FieldType, is_list: bool, column: Column, *, as_base64: bool = False
) -> list[bytes | None]:
    """The text of every row, None for no value.

    ``name`` is the field's (some print in their own way), ``as_base64`` prints byte buffers so
    (``buffer_format_base64``). A column of lists for a field that is none gives its items with
    blanks between, as the ancestors of ``proc.aname`` print.
    """
    to_text = _text_of(name, type_, as_base64)
    if not isinstance(column, ListColumn):
        return _each(column, to_text)
    items = _each(column.items, to_text)
    rows: list[bytes | None] = []
    for start, end in _bounds(column):
        if start == end:
            rows.append(None)
        elif is_list:
            rows.append(_list_text([item or b"" for item in items[start:end]]))
        else:
            rows.append(spaced(item or b"" for item in items[start:end]) or None)
    return rows


def spaced(texts: Iterable[bytes]) -> bytes:
    """Texts with a blank between; upstream puts none while all were empty."""
    line = b""
    for text in texts:
        line = line + b" " + text if line else text
    return line


def json_values(
    name: str, type_: FieldType, is_list: bool, column: Column, *, as_base64: bool = False
) -> list[Json]:
    """The JSON value of every row: numbers and booleans as such, lists as lists, the rest as text;
    None (null) for no value."""
    to_json = _json_of(name, type_, as_base64)
    if not isinstance(column, ListColumn):
        return _each(column, to_json)
    if not is_list:
        joined = texts(name, type_, False, column, as_base64=as_base64)
        return [None if text is None else lenient(text) for text in joined]
    items = _each(column.items, to_json)
    return [items[start:end] or None for start, end in _bounds(column)]


def prints_as_is(name: str, type_: FieldType) -> bool:
    """Whether values of a field print as they are held: texts up to their first NUL, whole numbers
    in decimal, booleans as ``true`` and ``false``."""
    return _text_of(name, type_, False) is _plain


def _each(column: BytesColumn | NumberColumn, convert: Callable[..., T]) -> list[T | None]:
    """Convert every row; distinct texts once."""
    if isinstance(column, NumberColumn):
        values = column.values.tolist()
        if column.valid is None:
            return [convert(value) for value in values]
        return [
            convert(value) if valid else None
            for value, valid in zip(values, column.valid.tolist(), strict=True)
        ]
    used, inverse = np.unique(column.codes, return_inverse=True)
    known = [None if code < 0 else convert(column.values[code].as_py()) for code in used.tolist()]
    return [known[index] for index in inverse.tolist()]


def _bounds(column: ListColumn) -> list[tuple[int, int]]:
    """First and last item of each row; no items for no value."""
    starts, ends = column.offsets[:-1], column.offsets[1:]
    if column.valid is not None:
        ends = np.where(column.valid, ends, starts)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _list_text(items: list[bytes]) -> bytes:
    text = b"("
    for item in items:
        # Upstream's own test: nothing stands before the comma while all items were empty.
        text += (b"," if len(text) > 1 else b"") + item
        if len(text) >= _ROOM:
            break
    return (text + b")")[: _ROOM - 1]


def _text_of(name: str, type_: FieldType, as_base64: bool) -> Callable[..., bytes]:
    """How one value of a field becomes text. Values are as ``engine.columns`` holds them."""
    if name in _HEXADECIMAL:
        return lambda value: b"%X" % (value & 0xFFFFFFFF)
    if name in _PADDED:
        return lambda value: b"%09d" % value
    match type_:
        case FieldType.BYTEBUF:
            return _buffer_base64 if as_base64 else _buffer_dots
        case FieldType.IPADDR:
            return _address
        case FieldType.IPNET:
            return lambda value: b"<IPNET>"
        case _:
            return _plain


def _plain(value: bytes | bool | int | float) -> bytes:
    if isinstance(value, bytes):
        return value.partition(b"\0")[0]  # upstream's texts are C strings
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return b"%.1f" % value if isinstance(value, float) else b"%d" % value


def _json_of(name: str, type_: FieldType, as_base64: bool) -> Callable[..., Json]:
    to_text = _text_of(name, type_, as_base64)

    def convert(value: bytes | bool | int | float) -> Json:
        if isinstance(value, bytes) or name in _HEXADECIMAL:
            return lenient(to_text(value))
        return value

    return convert


def _buffer_dots(value: bytes) -> bytes:
    """Printable ASCII as it is, anything else a dot; the last bytes of a long one are cut."""
    shown = value.translate(_PRINTABLE)
    return shown if len(shown) <= _ROOM - 2 else shown[: _ROOM - 3]


def _buffer_base64(value: bytes) -> bytes:
    return base64.b64encode(value)


def _address(value: bytes) -> bytes:
    if len(value) not in (4, 16):
        return b"<NA>"
    family = socket.AF_INET if len(value) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, value).encode()
