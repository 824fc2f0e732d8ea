"""``fd.*``: the file or connection of an event.

From sinsp_filtercheck_fd.cpp in falcosecurity/libs. A value is made once a distinct state of a
file. Addresses and ports are in ``connections``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn, Column, ListColumn, Mask, NumberColumn
from engine.gather import constant
from engine.syscalls import fdtypes
from engine.syscalls.assemble import (
    BytesPart,
    bytes_of,
    from_table,
    gathered,
    gathered_numbers,
)
from engine.syscalls.connections import has_flag, types, types_of
from engine.syscalls.events import Group
from engine.syscalls.ofthreads import Make, wide
from engine.syscalls.pathnames import (
    UNKNOWN,
    from_cwd_or,
    is_absolute,
    join_columns,
    open_directories,
    text_parameter,
)
from engine.syscalls.render import render

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment
    from engine.syscalls.state import Versions


def text_of(make: Callable[[Versions], BytesColumn], name: str) -> Make:
    """A text made once a distinct file; no value where the file is not known."""
    return lambda segment, arg: gathered(segment.state.fds.derived(name, make), segment.files)


def number_of(make: Callable[[Versions], tuple[npt.NDArray[np.generic], Mask | None]]) -> Make:
    """A number made once a distinct file, and of which files it has a value."""

    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        values, has = make(segment.state.fds)
        ids = segment.files
        valid = ids >= 0 if has is None else gathered_numbers(has, ids) != 0
        return wide(gathered_numbers(values, ids), np.asarray(valid & (ids >= 0)))

    return column


# Names.


def _named(
    of_file: Callable[[Versions], BytesColumn],
    name: str,
    *,
    said: Callable[[bytes], bytes] | None = None,
    raw: bool = False,
) -> Make:
    """A text made of the name of a file, once a distinct file. Where the file is not known it is
    made by ``said`` of the name that the event itself gives."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        ids = segment.files
        known = gathered(segment.state.fds.derived(name, of_file), ids)
        unknown = segment.about_file & (ids < 0)
        if not unknown.any():
            return known
        parts: list[BytesPart] = [(np.arange(len(segment)), known.codes, known.values)]
        for group in segment.events.groups:
            which = unknown[group.at]
            if not which.any() or group.type.enter:
                continue
            for at, codes, values in _said(segment, group.only(which), raw):
                texts = values if said is None else _changed(values, said)
                parts.append((at, codes, texts))
        return bytes_of(len(segment), parts)

    return column


def _changed(values: pa.BinaryArray, change: Callable[[bytes], bytes]) -> pa.BinaryArray:
    return pa.array(map(change, values.to_pylist()), pa.binary())


_SAY = ("SYSCALL_OPEN_X", "SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SYSCALL_CREAT_X",
        "SOCKET_CONNECT_X")  # fmt: skip
_OPEN_AT = ("SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X")


def _said(segment: SyscallSegment, group: Group, raw: bool) -> list[BytesPart]:
    """The name that events give a file that did not come to be."""
    key = group.type.key
    if key in _SAY:
        done = render(segment.events, segment.state, group, 1)
        return [(group.at, done.codes, done.chosen())]
    if key in _OPEN_AT:
        return _open_at(segment, group, raw)
    if key == "SYSCALL_OPEN_BY_HANDLE_AT_X":
        names = text_parameter(segment.events, group, group.type.index("path"))
    else:
        names = constant(b"", len(group))
    return [(group.at, names.codes, names.values)]


def _open_at(segment: SyscallSegment, group: Group, raw: bool) -> list[BytesPart]:
    events, state = segment.events, segment.state
    name, directory = group.type.index("name"), group.type.index("dirfd")
    has = events.parameter(group, name).is_valid().to_numpy(zero_copy_only=False)
    if not raw:
        has &= events.parameter(group, directory).is_valid().to_numpy(zero_copy_only=False)
    group = group.only(has)
    if not len(group):
        return []
    names = text_parameter(events, group, name)
    if raw:
        return [(group.at, names.codes, names.values)]
    numbers = events.parameter(group, directory).to_numpy().astype(np.int64)
    folders = open_directories(state, group, directory, numbers, UNKNOWN, slash=False)
    base = from_cwd_or(state, group, numbers, folders)
    done = join_columns(
        BytesColumn(np.where(is_absolute(names), np.int32(-1), base.codes), base.values), names
    )
    return [(group.at, done.codes, done.values)]


def _single_slashes(path: bytes) -> bytes:
    while b"//" in path:
        path = path.replace(b"//", b"/")
    return path


def _raw_names(table: Versions) -> BytesColumn:
    names = table.text("name_raw")
    return BytesColumn(names.codes, _changed(names.values, _single_slashes))


def folder_of(path: bytes) -> bytes:
    """Directory of a file; a path that ends with a slash stays whole."""
    place = path.rfind(b"/")
    if place <= 0:
        return b"/"
    return path[:place] if place < len(path) - 1 else path


def _last_of(path: bytes) -> bytes:
    place = path.rfind(b"/")
    if place < 0:
        return b"/"
    return path[place + 1 :] if place < len(path) - 1 else path


def _directories(table: Versions) -> BytesColumn:
    """Of a file the directory it is in, a directory whole; other kinds have none."""
    names = table.text("name")
    kinds = types(table)
    folders = _changed(names.values, folder_of)
    shift = np.int32(len(folders))
    whole = np.where(kinds == fdtypes.DIRECTORY, names.codes + shift, np.int32(-1))
    codes = np.where(np.isin(kinds, fdtypes.FILES), names.codes, whole).astype(np.int32)
    return BytesColumn(codes, pa.concat_arrays([folders, names.values]))


def _filename(table: Versions) -> BytesColumn:
    names = table.text("name")
    last = _changed(names.values, _last_of)
    is_file = np.isin(types(table), fdtypes.FILES)
    return BytesColumn(np.where(is_file, names.codes, np.int32(-1)), last)


_NAME = _named(lambda table: table.text("name"), "name")
_DIRECTORY = _named(_directories, "directory", said=folder_of)


def with_container(part: Make) -> Make:
    """A text after the id of the container and a colon."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        texts = part(segment, arg)
        assert isinstance(texts, BytesColumn)
        state = segment.state
        containers = gathered(state.threads.text("container_id"), state.thread)
        both = containers.codes.astype(np.int64) << 32 | texts.codes.astype(np.int64)
        valid = texts.codes >= 0
        distinct, codes = np.unique(both[valid], return_inverse=True)
        ids, names = containers.values.to_pylist(), texts.values.to_pylist()
        values = [
            (ids[pair >> 32] if pair >= 0 else b"") + b":" + names[pair & 0xFFFFFFFF]
            for pair in distinct.tolist()
        ]
        rows = np.flatnonzero(valid)
        part_ = (rows, codes.astype(np.int32), pa.array(values, pa.binary()))
        return bytes_of(len(segment), [part_])

    return column


# Types.


def _type(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    return fdtypes.words(segment.state.fds.number("type"), segment.files)


#: Letter of a file that is not known, by the event that would have made it; ``o`` for others.
_LETTERS = {
    **dict.fromkeys(("SYSCALL_OPENAT_2", "SYSCALL_OPENAT2", "SYSCALL_CREAT"), b"f"),
    **dict.fromkeys(("SOCKET_SOCKET", "SOCKET_ACCEPT_5", "SOCKET_ACCEPT4_6"), b"4"),
    **dict.fromkeys(("SYSCALL_PIPE", "SYSCALL_PIPE2"), b"p"),
    **dict.fromkeys(("SYSCALL_EVENTFD", "SYSCALL_EVENTFD2"), b"e"),
    **dict.fromkeys(("SYSCALL_SIGNALFD", "SYSCALL_SIGNALFD4"), b"s"),
    "SYSCALL_TIMERFD_CREATE": b"t",
    **dict.fromkeys(("SYSCALL_INOTIFY_INIT", "SYSCALL_INOTIFY_INIT1"), b"i"),
}


def _type_letter(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    events = event_table().types
    by_event = [_LETTERS.get(event.key[:-2], b"o") for event in events]
    by_file = [fdtypes.letter_of(number) for number in range(-1, len(fdtypes.TYPE))]
    ids = segment.files
    kinds = types_of(segment.state.fds, ids)
    codes = np.where(ids >= 0, len(by_event) + kinds + 1, segment.events.type.astype(np.int64))
    codes = np.where(segment.about_file, codes, len(by_event) + len(by_file))
    return from_table([*by_event, *by_file, None], codes)


def _open_types(segment: SyscallSegment, arg: str | None) -> Column:
    """Types of all open files of the process; with a number, of that descriptor."""
    state = segment.state
    if arg is not None and int(arg) != -1:
        return _type_of_number(segment, int(arg))
    masks = np.where(segment.about_file, state.fd_types, np.uint32(0))
    distinct, inverse = np.unique(masks, return_inverse=True)
    texts = sorted({fdtypes.word_of(number) for number in (-1, *fdtypes.TYPE.values())})
    places = {text: code for code, text in enumerate(texts)}
    lists = []
    for mask in distinct.tolist():
        kinds = [number if number < 31 else -1 for number in range(32) if mask >> number & 1]
        lists.append(sorted({places[fdtypes.word_of(kind)] for kind in kinds}))
    lengths = np.array([len(one) for one in lists], np.int64)
    starts = np.cumsum(lengths) - lengths
    flat = np.array([code for one in lists for code in one], np.int32)
    mine = lengths[inverse]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(mine)])
    at = np.repeat(starts[inverse] - offsets[:-1], mine) + np.arange(offsets[-1])
    items = BytesColumn(flat[at], pa.array(texts, pa.binary()))
    return ListColumn(offsets, items, segment.about_file)


def _type_of_number(segment: SyscallSegment, number: int) -> ListColumn:
    """The type of one descriptor: of the first three, which state follows, or the event's own."""
    state = segment.state
    ids = np.where(state.fd_number == number, state.fd, np.int32(-1)).astype(np.int32)
    if 0 <= number <= 2:
        ids = state.stdio(number)
    ids = np.where(segment.about_file, ids, np.int32(-1)).astype(np.int32)
    column = fdtypes.words(state.fds.number("type"), ids)
    has = column.codes >= 0
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(has)])
    return ListColumn(offsets, BytesColumn(column.codes[has], column.values), has)


def _number(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(segment.state.fd_number, segment.about_file)


def _unique(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """Thread and descriptor number, one after the other."""
    valid = segment.about_file
    pairs = np.stack([segment.events.tid, segment.state.fd_number], 1)[valid]
    distinct, codes = np.unique(pairs, axis=0, return_inverse=True)
    texts = [b"%d%d" % (tid, fd) for tid, fd in distinct.tolist()]
    rows = np.flatnonzero(valid)
    return bytes_of(
        len(segment), [(rows, codes.reshape(-1).astype(np.int32), pa.array(texts, pa.binary()))]
    )


# Sockets.


def _protocol(table: Versions) -> BytesColumn:
    words = [b"<NA>", *fdtypes.L4_WORDS.values()]
    by_number = np.zeros(256, np.int32)
    for place, number in enumerate(fdtypes.L4_WORDS, 1):
        by_number[number] = place
    codes = by_number[table.number("l4proto").astype(np.int64) & 255]
    return BytesColumn(codes, pa.array(words, pa.binary()))


def _family(table: Versions) -> BytesColumn:
    kinds = types(table)
    codes = np.where(np.isin(kinds, fdtypes.SOCKETS), 0, np.where(kinds == fdtypes.UNIX, 1, -1))
    return BytesColumn(codes.astype(np.int32), pa.array([b"ip", b"unix"], pa.binary()))


def _flag(bit: int) -> Make:
    return number_of(lambda table: (has_flag(table, bit), None))


def _name_changed(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(segment.state.name_changed, segment.files >= 0)


def _device(part: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]) -> Make:
    return number_of(lambda table: (part(table.number("dev").astype(np.int64)), None))


def _signed(device: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return device.astype(np.int32).astype(np.int64)


FIELDS: dict[str, Make] = {
    "fd.num": _number,
    "fd.type": _type,
    "fd.typechar": _type_letter,
    "fd.name": _NAME,
    "fd.directory": _DIRECTORY,
    "fd.filename": text_of(_filename, "filename"),
    "fd.l4proto": text_of(_protocol, "protocol"),
    "fd.sockfamily": text_of(_family, "family"),
    "fd.uid": _unique,
    "fd.containername": with_container(_NAME),
    "fd.containerdirectory": with_container(_DIRECTORY),
    "fd.connected": _flag(fdtypes.CONNECTED),
    "fd.name_changed": _name_changed,
    "fd.dev": _device(_signed),
    "fd.dev.major": _device(lambda dev: (dev & 0xFFF00) >> 8),
    "fd.dev.minor": _device(lambda dev: (dev & 0xFF) | ((dev >> 12) & 0xFFF00)),
    "fd.ino": number_of(lambda table: (table.number("ino"), None)),
    "fd.nameraw": _named(_raw_names, "raw name", said=_single_slashes, raw=True),
    "fd.types": _open_types,
    "fd.is_upper_layer": _flag(fdtypes.OVERLAY_UPPER),
    "fd.is_lower_layer": _flag(fdtypes.OVERLAY_LOWER),
}
