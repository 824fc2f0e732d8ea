"""Columns of field dumps made from state tables alone, as Falco prints them.

Only what the state engine answers for: no parameters of events but the names of paths.
"""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from capture.events.schema import EventBatch
from capture.events.state_schema import FD_TYPES
from engine.state.machine import EventState
from engine.state.tables import CONNECTED, OVERLAY_LOWER, OVERLAY_UPPER, ROLE_CLIENT, ROLE_SERVER

TYPE_NAMES = {
    **FD_TYPES, 5: "ipv4", 6: "ipv6", 7: "pipe", 16: "file", 0: "<NA>", 10: "<NA>", -1: "<NA>",
}  # fmt: skip
#: What Falco does not print as it is.
_SHOWN = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
L4 = {2: "tcp", 3: "udp", 4: "icmp", 5: "raw"}


@dataclass
class Row:
    """The state at one event: rows of tables as mappings, None where there is none."""

    event: dict[str, Any]
    lineage: dict[str, Any] | None
    thread: dict[str, Any] | None
    main: dict[str, Any] | None
    fd: dict[str, Any] | None
    memory: dict[str, Any] | None
    view: View


class View:
    """Tables of one batch, row by row."""

    def __init__(self, state: EventState) -> None:
        self.state = state
        tables = state.tables
        self.tables = {
            name: getattr(tables, name).arrow().to_pylist()
            for name in ("threads", "nodes", "lineages", "fds", "users", "groups", "memory")
        }
        offsets, rows = tables.ancestry()
        self.above = [rows[a:b].tolist() for a, b in itertools.pairwise(offsets)]
        self.depths: dict[int, list[int]] = {}

    def get(self, table: str, row: int) -> dict[str, Any] | None:
        return None if row < 0 else self.tables[table][row]

    def ancestor(self, lineage: int, n: int) -> dict[str, Any] | None:
        if n not in self.depths:
            every = np.arange(len(self.state.tables.lineages), dtype=np.int32)
            self.depths[n] = self.state.tables.ancestors(every, n).tolist()
        return self.get("threads", self.depths[n][lineage])


def rows(batch: EventBatch, state: EventState) -> Iterator[Row]:
    """The judged events of a batch."""
    view = View(state)
    times = batch.batch.column("time").cast("int64").to_pylist()
    nums = batch.batch.column("num").to_pylist()
    tids = batch.batch.column("tid").to_pylist()
    for at in np.flatnonzero(batch.judged()).tolist():
        lineage = view.get("lineages", int(state.lineage[at]))
        node = view.get("nodes", lineage["node"]) if lineage else None
        main = view.get("nodes", node["main"]) if node else None
        event = {
            "at": at, "num": nums[at], "time": times[at], "tid": tids[at],
            "type": batch.event_type(at), "fd_number": int(state.fd_number[at]),
            "fd_count": int(state.fd_count[at]), "fd_types": int(state.fd_types[at]),
            "name_changed": bool(state.name_changed[at]), "lineage": int(state.lineage[at]),
        }  # fmt: skip
        yield Row(
            event,
            lineage,
            view.get("threads", node["thread"]) if node else None,
            view.get("threads", main["thread"]) if main else None,
            view.get("fds", int(state.fd[at])),
            view.get("memory", int(state.memory[at])),
            view,
        )


def text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bytes):
        return _SHOWN.sub("\ufffd", value.decode(errors="replace"))
    return str(value)


def cmdline(thread: dict[str, Any]) -> bytes:
    args = thread["args"]
    comm: bytes = thread["comm"]
    return comm + (b" " + args.replace(b"\0", b" ") if args else b"")


def _thread(name: str, *, zero: bool = True, minus: bool = True) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        if row.thread is None:
            return None
        value = row.thread[name]
        if (value == 0 and not zero) or (value == -1 and not minus):
            return None
        return value

    return get


def _ancestor(n: int, make: Callable[[dict[str, Any]], Any]) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        if row.thread is None:
            return None
        above = row.view.ancestor(row.event["lineage"], n)
        return None if above is None else make(above)

    return get


def _all_above(make: Callable[[dict[str, Any]], bytes]) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        if row.main is None:
            return None
        out = b""
        for at in row.view.above[row.event["lineage"]]:
            out += (b" " if out else b"") + make(row.view.tables["threads"][at])
        return out or None

    return get


def _leader(which: str, name: str) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        if row.lineage is None:
            return None
        leader = row.view.get("threads", row.lineage[which])
        return b"" if leader is None else leader[name]

    return get


def _stdio(which: str, make: Callable[[dict[str, Any]], Any]) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        fd = row.view.get("fds", row.lineage[which]) if row.lineage else None
        return None if fd is None else make(fd)

    return get


def _user(which: str, uid: str, name: str, root: bytes) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        if row.thread is None or row.lineage is None:
            return None
        user = row.view.get("groups" if which == "group" else "users", row.lineage[which])
        if user:
            return user[name]
        return root if row.thread[uid] == 0 else b"<NA>"

    return get


def _is_fd_event(row: Row) -> bool:
    return row.thread is not None and bool(
        row.event["type"].flags & {"creates_fd", "uses_fd", "destroys_fd"}
    )


def _fd(make: Callable[[dict[str, Any]], Any]) -> Callable[[Row], Any]:
    return lambda row: None if row.fd is None else make(row.fd)


def _fd_text(name: str) -> Callable[[Row], Any]:
    """Only where there is a file: without one Falco looks at the parameters of the event."""

    def get(row: Row) -> Any:
        if row.fd is None:
            return NotImplemented if _is_fd_event(row) else None
        value = row.fd[name]
        while name == "name_raw" and b"//" in value:
            value = value.replace(b"//", b"/")
        return value

    return get


def _ip(value: bytes) -> str:
    return socket.inet_ntop(socket.AF_INET if len(value) == 4 else socket.AF_INET6, value)


def _end(which: str, kind: str) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        fd = row.fd
        if fd is None or fd["type"] not in (3, 4, 5, 6):
            return None
        listening = fd["type"] in (5, 6)
        role = fd["flags"] & (ROLE_CLIENT | ROLE_SERVER)
        if listening and which == "source":
            return None
        if not role and not (listening and kind == "port"):
            return None
        return (
            _ip(fd["dest_ip" if which == "dest" else "source_ip"])
            if kind == "ip"
            else fd[f"{which}_port"]
        )

    return get


def _is_server(row: Row) -> Any:
    if row.fd is None or row.thread is None:
        return None
    if row.fd["type"] in (5, 6):
        return True
    if row.fd["type"] not in (3, 4):
        return False
    return bool(row.fd["dest_is_local"]) and not row.thread["container_id"]


def _family(row: Row) -> Any:
    if row.fd is None:
        return None
    return {3: "ip", 4: "ip", 5: "ip", 6: "ip", 8: "unix"}.get(row.fd["type"])


def _login_shell(row: Row) -> Any:
    if row.main is None:
        return None
    found = None
    threads = row.view.tables["threads"]
    for thread in [row.main, *(threads[at] for at in row.view.above[row.event["lineage"]])]:
        if thread["comm"].endswith(b"sh"):
            found = thread["pid"]
    return found


def _container_name(row: Row) -> Any:
    if row.fd is None:
        return NotImplemented if _is_fd_event(row) else None
    assert row.thread is not None
    return row.thread["container_id"] + b":" + row.fd["name"]


def _memory(name: str, *, of_main: bool = False) -> Callable[[Row], Any]:
    def get(row: Row) -> Any:
        if row.memory is None or row.thread is None:
            return None
        return row.memory[name] if not of_main or row.thread["is_main"] else 0

    return get


def _signed(value: Any) -> Any:
    return None if value is None else value if value < 1 << 31 else value - (1 << 32)


COLUMNS: dict[str, Callable[[Row], Any]] = {
    "proc.name": _thread("comm"),
    "proc.exe": _thread("exe"),
    "proc.exepath": _thread("exepath"),
    "proc.args": lambda r: r.thread and r.thread["args"].replace(b"\0", b" "),
    "proc.cmdline": lambda r: None if r.thread is None else cmdline(r.thread),
    "proc.pid": _thread("pid"),
    "proc.vpid": _thread("vpid", minus=False),
    "proc.sid": _thread("sid"),
    "proc.vpgid": _thread("vpgid"),
    "proc.pgid": _thread("pgid"),
    "proc.tty": _thread("tty"),
    "proc.cwd": lambda r: None if r.thread is None else b"./" if r.main is None else r.main["cwd"],
    "proc.fdlimit": lambda r: (
        None if r.thread is None else 0 if r.main is None else r.main["fd_limit"]
    ),
    "proc.fdopencount": lambda r: None if r.thread is None else r.event["fd_count"],
    "proc.ppid": _ancestor(1, lambda t: t["pid"]),
    "proc.pname": _ancestor(1, lambda t: t["comm"]),
    "proc.pexe": _ancestor(1, lambda t: t["exe"]),
    "proc.pexepath": _ancestor(1, lambda t: t["exepath"]),
    "proc.pcmdline": _ancestor(1, cmdline),
    "proc.aname[1]": _ancestor(1, lambda t: t["comm"]),
    "proc.aname[2]": _ancestor(2, lambda t: t["comm"]),
    "proc.aname[3]": _ancestor(3, lambda t: t["comm"]),
    "proc.aname[4]": _ancestor(4, lambda t: t["comm"]),
    "proc.aexepath[1]": _ancestor(1, lambda t: t["exepath"]),
    "proc.aexepath[2]": _ancestor(2, lambda t: t["exepath"]),
    "proc.apid[1]": _ancestor(1, lambda t: t["pid"]),
    "proc.apid[2]": _ancestor(2, lambda t: t["pid"]),
    "proc.apid": _ancestor(0, lambda t: t["pid"]),
    "proc.aname": _all_above(lambda t: t["comm"]),
    "proc.aexe": _all_above(lambda t: t["exe"]),
    "proc.aexepath": _all_above(lambda t: t["exepath"]),
    "proc.acmdline": _all_above(cmdline),
    "proc.aargs": _all_above(lambda t: t["args"].replace(b"\0", b" ")),
    "proc.loginshellid": _login_shell,
    "proc.sname": _leader("sid_leader", "comm"),
    "proc.sid.exe": _leader("sid_leader", "exe"),
    "proc.sid.exepath": _leader("sid_leader", "exepath"),
    "proc.vpgid.name": _leader("vpgid_leader", "comm"),
    "proc.vpgid.exe": _leader("vpgid_leader", "exe"),
    "proc.vpgid.exepath": _leader("vpgid_leader", "exepath"),
    "proc.pgid.name": _leader("pgid_leader", "comm"),
    "proc.pgid.exe": _leader("pgid_leader", "exe"),
    "proc.pgid.exepath": _leader("pgid_leader", "exepath"),
    "proc.pid.ts": _thread("clone_ts", zero=False),
    "proc.exe_ino": _thread("exe_ino", zero=False),
    "proc.is_exe_writable": lambda r: r.thread and bool(r.thread["exe_writable"]),
    "proc.is_exe_upper_layer": lambda r: r.thread and bool(r.thread["exe_upper_layer"]),
    "proc.is_exe_lower_layer": lambda r: r.thread and bool(r.thread["exe_lower_layer"]),
    "proc.is_exe_from_memfd": lambda r: r.thread and bool(r.thread["exe_from_memfd"]),
    "proc.nthreads": lambda r: r.lineage and r.lineage["threads"],
    "proc.nchilds": lambda r: r.lineage and r.lineage["other_threads"],
    "proc.vmsize": _memory("size_kb"),
    "proc.vmrss": _memory("rss_kb"),
    "proc.vmswap": _memory("swap_kb"),
    "thread.pfmajor": _memory("major_faults"),
    "thread.pfminor": _memory("minor_faults"),
    "thread.vmsize": _memory("size_kb", of_main=True),
    "thread.vmrss": _memory("rss_kb", of_main=True),
    "thread.vtid": _thread("vtid", minus=False),
    "thread.ismain": lambda r: r.thread and bool(r.thread["is_main"]),
    "thread.cgroups": lambda r: (r.thread and r.thread["cgroups"].replace(b"\0", b" ")) or None,
    "proc.stdin.type": _stdio("std_in", lambda f: TYPE_NAMES[f["type"]]),
    "proc.stdout.type": _stdio("std_out", lambda f: TYPE_NAMES[f["type"]]),
    "proc.stderr.type": _stdio("std_err", lambda f: TYPE_NAMES[f["type"]]),
    "proc.stdin.name": _stdio("std_in", lambda f: f["name"]),
    "proc.stdout.name": _stdio("std_out", lambda f: f["name"]),
    "proc.stderr.name": _stdio("std_err", lambda f: f["name"]),
    "user.uid": _thread("uid"),
    "user.name": _user("user", "uid", "name", b"root"),
    "user.homedir": _user("user", "uid", "homedir", b"/root"),
    "user.shell": _user("user", "uid", "shell", b"<NA>"),
    "user.loginuid": lambda r: r.thread and _signed(r.thread["loginuid"]),
    "user.loginname": _user("login_user", "loginuid", "name", b"root"),
    "group.gid": _thread("gid"),
    "group.name": _user("group", "gid", "name", b"root"),
    "fd.num": lambda r: r.event["fd_number"] if _is_fd_event(r) else None,
    "fd.uid": lambda r: f"{r.event['tid']}{r.event['fd_number']}" if _is_fd_event(r) else None,
    "fd.type": _fd(lambda f: TYPE_NAMES[f["type"]]),
    "fd.name": _fd_text("name"),
    "fd.nameraw": _fd_text("name_raw"),
    "fd.containername": _container_name,
    "fd.cip": _end("source", "ip"),
    "fd.sip": _end("dest", "ip"),
    "fd.cport": _end("source", "port"),
    "fd.sport": _end("dest", "port"),
    "fd.l4proto": _fd(lambda f: L4.get(f["l4proto"], "<NA>")),
    "fd.sockfamily": _family,
    "fd.is_server": _is_server,
    "fd.connected": _fd(lambda f: bool(f["flags"] & CONNECTED)),
    "fd.name_changed": lambda r: None if r.fd is None else r.event["name_changed"],
    "fd.ino": _fd(lambda f: f["ino"]),
    "fd.is_upper_layer": _fd(lambda f: bool(f["flags"] & OVERLAY_UPPER)),
    "fd.is_lower_layer": _fd(lambda f: bool(f["flags"] & OVERLAY_LOWER)),
}
