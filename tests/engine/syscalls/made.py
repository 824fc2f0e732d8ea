"""Events and start states made by hand, and the segments of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from capture.events.schema import EventBatch, event_schema, event_struct
from capture.events.state_schema import TABLES
from capture.events.table import event_table
from engine.fields.catalogue import Catalogue
from engine.fields.shown import shown
from engine.state.machine import StateEngine
from engine.syscalls.segment import SyscallSegment, SyscallSource
from engine.syscalls.state import State
from engine.values import json_values

BASE = 1_700_000_000_000_000_000


@dataclass(frozen=True)
class Made:
    """An event: the key of its type, its thread, its parameters; ``present`` where not all."""

    key: str
    tid: int = 100
    values: Mapping[str, Any] = field(default_factory=dict)
    cpu: int = 0
    present: int | None = None
    time: int | None = None


def made(key: str, tid: int = 100, **values: Any) -> Made:
    """An event whose parameters are ``values``; those not named are empty."""
    return Made(key, tid, values)


def batch(events: Sequence[Made], first: int = 1) -> EventBatch:
    table = event_table()
    codes = tuple(sorted({table.by_key[event.key].code for event in events}))
    children = [
        pa.array([e.values for e in events if table.by_key[e.key].code == code], event_struct(code))
        for code in codes
    ]
    types = [table.by_key[event.key].code for event in events]
    type_ids = np.array([codes.index(code) for code in types], np.int8)
    seen = dict.fromkeys(codes, 0)
    offsets = []
    for code in types:
        offsets.append(seen[code])
        seen[code] += 1
    union = pa.UnionArray.from_dense(
        pa.array(type_ids),
        pa.array(offsets, pa.int32()),
        children,
        [table[code].key.lower() for code in codes],
    )
    nums = range(first, first + len(events))
    times = [
        BASE + num * 1000 if e.time is None else e.time for num, e in zip(nums, events, strict=True)
    ]
    present = [
        len(table[code].parameters) if e.present is None else e.present
        for code, e in zip(types, events, strict=True)
    ]
    head = [
        pa.array(nums, pa.uint64()),
        pa.array(times, pa.timestamp("ns", tz="UTC")),
        pa.array([event.cpu for event in events], pa.uint16()),
        pa.array([event.tid for event in events], pa.int64()),
        pa.array(types, pa.uint16()),
        pa.array(present, pa.uint8()),
        pa.array([0] * len(events), pa.uint32()),
    ]
    whole = pa.RecordBatch.from_arrays([*head, union], schema=event_schema(codes))
    whole.validate(full=True)
    return EventBatch.of(whole)


def thread(tid: int, **values: Any) -> dict[str, Any]:
    """A thread of a start state: the main thread of a process of the host unless told."""
    return {
        "tid": tid, "pid": tid, "ptid": 1, "sid": tid, "vpgid": tid, "pgid": tid, "vtid": tid,
        "vpid": tid, "comm": b"cat", "exe": b"/bin/cat", "exepath": b"/usr/bin/cat", "args": b"",
        "cwd": b"/home/u/", "flags": 0, "uid": 1000, "gid": 1000, "env": b"", "cgroups": b"",
        "root": b"/", "fdlimit": 1024, "tty": 0, "loginuid": 1000, **values,
    }  # fmt: skip


@dataclass(frozen=True)
class Begun:
    threads: pa.RecordBatch
    fds: pa.RecordBatch
    users: pa.RecordBatch
    groups: pa.RecordBatch
    machine: pa.RecordBatch
    interfaces: pa.RecordBatch


def begun(**tables: Sequence[Mapping[str, Any]]) -> Begun:
    """A start state from rows."""
    return Begun(
        **{
            name: pa.RecordBatch.from_pylist(list(tables.get(name, ())), schema)
            for name, schema in TABLES.items()
        }
    )


#: One process, 100, with its standard files, a directory and a connection.
CAT = begun(
    threads=[
        thread(1, comm=b"init", exe=b"/sbin/init", ptid=0, uid=0, gid=0, env=b"A=1\0B= two \0"),
        thread(50, comm=b"bash", exe=b"-bash", exepath=b"/bin/bash", args=b"-i\0", ptid=1),
        thread(100, ptid=50, args=b"-n\0/etc/passwd\0", env=b"HOME=/home/u\0", tty=34816),
    ],
    fds=[
        {"tid": 100, "fd": 0, "type": 16, "name": b"/dev/null", "ino": 5, "dev": 0},
        {"tid": 100, "fd": 1, "type": 7, "name": b"", "ino": 6},
        {"tid": 100, "fd": 4, "type": 2, "name": b"/var/lib", "ino": 7},
        {
            "tid": 100, "fd": 5, "type": 3, "ino": 8, "l4proto": 2, "source_port": 40000,
            "dest_port": 443, "source_ip": bytes([10, 0, 0, 2]), "dest_ip": bytes([1, 1, 1, 1]),
        },
    ],
    users=[{"uid": 1000, "gid": 1000, "name": b"u", "homedir": b"/home/u", "shell": b"/bin/sh"}],
    groups=[{"gid": 1000, "name": b"g"}],
    interfaces=[
        {"name": b"eth0", "address": bytes([10, 0, 0, 2]), "netmask": bytes([255, 255, 255, 0]),
         "broadcast": bytes([10, 0, 0, 255])},
    ],
)  # fmt: skip


def segment(events: Sequence[Made], start: Begun | None = CAT) -> SyscallSegment:
    """The segment of all events, with the state that they and ``start`` make."""
    whole = batch(events)
    return SyscallSource().segment(whole, State.of(StateEngine(start).feed(whole)))


def values(of: SyscallSegment, field_text: str) -> list[Any]:
    """A field of every event, as an output shows it."""
    name, bracket, arg = field_text.partition("[")
    ref = Catalogue.native().lookup(name, arg.rstrip("]") if bracket else None, "syscall")
    column = of.columns([shown(ref)])[0]
    return json_values(ref.info.name, ref.info.type, ref.info.is_list, column)
