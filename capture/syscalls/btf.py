"""Where the running kernel keeps things: offsets of members of its structs, from its own type data.

``/sys/kernel/btf/vmlinux`` describes every type of the kernel that runs (format: the kernel's
Documentation/bpf/btf.rst). Only the structs that are asked for are taken apart.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from capture.errors import CaptureError, Place

#: Set to ``none``, nothing is read of the kernel's structures, as where it does not describe them.
SWITCH = "FALCOWB_BTF"
VMLINUX = Path("/sys/kernel/btf/vmlinux")

_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")
_TYPE = struct.Struct("<III")
_INT, _PTR, _ARRAY, _STRUCT, _UNION, _ENUM, _FWD, _TYPEDEF = range(1, 9)
_VOLATILE, _CONST, _RESTRICT, _FUNC, _FUNC_PROTO, _VAR, _DATASEC = range(9, 16)
_FLOAT, _DECL_TAG, _TYPE_TAG, _ENUM64 = range(16, 20)
#: Bytes that follow each entry of a type: for a member, a value, a parameter.
_ENTRY = {_STRUCT: 12, _UNION: 12, _ENUM: 8, _FUNC_PROTO: 8, _DATASEC: 12, _ENUM64: 12}
_EXTRA = {_INT: 4, _ARRAY: 12, _VAR: 4, _DECL_TAG: 4}
_SAME = {_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TYPE_TAG}


def has_types() -> bool:
    """Whether the running kernel describes its types, and we may know them."""
    return os.environ.get(SWITCH) != "none" and os.access(VMLINUX, os.R_OK)


@dataclass(frozen=True, slots=True)
class _Type:
    kind: int
    count: int
    bits: bool  # members give bit size beside bit offset
    size: int  # or the type referred to
    at: int  # of what follows


@dataclass(slots=True)
class KernelTypes:
    """Structs and enums of one kernel.

    Raises CaptureError when the data is not there or not understood.
    """

    path: Path = VMLINUX
    _data: bytes = b""
    _strings: int = 0
    _types: list[int] = field(default_factory=list)
    _named: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._data = self.path.read_bytes()
        except OSError as error:
            raise CaptureError(
                "the kernel does not describe its types",
                place=Place(str(self.path)),
                hint="live capture needs a kernel built with CONFIG_DEBUG_INFO_BTF (5.8 or newer)",
            ) from error
        try:
            self._walk()
        except (struct.error, ValueError, LookupError) as error:
            raise CaptureError(
                "the kernel's description of its types cannot be read", place=Place(str(self.path))
            ) from error

    def _walk(self) -> None:
        data = self._data
        magic, _, _, length, first, size, strings, _ = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise KeyError(magic)
        self._strings = length + strings
        at, end = length + first, length + first + size
        types, named = self._types, self._named
        types.append(0)  # type 0 is void
        unpack, entry, extra = _TYPE.unpack_from, _ENTRY, _EXTRA
        wanted = {_STRUCT, _UNION, _ENUM, _ENUM64}
        while at < end:
            name, info, _ = unpack(data, at)
            kind = info >> 24 & 0x1F
            if kind in wanted and name:
                stop = data.index(0, self._strings + name)
                named.setdefault(data[self._strings + name : stop], len(types))
            types.append(at)
            at += 12 + extra.get(kind, 0)
            if kind in entry:
                at += entry[kind] * (info & 0xFFFF)

    def _type(self, number: int) -> _Type:
        at = self._types[number]
        _, info, size = _TYPE.unpack_from(self._data, at)
        kind = info >> 24 & 0x1F
        if kind in _SAME:
            return self._type(size)
        return _Type(kind, info & 0xFFFF, bool(info >> 31), size, at + 12)

    def _text(self, offset: int) -> bytes:
        start = self._strings + offset
        return self._data[start : self._data.index(0, start)]

    def has(self, name: str) -> bool:
        """Whether there is a struct, union or enum of this name."""
        return name.encode() in self._named

    def mentions(self, names: str) -> bool:
        """Whether one of these words, with blanks between, is the name of anything."""
        return any(b"\0%s\0" % name.encode() in self._data for name in names.split())

    def size(self, name: str) -> int:
        """Bytes of a struct. Raises KeyError when there is none of this name."""
        return self._type(self._named[name.encode()]).size

    def value(self, enum: str, name: str) -> int:
        """Value of an enumerator. Raises KeyError when there is none."""
        type_ = self._type(self._named[enum.encode()])
        for index in range(type_.count):
            text, number = struct.unpack_from("<Ii", self._data, type_.at + 8 * index)
            if self._text(text) == name.encode():
                return int(number)
        raise KeyError(f"{enum} {name}")

    def offset(self, path: str) -> int:
        """Byte offset of a member, as ``task_struct.thread_info.status``: members of a struct held
        by value follow each other, those of nameless structs count as their holder's own. Raises
        KeyError when there is none."""
        name, *members = path.split(".")
        number, offset = self._named[name.encode()], 0
        for member in members:
            found = self._member(self._type(number), member.encode())
            if found is None:
                raise KeyError(path)
            offset, number = offset + found[0], found[1]
        return offset

    def bit(self, path: str) -> tuple[int, int]:
        """Byte offset and mask of a member that is one bit wide. Raises KeyError."""
        name, member = path.split(".")
        type_ = self._type(self._named[name.encode()])
        for index in range(type_.count):
            text, _, offset = struct.unpack_from("<III", self._data, type_.at + 12 * index)
            if self._text(text) == member.encode():
                bits = offset & 0xFFFFFF if type_.bits else offset
                return bits // 8, 1 << bits % 8
        raise KeyError(path)

    def first(self, paths: Iterable[str]) -> tuple[str, int]:
        """The first of these members that the kernel has: names changed over time."""
        tried = list(paths)
        for path in tried:
            try:
                return path, self.offset(path)
            except KeyError:
                continue
        raise KeyError(" or ".join(tried))

    def _member(self, type_: _Type, name: bytes) -> tuple[int, int] | None:
        if type_.kind not in (_STRUCT, _UNION):
            return None
        for index in range(type_.count):
            text, number, offset = struct.unpack_from("<III", self._data, type_.at + 12 * index)
            start = (offset & 0xFFFFFF if type_.bits else offset) // 8
            if text and self._text(text) == name:
                return start, number
            if not text:
                inner = self._member(self._type(number), name)
                if inner is not None:
                    return start + inner[0], inner[1]
        return None
