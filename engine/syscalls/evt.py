"""``evt.*`` and ``syscall.type``: facts of the event itself.

From sinsp_filtercheck_event.cpp and sinsp_filtercheck_gen_event.cpp in falcosecurity/libs.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.state_schema import FD_TYPES
from capture.events.table import EventType, event_table
from engine.columns import BytesColumn, Mask, NumberColumn
from engine.gather import constant
from engine.generic import TEXT_TIMES
from engine.syscalls import fdtypes
from engine.syscalls.abspath import absolute_path
from engine.syscalls.arguments import argument, arguments, buffer, raw_argument
from engine.syscalls.assemble import (
    compact,
    from_table,
    no_value,
)
from engine.syscalls.names import is_meta
from engine.syscalls.ofthreads import Make
from engine.syscalls.opens import open_flags
from engine.syscalls.render import render

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

_SECOND = 1_000_000_000

_OPENS = (
    "SYSCALL_OPEN_X",
    "SYSCALL_OPENAT_2_X",
    "SYSCALL_OPENAT2_X",
    "SYSCALL_OPEN_BY_HANDLE_AT_X",
)
_FILE_OPENS = (*_OPENS, "SYSCALL_CREAT_X")
_CONNECTS = ("SOCKET_ACCEPT_5_X", "SOCKET_ACCEPT4_6_X", "SOCKET_CONNECT_X")


def by_type(said: Callable[[EventType], bytes | None]) -> Make:
    """A text that hangs on the event type alone."""

    @functools.cache
    def table() -> tuple[bytes | None, ...]:
        return tuple(map(said, event_table().types))

    return lambda segment, arg: from_table(table(), segment.events.type)


def flag(*wanted: str) -> Make:
    """Whether the event type has any of these flags."""

    @functools.cache
    def table() -> npt.NDArray[np.bool_]:
        return np.array([bool(event.flags & set(wanted)) for event in event_table().types])

    return lambda segment, arg: NumberColumn(table()[segment.events.type], None)


def of_types(*keys: str) -> npt.NDArray[np.bool_]:
    """Which event types these are, by code."""
    return np.array([event.key in keys for event in event_table().types])


def _unsigned(values: npt.NDArray[Any]) -> NumberColumn:
    return NumberColumn(values.astype(np.uint64), None)


def _ones(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return _unsigned(np.ones(len(segment), np.uint64))


def _zeros(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return _unsigned(np.zeros(len(segment), np.uint64))


def _time(pick: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]) -> Make:
    return lambda segment, arg: _unsigned(pick(segment.events.time))


def _reltime(pick: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]) -> Make:
    def make(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        origin, events = segment.origin, segment.events
        if origin.num is None:  # meta events alone: they count from 0, as in Falco
            return _unsigned(pick(events.time))
        since = np.where(events.num < np.uint64(origin.num), 0, origin.time)
        return _unsigned(pick(events.time - since))

    return make


def _deltatime(pick: Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]) -> Make:
    def make(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        passed = np.where(segment.previous == 0, 0, segment.events.time - segment.previous)
        # An unsigned difference divided: time that runs backwards gives huge numbers.
        return _unsigned(pick(passed))

    return make


_Pick = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.int64]]


def _whole(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return times


def _seconds(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (times.view(np.uint64) // np.uint64(_SECOND)).view(np.int64)


def _rest(times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return (times.view(np.uint64) % np.uint64(_SECOND)).view(np.int64)


_CATEGORIES = {"ipc": b"IPC"}
_CATEGORY_BY_FD = {
    **dict.fromkeys(("file", "file_v2", "directory"), b"file"),
    **dict.fromkeys(("ipv4", "ipv6", "ipv4_listening", "ipv6_listening"), b"net"),
    **dict.fromkeys(("fifo", "unix", "event", "signalfd", "inotify", "userfaultfd"), b"ipc"),
}


def _category(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """What the event does; for reading and writing, the kind of file it does that to."""
    types = event_table().types
    base = [
        b"io" if e.category.startswith("io_") else _CATEGORIES.get(e.category, e.category.encode())
        for e in types
    ]
    kinds = sorted(fdtypes.TYPE.values())
    by_fd = [_CATEGORY_BY_FD.get(FD_TYPES[kind], b"unknown") for kind in kinds]
    table = [*base, *by_fd, b"unknown"]
    is_io = np.array([text == b"io" for text in base])[segment.events.type]
    fd_type = fd_types(segment)
    known = (fd_type >= 0) & (fd_type < len(kinds))
    codes = segment.events.type.astype(np.int64)
    codes = np.where(is_io, np.where(known, len(base) + fd_type, len(table) - 1), codes)
    return from_table(table, codes)


def fd_types(segment: SyscallSegment) -> npt.NDArray[np.int64]:
    """Type of the file each event is about, -1 for no file."""
    types = segment.state.fds.number("type").astype(np.int64)
    return np.append(types, -1)[segment.state.own_fd]


def _raw_result(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    values, valid = segment.results
    return NumberColumn(values, None if valid.all() else valid)


def _result(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """``SUCCESS``, or what the failure is called."""
    values, valid = segment.results
    codes = np.where(valid & (values >= 0), np.int32(0), np.int32(-1))
    tables = [pa.array([b"SUCCESS"], pa.binary())]
    shift = 1
    failed = valid & (values < 0)
    for group in segment.events.groups if failed.any() else ():
        which = failed[group.at]
        if which.any():
            piece = group.only(which)
            done = render(segment.events, segment.state, piece, 0)
            codes[piece.at] = done.codes + np.int32(shift)
            tables.append(done.chosen())
            shift += len(done.plain)
    return compact(BytesColumn(codes, pa.concat_arrays(tables)))


def _failed(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    values, valid = segment.results
    return NumberColumn(values < 0, None if valid.all() else valid)


def _errors(which: Callable[[SyscallSegment], Mask]) -> Make:
    """Failures among the events that ``which`` chooses."""

    def make(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        values, valid = segment.results
        return NumberColumn((values < 0).astype(np.uint64), valid & which(segment))

    return make


def _fd_in(segment: SyscallSegment, *kinds: int) -> Mask:
    return np.isin(fd_types(segment), kinds)


def _no_fd(segment: SyscallSegment) -> Mask:
    return np.asarray(segment.state.own_fd < 0)


def _on_file(segment: SyscallSegment) -> Mask:
    opens = of_types(*_FILE_OPENS)[segment.events.type]
    return _fd_in(segment, *fdtypes.FILES, fdtypes.DIRECTORY) | (_no_fd(segment) & opens)


def _on_net(segment: SyscallSegment) -> Mask:
    connects = of_types(*_CONNECTS)[segment.events.type]
    return _fd_in(segment, *fdtypes.SOCKETS, fdtypes.UNIX) | (_no_fd(segment) & connects)


def _on_memory(segment: SyscallSegment) -> Mask:
    memory = np.array([event.category == "memory" for event in event_table().types])
    return np.asarray(memory[segment.events.type])


def _on_other(segment: SyscallSegment) -> Mask:
    elsewhere = (*fdtypes.FILES, fdtypes.DIRECTORY, *fdtypes.SOCKETS, fdtypes.UNIX)
    named = of_types(*_FILE_OPENS, *_CONNECTS)[segment.events.type] | _on_memory(segment)
    return np.where(_no_fd(segment), ~named, ~_fd_in(segment, *elsewhere))


def _buflen(*categories: str, files: tuple[int, ...] | None = None) -> Make:
    """Bytes read or written, for events of these categories on files of these types."""

    def make(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        types = event_table().types
        chosen = np.array([event.category in categories and not event.enter for event in types])
        values, valid = segment.results
        wanted = chosen[segment.events.type] & (values >= 0) & ~_no_fd(segment)
        if files is not None:
            wanted &= _fd_in(segment, *files)
        return NumberColumn(np.where(valid, values, 0).astype(np.uint64), wanted)

    return make


def _is_syslog(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    writes = np.array(["writes_fd" in event.flags for event in event_table().types])
    names = segment.state.fds.text("name")
    to_log = np.array([b"/dev/log" in name for name in names.values.to_pylist()], np.bool_)
    by_version = np.append(to_log, False)[np.append(names.codes, np.int32(-1))]
    return NumberColumn(writes[segment.events.type] & by_version[segment.state.own_fd], None)


def _is_async(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return NumberColumn(is_meta()[segment.events.type], None)


def _hostname(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    name = segment.source.hostname
    if name is None:
        return no_value(len(segment))
    return constant(name.encode("utf-8", "surrogateescape"), len(segment))


def _count_threads(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return _unsigned(of_types("PROCINFO_E")[segment.events.type])


def _count_processes(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    is_main = segment.state.is_main
    return _unsigned(of_types("PROCINFO_E")[segment.events.type] & is_main)


def _exits(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    leaving = np.array([not event.enter for event in event_table().types])
    return NumberColumn(np.ones(len(segment), np.uint64), leaving[segment.events.type])


def _written_time(
    write: Callable[[npt.NDArray[np.int64]], BytesColumn], segment: SyscallSegment, arg: str | None
) -> BytesColumn:
    return write(segment.events.time)


FIELDS: dict[str, Make] = {
    "evt.num": lambda segment, arg: NumberColumn(segment.events.num, None),
    **{name: functools.partial(_written_time, write) for name, write in TEXT_TIMES.items()},
    "evt.rawtime": _time(_whole),
    "evt.rawtime.s": _time(_seconds),
    "evt.rawtime.ns": _time(_rest),
    "evt.reltime": _reltime(_whole),
    "evt.reltime.s": _reltime(_seconds),
    "evt.reltime.ns": _reltime(_rest),
    "evt.deltatime": _deltatime(_whole),
    "evt.deltatime.s": _deltatime(_seconds),
    "evt.deltatime.ns": _deltatime(_rest),
    "evt.outputtime": lambda segment, arg: TEXT_TIMES["evt.time"](segment.events.time),
    "evt.around": _time(_whole),
    "evt.pluginname": lambda segment, arg: no_value(len(segment)),
    "evt.plugininfo": lambda segment, arg: no_value(len(segment)),
    "evt.source": lambda segment, arg: constant(segment.source.name.encode(), len(segment)),
    "evt.is_async": _is_async,
    "evt.hostname": _hostname,
    "evt.latency": _zeros,
    "evt.latency.s": _zeros,
    "evt.latency.ns": _zeros,
    "evt.latency.quantized": _zeros,
    "evt.latency.human": lambda segment, arg: constant(b"0ns", len(segment)),
    "evt.wait_latency": _zeros,
    "evt.dir": by_type(lambda event: b">" if event.enter else b"<"),
    "evt.category": _category,
    "evt.cpu": lambda segment, arg: NumberColumn(segment.events.cpu.astype(np.int64), None),
    "evt.args": arguments,
    "evt.info": arguments,
    "evt.arg": argument,
    "evt.rawarg": raw_argument,
    "evt.buffer": buffer,
    "evt.buflen": _buflen("io_base", "io_write", "io_other"),
    "evt.buflen.in": _buflen("io_base"),
    "evt.buflen.out": _buflen("io_write"),
    "evt.buflen.file": _buflen("io_base", "io_write", "io_other", files=fdtypes.FILES),
    "evt.buflen.file.in": _buflen("io_base", files=fdtypes.FILES),
    "evt.buflen.file.out": _buflen("io_write", files=fdtypes.FILES),
    "evt.buflen.net": _buflen("io_base", "io_write", "io_other", files=fdtypes.SOCKETS),
    "evt.buflen.net.in": _buflen("io_base", files=fdtypes.SOCKETS),
    "evt.buflen.net.out": _buflen("io_write", files=fdtypes.SOCKETS),
    "evt.res": _result,
    "evt.rawres": _raw_result,
    "evt.failed": _failed,
    "evt.is_io": flag("reads_fd", "writes_fd"),
    "evt.is_io_read": flag("reads_fd"),
    "evt.is_io_write": flag("writes_fd"),
    "evt.io_dir": by_type(
        lambda event: (
            b"write"
            if "writes_fd" in event.flags
            else b"read"
            if "reads_fd" in event.flags
            else None
        )
    ),
    "evt.is_wait": flag("waits"),
    "evt.is_syslog": _is_syslog,
    "evt.count": _ones,
    "evt.count.error": _errors(lambda segment: np.ones(len(segment), np.bool_)),
    "evt.count.error.file": _errors(_on_file),
    "evt.count.error.net": _errors(_on_net),
    "evt.count.error.memory": _errors(_on_memory),
    "evt.count.error.other": _errors(_on_other),
    "evt.count.exit": _exits,
    "evt.count.procinfo": _count_processes,
    "evt.count.threadinfo": _count_threads,
    "evt.abspath": absolute_path,
    "evt.is_open_read": open_flags("read"),
    "evt.is_open_write": open_flags("write"),
    "evt.is_open_exec": open_flags("exec"),
    "evt.is_open_create": open_flags("create"),
    "util.cnt": lambda segment, arg: NumberColumn(segment.places, None),
}
