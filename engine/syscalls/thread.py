"""``thread.*``: the thread of an event.

From sinsp_filtercheck_thread.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine.columns import BytesColumn, Column, NumberColumn
from engine.syscalls.assemble import bytes_of, gathered
from engine.syscalls.ofthreads import Make, derived, each, memory, number, split, wide

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

_NAMES = """
CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT
SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE
AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ
PERFMON BPF CHECKPOINT_RESTORE
"""
#: Capabilities by bit.
_CAPABILITIES = tuple(_NAMES.split())


def _tid(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    tids = segment.events.tid
    return wide(tids, (tids >= -1) & (tids <= 0xFFFFFFFF))


def _is_main(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(segment.state.is_main, segment.state.known())


def _name_and_tid(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    names = gathered(segment.state.threads.text("comm"), segment.state.thread)
    both = names.codes.astype(np.int64) << 32 | (segment.events.tid & 0xFFFFFFFF)
    distinct, codes = np.unique(both[names.codes >= 0], return_inverse=True)
    tids, texts = distinct & 0xFFFFFFFF, names.values.to_pylist()
    values = [
        texts[name] + b"%d" % tid
        for name, tid in zip((distinct >> 32).tolist(), tids.tolist(), strict=True)
    ]
    rows = np.flatnonzero(names.codes >= 0)
    return bytes_of(len(segment), [(rows, codes.astype(np.int32), pa.array(values, pa.binary()))])


def _cgroups(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """All control groups; no value for a thread that is in none."""
    column = derived(each("cgroups", lambda packed: b" ".join(split(packed))), "cgroups")(
        segment, None
    )
    assert isinstance(column, BytesColumn)
    empty = np.array([text == b"" for text in column.values.to_pylist()], np.bool_)
    nothing = np.append(empty, True)[column.codes]
    return BytesColumn(np.where(nothing, np.int32(-1), column.codes), column.values)


def _cgroup(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """The control group of one subsystem; no value for a thread that has none there."""
    wanted = (arg or "").encode() + b"="
    packed = segment.state.threads.text("cgroups")
    texts: list[bytes] = []
    where = np.full(len(packed.values) + 1, -1, np.int32)
    for code, groups in enumerate(packed.values.to_pylist()):
        for group in split(groups):
            if group.startswith(wanted):
                where[code] = len(texts)
                texts.append(group[len(wanted) :])
                break
    by_version = BytesColumn(where[packed.codes], pa.array(texts, pa.binary()))
    return gathered(by_version, segment.state.thread)


def _capabilities(name: str) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        held, codes = np.unique(
            segment.state.threads.number(name).astype(np.uint64), return_inverse=True
        )
        texts = [
            " ".join(f"CAP_{cap}" for bit, cap in enumerate(_CAPABILITIES) if caps >> bit & 1)
            for caps in held.tolist()
        ]
        values = pa.array([said.encode() for said in texts], pa.binary())
        return gathered(BytesColumn(codes.astype(np.int32), values), segment.state.thread)

    return column


def _cpu(*parameters: int) -> Make:
    """CPU time since the thread's process information before, at most 100; only such events."""

    def column(segment: SyscallSegment, arg: str | None) -> Column:
        used = segment.ordered.cpu(parameters)
        rows = len(segment)
        values, valid = np.zeros(rows, np.float64), np.zeros(rows, np.bool_)
        if used is not None:
            values[used[0]], valid[used[0]] = used[1], True
        return NumberColumn(values, valid & segment.state.known())

    return column


def _exec_time(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    """CPU time between switches: Falco answers 0 in replays, also where a capture has switches."""
    rows = len(segment)
    return NumberColumn(np.zeros(rows, np.uint64), None)


def _total_exec_time(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    return wide(np.zeros(len(segment), np.uint64), segment.state.known())


FIELDS: dict[str, Make] = {
    "thread.cap_permitted": _capabilities("cap_permitted"),
    "thread.cap_inheritable": _capabilities("cap_inheritable"),
    "thread.cap_effective": _capabilities("cap_effective"),
    "thread.pfmajor": memory("major_faults"),
    "thread.pfminor": memory("minor_faults"),
    "thread.tid": _tid,
    "thread.ismain": _is_main,
    "thread.vtid": number("vtid", nothing=-1),
    "thread.nametid": _name_and_tid,
    "thread.exectime": _exec_time,
    "thread.totexectime": _total_exec_time,
    "thread.cgroups": _cgroups,
    "thread.cgroup": _cgroup,
    "thread.cpu": _cpu(0, 1),
    "thread.cpu.user": _cpu(0),
    "thread.cpu.system": _cpu(1),
    "thread.vmsize": memory("size_kb", main_only=True),
    "thread.vmrss": memory("rss_kb", main_only=True),
    "thread.vmsize.b": memory("size_kb", main_only=True, bytes_a_unit=1024),
    "thread.vmrss.b": memory("rss_kb", main_only=True, bytes_a_unit=1024),
}
