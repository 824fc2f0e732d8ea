"""Just enough of the flatbuffers format to look inside an Arrow message before Arrow does.

A capture may come from anywhere. Sizes it declares are checked against its real size, and against
limits, before anything is allocated for them; that needs the message headers, which Arrow keeps
in flatbuffers (layout: flatbuffers "Internals" and Arrow's ``Message.fbs``). Every access is
checked against the buffer; a bad one raises :class:`Malformed`.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

_U16 = struct.Struct("<H")
_I16 = struct.Struct("<h")
_I32 = struct.Struct("<i")
_U32 = struct.Struct("<I")
_I64 = struct.Struct("<q")


class Malformed(Exception):
    """The bytes are not what the format says they are."""


def _unpack(form: struct.Struct, data: bytes, at: int) -> int:
    if at < 0 or at + form.size > len(data):
        raise Malformed(f"an offset points outside the message header (byte {at})")
    value: int = form.unpack_from(data, at)[0]
    return value


@dataclass(frozen=True, slots=True)
class Table:
    """A flatbuffers table at ``at`` in ``data``; fields are asked for by their number."""

    data: bytes
    at: int

    @staticmethod
    def root(data: bytes) -> Table:
        return Table(data, _unpack(_U32, data, 0))

    def _slot(self, field: int) -> int:
        """Position of a field, 0 where the table does not hold it."""
        vtable = self.at - _unpack(_I32, self.data, self.at)
        size = _unpack(_U16, self.data, vtable)
        entry = 4 + 2 * field
        if entry + 2 > size:
            return 0
        offset = _unpack(_U16, self.data, vtable + entry)
        return self.at + offset if offset else 0

    def _number(self, form: struct.Struct, field: int, default: int) -> int:
        slot = self._slot(field)
        return _unpack(form, self.data, slot) if slot else default

    def int64(self, field: int, default: int = 0) -> int:
        return self._number(_I64, field, default)

    def int16(self, field: int, default: int = 0) -> int:
        return self._number(_I16, field, default)

    def uint8(self, field: int, default: int = 0) -> int:
        slot = self._slot(field)
        if not slot:
            return default
        if slot >= len(self.data):
            raise Malformed("a field lies outside the message header")
        return self.data[slot]

    def _target(self, field: int) -> int:
        slot = self._slot(field)
        return slot + _unpack(_U32, self.data, slot) if slot else 0

    def table(self, field: int) -> Table | None:
        target = self._target(field)
        return Table(self.data, target) if target else None

    def _vector(self, field: int, item_size: int, limit: int) -> tuple[int, int]:
        """Position of the first item and number of items of a vector."""
        target = self._target(field)
        if not target:
            return 0, 0
        count = _unpack(_U32, self.data, target)
        if count > limit:
            raise Malformed(f"a message header with {count} items, more than {limit}")
        if target + 4 + count * item_size > len(self.data):
            raise Malformed("a vector reaches past the end of the message header")
        return target + 4, count

    def pairs(self, field: int, limit: int) -> list[tuple[int, int]]:
        """A vector of structs of two int64 (Arrow's ``FieldNode`` and ``Buffer``)."""
        start, count = self._vector(field, 16, limit)
        numbers = struct.unpack_from(f"<{2 * count}q", self.data, start) if count else ()
        return list(zip(numbers[::2], numbers[1::2], strict=True))

    def tables(self, field: int, limit: int) -> list[Table]:
        start, count = self._vector(field, 4, limit)
        return [
            Table(self.data, at + _unpack(_U32, self.data, at))
            for at in range(start, start + 4 * count, 4)
        ]

    def string(self, field: int, limit: int) -> bytes:
        start, count = self._vector(field, 1, limit)
        return self.data[start : start + count]
