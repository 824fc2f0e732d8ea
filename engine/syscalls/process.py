"""``proc.*``: the process of an event, its parents, and the leaders of its groups.

From sinsp_filtercheck_thread.cpp, and threadinfo.cpp and thread_manager.cpp for what it asks of
threads, in falcosecurity/libs. A value is made once a distinct state of a thread.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, Column, ListColumn, Mask, NumberColumn
from engine.syscalls import fdtypes
from engine.syscalls.assemble import gathered, gathered_numbers, no_value
from engine.syscalls.ofthreads import (
    Make,
    derived,
    each,
    flag,
    joined,
    memory,
    number,
    own,
    parent,
    pid_of,
    same,
    split,
    text,
    wide,
    words,
)
from engine.values import spaced

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment
    from engine.syscalls.state import State, Versions

#: How far libs looks for a variable among the ancestors.
_ENV_LEVELS = 20

ARGS = each("args", joined)
ENV = each("env", joined)
CMDLINE = words("comm")
EXELINE = words("exe")


def _args(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """All arguments, or one by number; the empty text where there are not so many."""
    if arg is None or int(arg) < 0:
        return _column(derived(ARGS, "args"), segment)
    index = int(arg)

    def one(packed: bytes) -> bytes:
        args = split(packed)
        return args[index] if index < len(args) else b""

    return _column(derived(each("args", one), f"args[{index}]"), segment)


def _column(make: Make, segment: SyscallSegment) -> BytesColumn:
    column = make(segment, None)
    assert isinstance(column, BytesColumn)
    return column


def _counted(count: Callable[[list[bytes]], int]) -> Make:
    """A number made of the arguments."""

    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        args = segment.state.threads.text("args")
        counts = [count(split(packed)) for packed in args.values.to_pylist()]
        by_version = np.append(np.array(counts, np.uint64), np.uint64(0))[args.codes]
        ids = segment.state.thread
        return wide(gathered_numbers(by_version, ids), ids >= 0)

    return column


def variable(name: bytes) -> Callable[[bytes], bytes]:
    """The value of a variable in an environment, blanks around it left out; empty for none."""

    def change(packed: bytes) -> bytes:
        for entry in split(packed):
            if len(entry) > len(name) + 1 and entry.startswith(name + b"="):
                return entry[len(name) + 1 :].strip(b" ")
        return b""

    return change


def _env(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """The environment, which is that of the main thread, or one variable of it."""
    if arg is None or arg == "" or arg.isdecimal():
        return _column(derived(ENV, "env", _environment), segment)
    name = arg.encode()
    return _column(derived(each("env", variable(name)), f"env[{arg}]", _environment), segment)


def _environment(state: State) -> Codes:
    """Whose environment an event's thread has."""
    return np.where(state.main_thread >= 0, state.main_thread, state.thread).astype(np.int32)


def ancestors(make: Callable[[Versions], BytesColumn], name: str) -> Make:
    """One ancestor's text by level; without one, those of all ancestors, the process left out."""

    def column(segment: SyscallSegment, arg: str | None) -> Column:
        state = segment.state
        table = state.threads.derived(name, make)
        if arg is not None and int(arg) >= 0:
            return gathered(table, state.ancestor(int(arg)))
        offsets, ids = state.ancestors
        return ListColumn(offsets, gathered(table, ids), state.main_thread >= 0)

    return column


def plain_text(name: str) -> Callable[[Versions], BytesColumn]:
    return lambda threads: threads.text(name)


def _apid(segment: SyscallSegment, arg: str | None) -> Column:
    state = segment.state
    if arg is not None and int(arg) >= 0:
        level = int(arg)
        return pid_of(lambda state: state.ancestor(level))(segment, None)
    offsets, ids = state.ancestors
    values = gathered_numbers(state.threads.number("pid"), ids).astype(np.int64)
    return ListColumn(offsets, NumberColumn(values, None), state.main_thread >= 0)


def _aargs(segment: SyscallSegment, arg: str | None) -> Column:
    """An ancestor's arguments; without a level those of all, as one text."""
    column = ancestors(ARGS, "args")(segment, arg)
    return _one_text(column) if isinstance(column, ListColumn) else column


def _one_text(column: ListColumn) -> BytesColumn:
    """The items of each list with a blank before each that does not come first; no value where
    that gives the empty text."""
    assert isinstance(column.items, BytesColumn)
    codes = column.items.codes
    values = column.items.values.to_pylist()
    known: dict[bytes, int] = {}
    rows = np.full(len(column), -1, np.int32)
    seen: dict[tuple[int, ...], int] = {}
    bounds = column.offsets.tolist()
    every = codes.tolist()
    for row, (start, end) in enumerate(itertools.pairwise(bounds)):
        key = tuple(every[start:end])
        code = seen.get(key)
        if code is None:
            line = spaced(values[item] for item in key)
            code = known.setdefault(line, len(known)) if line else -1
            seen[key] = code
        rows[row] = code
    return BytesColumn(rows, pa.array(list(known), pa.binary()))


def _aenv(segment: SyscallSegment, arg: str | None) -> Column:
    """The environments of all ancestors; by number that of one; by name the first that an ancestor
    has of that variable."""
    state = segment.state
    if arg is None:
        return ancestors(ENV, "env")(segment, None)
    if arg.isdecimal():
        if int(arg) < 1:
            return _env(segment, None)
        return gathered(state.threads.derived("env", ENV), state.parents(int(arg)))
    name = arg.encode()
    table = state.threads.derived(f"env[{arg}]", each("env", variable(name)))
    found = np.zeros(len(state.thread), np.int32) - 1
    empty = np.array([value == b"" for value in table.values.to_pylist()], np.bool_)
    for level in range(1, _ENV_LEVELS + 1):
        ids = state.parents(level)
        if (ids < 0).all():
            break
        codes = np.append(table.codes, np.int32(-1))[ids]
        says = (codes >= 0) & ~np.append(empty, True)[codes]
        found = np.where((found < 0) & says, codes, found).astype(np.int32)
    values = pa.concat_arrays([table.values, pa.array([b""], pa.binary())])
    nothing = np.where(state.known(), np.int32(len(table.values)), np.int32(-1))
    return BytesColumn(np.where(found >= 0, found, nothing).astype(np.int32), values)


def _leader(which: str, name: str) -> Make:
    """A text of a group's leader, empty where the leader is not known."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        state = segment.state
        table = state.threads.text(name)
        found = gathered(table, state.leader(which))
        values = pa.concat_arrays([found.values, pa.array([b""], pa.binary())])
        unknown = np.where(state.known(), np.int32(len(table.values)), np.int32(-1))
        return BytesColumn(np.where(found.codes >= 0, found.codes, unknown), values)

    return column


def _cwd(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    state = segment.state
    column = state.cwd(np.arange(len(segment)))
    return BytesColumn(np.where(state.known(), column.codes, np.int32(-1)), column.values)


def _login_shell(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    """The oldest shell among the process and its ancestors."""
    state = segment.state
    comms = state.threads.text("comm")
    shells = np.array([name[-2:] == b"sh" for name in comms.values.to_pylist()], np.bool_)
    is_shell = np.append(np.append(shells, False)[comms.codes], False)
    pids = np.append(state.threads.number("pid"), 0).astype(np.int64)
    ids = state.main_thread
    found = np.where(is_shell[ids], ids, np.int32(-1))
    offsets, older = state.ancestors
    places = np.flatnonzero(is_shell[older])
    rows = np.repeat(np.arange(len(ids)), np.diff(offsets))[places]
    found[rows] = older[places]  # the last one written is the oldest
    return wide(pids[found], found >= 0)


def _since(segment: SyscallSegment, ids: Codes) -> tuple[npt.NDArray[np.uint64], Mask]:
    """Time from the start of threads to the events, and where that start is known."""
    start = gathered_numbers(segment.state.threads.number("clone_ts"), ids).astype(np.uint64)
    return segment.events.time.view(np.uint64) - start, (ids >= 0) & (start != 0)


def _duration(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(*_since(segment, segment.state.thread))


def _parent_duration(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    """Of a parent whose start is not known libs gives the number of open files of the process."""
    ids = parent(segment.state)
    passed, known = _since(segment, ids)
    count = segment.state.fd_count.astype(np.uint64)
    return wide(np.where(known, passed, count), ids >= 0)


def _fd_count(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(segment.state.fd_count.astype(np.uint64), segment.state.known())


def _fd_limits(segment: SyscallSegment) -> npt.NDArray[np.int64]:
    """Of the main thread; 0 where that is not known."""
    state = segment.state
    return gathered_numbers(state.threads.number("fd_limit"), state.main_thread).astype(np.int64)


def _fd_limit(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(_fd_limits(segment), segment.state.known())


def _fd_usage(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    limit = _fd_limits(segment)
    count = segment.state.fd_count
    share = np.where(limit > 0, count * 100.0 / np.maximum(limit, 1), 0.0)
    return wide(np.minimum(share, 100.0), segment.state.known())


def _stdio(number_: int, part: str) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        state = segment.state
        ids = state.stdio(number_)
        if part == "name":
            return gathered(state.fds.text("name"), ids)
        return fdtypes.words(state.fds.number("type"), ids)

    return column


def _nothing(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    rows = len(segment)
    return NumberColumn(np.zeros(rows, np.bool_), np.zeros(rows, np.bool_))


def _no_text(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    return no_value(len(segment))


FIELDS: dict[str, Make] = {
    "proc.exe": text("exe"),
    "proc.pexe": text("exe", parent),
    "proc.aexe": ancestors(plain_text("exe"), "exe"),
    "proc.exepath": text("exepath"),
    "proc.pexepath": text("exepath", parent),
    "proc.aexepath": ancestors(plain_text("exepath"), "exepath"),
    "proc.name": text("comm"),
    "proc.pname": text("comm", parent),
    "proc.aname": ancestors(plain_text("comm"), "comm"),
    "proc.args": _args,
    "proc.aargs": _aargs,
    "proc.cmdline": derived(CMDLINE, "cmdline"),
    "proc.pcmdline": derived(CMDLINE, "cmdline", parent),
    "proc.acmdline": ancestors(CMDLINE, "cmdline"),
    "proc.cmdnargs": _counted(len),
    "proc.cmdlenargs": _counted(lambda args: sum(map(len, args))),
    "proc.exeline": derived(EXELINE, "exeline"),
    "proc.env": _env,
    "proc.aenv": _aenv,
    "proc.cwd": _cwd,
    "proc.loginshellid": _login_shell,
    "proc.tty": number("tty"),
    "proc.pid": pid_of(own),
    "proc.ppid": pid_of(parent),
    "proc.apid": _apid,
    "proc.vpid": number("vpid", nothing=-1),
    "proc.pvpid": number("vpid", lambda state: state.parent_thread),
    "proc.sid": number("sid"),
    "proc.sname": _leader("sid", "comm"),
    "proc.sid.exe": _leader("sid", "exe"),
    "proc.sid.exepath": _leader("sid", "exepath"),
    "proc.vpgid": number("vpgid"),
    "proc.vpgid.name": _leader("vpgid", "comm"),
    "proc.vpgid.exe": _leader("vpgid", "exe"),
    "proc.vpgid.exepath": _leader("vpgid", "exepath"),
    "proc.pgid": number("pgid"),
    "proc.pgid.name": _leader("pgid", "comm"),
    "proc.pgid.exe": _leader("pgid", "exe"),
    "proc.pgid.exepath": _leader("pgid", "exepath"),
    "proc.duration": _duration,
    "proc.ppid.duration": _parent_duration,
    "proc.pid.ts": number("clone_ts", nothing=0),
    "proc.ppid.ts": number("clone_ts", lambda state: state.parent_thread),
    "proc.is_exe_writable": flag("exe_writable"),
    "proc.is_exe_upper_layer": flag("exe_upper_layer"),
    "proc.is_exe_lower_layer": flag("exe_lower_layer"),
    "proc.is_exe_from_memfd": flag("exe_from_memfd"),
    "proc.is_sid_leader": same("sid", "vpid"),
    "proc.is_vpgid_leader": same("vpgid", "vpid"),
    "proc.is_pgid_leader": same("pgid", "pid"),
    "proc.exe_ino": number("exe_ino", nothing=0),
    "proc.exe_ino.ctime": number("exe_ino_ctime", nothing=0),
    "proc.exe_ino.mtime": number("exe_ino_mtime", nothing=0),
    "proc.exe_ino.ctime_duration_proc_start": number("exe_ino_ctime_duration_clone_ts", nothing=0),
    "proc.exe_ino.ctime_duration_pidns_start": number(
        "exe_ino_ctime_duration_pidns_start", nothing=0
    ),
    "proc.pidns_init_start_ts": number("pidns_init_start_ts", nothing=0),
    "proc.fdopencount": _fd_count,
    "proc.fdlimit": _fd_limit,
    "proc.fdusage": _fd_usage,
    "proc.vmsize": memory("size_kb"),
    "proc.vmrss": memory("rss_kb"),
    "proc.vmswap": memory("swap_kb"),
    "proc.nthreads": lambda segment, arg: wide(
        segment.state.thread_count("threads"), segment.state.known()
    ),
    "proc.nchilds": lambda segment, arg: wide(
        segment.state.thread_count("other_threads"), segment.state.known()
    ),
    "proc.stdin.type": _stdio(0, "type"),
    "proc.stdout.type": _stdio(1, "type"),
    "proc.stderr.type": _stdio(2, "type"),
    "proc.stdin.name": _stdio(0, "name"),
    "proc.stdout.name": _stdio(1, "name"),
    "proc.stderr.name": _stdio(2, "name"),
    "proc.is_container_healthcheck": _nothing,
    "proc.is_container_liveness_probe": _nothing,
    "proc.is_container_readiness_probe": _nothing,
}
