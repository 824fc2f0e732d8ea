"""What ``status`` and ``stat`` of a thread in ``/proc`` say, read as libscap reads them.

From userspace/libscap/linux/scap_procs.c in falcosecurity/libs.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """Numbers of ``status``. In a nested pid namespace ``vtid``, ``vpid`` and ``vpgid`` are those
    of the first level below; else ``vtid`` and ``vpid`` are the thread's own and ``vpgid`` is 0."""

    pid: int
    ptid: int
    uid: int
    gid: int
    vtid: int
    vpid: int
    pgid: int | None
    vpgid: int
    vmsize: int
    vmrss: int
    vmswap: int
    inheritable: int
    permitted: int
    effective: int


@dataclass(frozen=True, slots=True)
class Stat:
    """What of ``stat`` is kept: the name in full, state, group, session, terminal, page faults."""

    comm: bytes
    state: bytes
    pgid: int
    sid: int
    tty: int
    pfminor: int
    pfmajor: int


def parse_status(tid: int, content: bytes) -> Status:
    """Raises ValueError for a text that names no process."""
    # A newline in the thread's name is escaped there, so no name can pass for another line.
    lines = content.split(b"\n")
    get = dict([line.split(b":", 1) for line in lines if b":" in line]).get

    def kilobytes(key: bytes) -> int:
        return int(get(key, b"0").split()[0])

    groups = get(b"NSpgid", b"").split()
    pid = int(get(b"Tgid", b""))
    return Status(
        pid=pid,
        ptid=int(get(b"PPid", b"4294967295")),
        uid=_second(get(b"Uid"), 0xFFFFFFFF),
        gid=_second(get(b"Gid"), 0),
        vtid=_second(get(b"NSpid"), tid),
        vpid=_second(get(b"NStgid"), pid),
        pgid=int(groups[0]) if len(groups) > 1 else None,
        vpgid=int(groups[1]) if len(groups) > 1 else 0,
        vmsize=kilobytes(b"VmSize"),
        vmrss=kilobytes(b"VmRSS"),
        vmswap=kilobytes(b"VmSwap"),
        inheritable=int(get(b"CapInh", b"0"), 16),
        permitted=int(get(b"CapPrm", b"0"), 16),
        effective=int(get(b"CapEff", b"0"), 16),
    )


def _second(numbers: bytes | None, otherwise: int) -> int:
    fields = numbers.split() if numbers else ()
    return int(fields[1]) if len(fields) > 1 else otherwise


def parse_stat(content: bytes) -> Stat:
    """Raises ValueError for a text that is not of ``stat``."""
    name, _, rest = content.rpartition(b")")
    fields = rest.split()
    if len(fields) < 10:
        raise ValueError("fields are missing")
    return Stat(
        comm=name.partition(b"(")[2],
        state=fields[0],
        pgid=int(fields[2]),
        sid=int(fields[3]),
        tty=int(fields[4]) & 0xFFFFFFFF,
        pfminor=int(fields[7]),
        pfmajor=int(fields[9]),
    )
