"""Walks made-up events and shows what each of them finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.state.machine import EventState, Start, StateEngine
from tests.engine.syscalls.made import Made, batch, begun, made, thread

__all__ = ["Made", "Seen", "Walk", "begun", "clone", "execve", "made", "thread"]

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Seen:
    """What one event finds: rows of the tables, None where there is none."""

    thread: dict[str, Any] | None
    main: dict[str, Any] | None
    lineage: dict[str, Any] | None
    fd: dict[str, Any] | None
    number: int
    own: bool
    changed: bool
    count: int
    ancestors: list[bytes]
    std: tuple[bytes | None, bytes | None, bytes | None]
    user: bytes | None
    group: bytes | None
    memory: dict[str, Any] | None
    references: list[tuple[int, int, int]]

    def __getitem__(self, name: str) -> Any:
        """A column of the event's thread."""
        assert self.thread is not None
        return self.thread[name]

    @property
    def name(self) -> bytes:
        """The name of the event's file."""
        assert self.fd is not None
        value: bytes = self.fd["name"]
        return value


class Walk:
    """An engine to which events are given as they come."""

    def __init__(self, start: Start | None = None, **options: Any) -> None:
        self.engine = StateEngine(start, **options)
        self.num = 1
        self.history: Rows = {"threads": [], "fds": []}

    def __call__(self, *events: Made) -> Seen:
        """Walk these as one batch; what the last of them finds."""
        return self.all(*events)[-1]

    def all(self, *events: Made) -> list[Seen]:
        state = self.engine.feed(batch(events, self.num))
        self.num += len(events)
        return seen(state, self.history)


def seen(state: EventState, history: Rows | None = None) -> list[Seen]:
    tables = {
        name: getattr(state.tables, name).arrow().to_pylist()
        for name in ("threads", "nodes", "lineages", "fds", "users", "groups", "memory")
    }
    if history is not None:
        for name, rows in history.items():
            rows += tables[name]
    references = state.tables.references.arrow().to_pylist()
    offsets, above = state.tables.ancestry()

    def get(table: str, row: int) -> dict[str, Any] | None:
        return tables[table][row] if row >= 0 else None

    out = []
    for at in range(len(state)):
        lineage = get("lineages", int(state.lineage[at]))
        node = get("nodes", lineage["node"]) if lineage else None
        main = get("nodes", node["main"]) if node else None
        line = int(state.lineage[at])
        files = [
            (get("fds", lineage[which]) or {}).get("name") if lineage else None
            for which in ("std_in", "std_out", "std_err")
        ]
        names = [
            (get(table, lineage[which]) or {}).get("name") if lineage else None
            for table, which in (("users", "user"), ("groups", "group"))
        ]
        out.append(
            Seen(
                get("threads", node["thread"]) if node else None,
                get("threads", main["thread"]) if main else None,
                lineage,
                get("fds", int(state.fd[at])),
                int(state.fd_number[at]),
                bool(state.own_fd[at]),
                bool(state.name_changed[at]),
                int(state.fd_count[at]),
                [tables["threads"][row]["comm"] for row in above[offsets[line] : offsets[line + 1]]]
                if lineage
                else [],
                (files[0], files[1], files[2]),
                names[0],
                names[1],
                get("memory", int(state.memory[at])),
                [
                    (ref["parameter"], ref["item"], ref["fd"])
                    for ref in references
                    if ref["row"] == at
                ],
            )
        )
    return out


def clone(tid: int, res: int, *, key: str = "SYSCALL_CLONE_20_X", **values: Any) -> Made:
    """A clone that returned: in the child (``res`` 0) or in its parent."""
    own = {
        "res": res, "exe": b"/bin/sh", "args": b"-c\0x\0", "tid": tid, "pid": tid, "ptid": 50,
        "cwd": b"", "fdlimit": 1024, "comm": b"sh", "cgroups": b"cpu=/\0", "flags": 0, "uid": 7,
        "gid": 8, "vtid": tid, "vpid": tid, **values,
    }  # fmt: skip
    return Made(key, tid, own)


def execve(tid: int, exe: bytes = b"/bin/ls", **values: Any) -> Made:
    """An execve that succeeded, unless told."""
    own = {
        "res": 0, "exe": exe, "args": b"-l\0/\0", "tid": tid, "pid": tid, "ptid": 50, "cwd": b"",
        "fdlimit": 1024, "comm": exe.rsplit(b"/")[-1][:15], "cgroups": b"cpu=/\0", "env": b"A=1\0",
        "trusted_exepath": exe, **values,
    }  # fmt: skip
    return Made("SYSCALL_EXECVE_19_X", tid, own)
