"""Protocol buffers, as far as a container runtime's answers need them: fields by number.

Wire format: protobuf.dev/programming-guides/encoding. Malformed messages raise ValueError.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
#: Most fields of one message.
MAX_FIELDS = 200_000


class Message:
    """A message taken apart; messages within are taken apart when asked for."""

    def __init__(self, data: bytes = b"") -> None:
        self._fields: dict[int, list[int | bytes]] = {}
        for count, (number, value) in enumerate(_fields(data)):
            if count >= MAX_FIELDS:
                raise ValueError("too many fields")
            self._fields.setdefault(number, []).append(value)

    def number(self, field: int) -> int:
        """An int64, enum or bool; 0 where it is not there."""
        value = next((one for one in reversed(self._of(field)) if isinstance(one, int)), 0)
        return value - (1 << 64) if value >= 1 << 63 else value

    def text(self, field: int) -> str:
        value = next((one for one in reversed(self._of(field)) if isinstance(one, bytes)), b"")
        return value.decode("utf-8", "replace")

    def under(self, field: int) -> Message:
        """The message in a field; an empty one where it is not there."""
        return next(self.each(field), Message())

    def each(self, field: int) -> Iterator[Message]:
        """The messages of a repeated field."""
        for value in self._of(field):
            if isinstance(value, bytes):
                yield Message(value)

    def map(self, field: int) -> dict[str, str]:
        """A map of texts."""
        return {one.text(1): one.text(2) for one in self.each(field)}

    def has(self, field: int) -> bool:
        return field in self._fields

    def _of(self, field: int) -> list[int | bytes]:
        # Of a field that is not repeated, the last counts.
        return self._fields.get(field, [])


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _varint(data, at)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
            value, at = int.from_bytes(data[at : at + size], "little"), at + size
        elif kind == _BYTES:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        if at > len(data):
            raise ValueError("the message is cut")
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("the message is cut")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise ValueError("a number is too long")


def text_field(field: int, text: str) -> bytes:
    """A field that holds a text, to send."""
    data = text.encode()
    return _number(field << 3 | _BYTES) + _number(len(data)) + data


def flag_field(field: int) -> bytes:
    """A field that holds true, to send."""
    return _number(field << 3 | _VARINT) + b"\x01"


def _number(value: int) -> bytes:
    told = bytearray()
    while value > 0x7F:
        told.append(value & 0x7F | 0x80)
        value >>= 7
    told.append(value)
    return bytes(told)
