"""What ``status`` and ``stat`` of a thread in ``/proc`` say, read as libscap reads them.

From userspace/libscap/linux/scap_procs.c in falcosecurity/libs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_STATUS = re.compile(
    rb"^(?:Tgid:\s*(?P<pid>\d+)"
    rb"|PPid:\s*(?P<ptid>\d+)"
    rb"|Uid:\s*\d+\s+(?P<uid>\d+)"
    rb"|Gid:\s*\d+\s+(?P<gid>\d+)"
    rb"|NStgid:\s*\d+\s+(?P<vpid>\d+)"
    rb"|NSpid:\s*\d+\s+(?P<vtid>\d+)"
    rb"|NSpgid:\s*(?P<pgid>\d+)\s+(?P<vpgid>\d+)"
    rb"|VmSize:\s*(?P<vmsize>\d+)"
    rb"|VmRSS:\s*(?P<vmrss>\d+)"
    rb"|VmSwap:\s*(?P<vmswap>\d+)"
    rb"|CapInh:\s*(?P<inheritable>[0-9a-f]+)"
    rb"|CapPrm:\s*(?P<permitted>[0-9a-f]+)"
    rb"|CapEff:\s*(?P<effective>[0-9a-f]+))",
    re.MULTILINE,
)
_HEX = frozenset({"inheritable", "permitted", "effective"})


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
    """What of ``stat`` is kept: the name in full, group, session, terminal and page faults."""

    comm: bytes
    pgid: int
    sid: int
    tty: int
    pfminor: int
    pfmajor: int


def parse_status(tid: int, content: bytes) -> Status:
    """Raises ValueError for a text that names no process."""
    found: dict[str, int] = {}
    for match in _STATUS.finditer(content):
        for name, value in match.groupdict().items():
            if value is not None:
                found[name] = int(value, 16 if name in _HEX else 10)
    if "pid" not in found:
        raise ValueError("no thread group")
    get = found.get
    return Status(
        pid=found["pid"],
        ptid=get("ptid", 0xFFFFFFFF),
        uid=get("uid", 0xFFFFFFFF),
        gid=get("gid", 0),
        vtid=get("vtid", tid),
        vpid=get("vpid", found["pid"]),
        pgid=get("pgid"),
        vpgid=get("vpgid", 0),
        vmsize=get("vmsize", 0),
        vmrss=get("vmrss", 0),
        vmswap=get("vmswap", 0),
        inheritable=get("inheritable", 0),
        permitted=get("permitted", 0),
        effective=get("effective", 0),
    )


def parse_stat(content: bytes) -> Stat:
    """Raises ValueError for a text that is not of ``stat``."""
    name, _, rest = content.rpartition(b")")
    fields = rest.split()
    if len(fields) < 10:
        raise ValueError("fields are missing")
    return Stat(
        comm=name.partition(b"(")[2],
        pgid=int(fields[2]),
        sid=int(fields[3]),
        tty=int(fields[4]) & 0xFFFFFFFF,
        pfminor=int(fields[7]),
        pfmajor=int(fields[9]),
    )
