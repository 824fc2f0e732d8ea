"""Random events, sound and senseless: the walk must hold, wherever batches end."""

from __future__ import annotations

import random
import struct
from typing import Any

import numpy as np
import pytest

from capture.events.schema import MAX_TYPES
from capture.events.table import EventType, Parameter, event_table
from engine.state.kinds import ACTIONS
from engine.state.machine import EventState, Limits, StateEngine
from tests.engine.syscalls.made import BASE, CAT, Made, batch

from .test_tables import comparable

TEXTS = [
    b"",
    b"x",
    b"/etc/passwd",
    b"../..",
    b"/tmp/a (deleted)",
    b"<NA>",
    b"/a\xff\0b",
    b"n" * 1100,
]
BUFFERS = [
    b"", b"-a\0-b\0", b"\0\0", b"cpu=/docker/" + b"a" * 64 + b"\0", b"nonsense\0",
    b"cpu=/lxc/box\0", b"A=1", b"=\0=",
]  # fmt: skip


def address(rng: random.Random) -> bytes:
    whole = rng.choice(
        [
            b"\x02" + rng.randbytes(4) + struct.pack("<H", rng.randrange(4)),
            b"\x0a" + b"\0" * 10 + b"\xff\xff" + rng.randbytes(4) + struct.pack("<H", 53),
            b"\x0a" + rng.randbytes(18),
            b"\x01/run/x\0",
            rng.randbytes(rng.randrange(20)),
        ]
    )
    return whole[: rng.choice([len(whole), len(whole), rng.randrange(len(whole) + 1)])]


def pair(rng: random.Random) -> bytes:
    four = [b"\0\0\0\0", b"\x0a\0\0\x02", b"\x01\x01\x01\x01"]
    port = struct.pack("<H", rng.randrange(4))
    whole = rng.choice(
        [
            b"\x02" + rng.choice(four) + port + rng.choice(four) + port,
            b"\x0a" + b"\0" * 12 + rng.choice(four) + port + b"\0" * 12 + rng.choice(four) + port,
            b"\x0a" + rng.randbytes(36),
            b"\x01" + rng.randbytes(16) + b"/run/x\0",
            rng.randbytes(rng.randrange(40)),
        ]
    )
    return whole[: rng.choice([len(whole), len(whole), rng.randrange(len(whole) + 1)])]


def value(rng: random.Random, event: EventType, at: int, parameter: Parameter) -> Any:
    if rng.random() < 0.08:
        return None
    kind = parameter.type
    if kind in ("charbuf", "fspath", "fsrelpath"):
        return rng.choice(TEXTS)
    if kind == "bytebuf":
        return rng.choice(BUFFERS)
    if kind == "sockaddr":
        return address(rng)
    if kind == "socktuple":
        return pair(rng)
    if kind == "fd":
        return rng.choice([0, 1, 2, 3, 4, 5, 6, 1500, -1, -100, 1 << 40])
    if kind in ("pid", "errno"):
        return rng.choice([0, 0, 1, 2, 50, 100, 101, 102, -1, -2, -115])
    if kind == "fdlist":
        return [{"fd": rng.randrange(8), "flags": 1} for _ in range(rng.randrange(4))]
    if kind == "dyn":
        return {"kind": 0, "number": 1, "bytes": None}
    if kind in ("charbufarray", "charbuf_pair_array", "ipv4addr", "ipv6addr", "double"):
        return None
    if parameter.name == "flags":
        return (
            rng.choice([0, 1, 1 << 7]) if "8" in kind else rng.getrandbits(15) & rng.getrandbits(15)
        )
    return rng.choice([0, 1, 2, 3, 7, 10, 36, 100])


def story(seed: int, length: int) -> list[Made]:
    rng = random.Random(seed)
    table = event_table()
    known = [table.by_key[key] for key in ACTIONS]
    others = [event for event in table.types if event.used and event not in known]
    every = rng.sample(others, MAX_TYPES - len(known))
    events = []
    for number in range(length):
        event = rng.choice(known if rng.random() < 0.9 else every)
        values = {
            parameter.name: value(rng, event, at, parameter)
            for at, parameter in enumerate(event.parameters)
        }
        if event.name in ("clone", "fork", "vfork", "clone3") and rng.random() < 0.7:
            flags = sum(1 << bit for bit in (0, 6, 8, 13, 16, 27, 29, 30) if rng.random() < 0.15)
            values |= {"res": rng.choice([0, 0, 101, 102, 103, 104]), "flags": flags}
        present = len(event.parameters) if rng.random() < 0.95 else rng.randrange(256)
        if not event.parameters:
            present = 0
        time = BASE + number * rng.choice([1000, 1_000_000])
        tid = rng.choice([-1, 0, 1, 50, 100, 101, 102, 103, 104])
        events.append(Made(event.key, tid, values, present=min(present, 255), time=time))
    return events


def check(state: EventState) -> None:
    tables = state.tables
    for rows, table in (
        (state.lineage, tables.lineages),
        (state.fd, tables.fds),
        (state.memory, tables.memory),
        (tables.nodes.numbers["thread"], tables.threads),
        (tables.nodes.numbers["parent"], tables.nodes),
        (tables.nodes.numbers["main"], tables.nodes),
        (tables.lineages.numbers["node"], tables.nodes),
        (tables.lineages.numbers["std_in"], tables.fds),
        (tables.lineages.numbers["sid_leader"], tables.threads),
        (tables.lineages.numbers["user"], tables.users),
        (tables.lineages.numbers["group"], tables.groups),
    ):
        assert not len(rows) or (rows.min() >= -1 and rows.max() < len(table))
    for table in (tables.threads, tables.fds, tables.users, tables.groups):
        for codes in table.codes.values():
            assert not len(codes) or (codes.min() >= 0 and codes.max() < len(table.texts))
        table.texts.validate(full=True)
    assert (state.fd_count >= 0).all()
    offsets, rows = tables.ancestry()
    assert np.diff(offsets).min(initial=0) >= 0
    assert len(rows) == offsets[-1]


@pytest.mark.parametrize("seed", range(6))
def test_random_events(seed: int) -> None:
    events = story(seed, 1500)
    limits = Limits(threads=8, fds=6) if seed % 2 else None
    whole = StateEngine(CAT, limits)
    state = whole.feed(batch(events))
    check(state)
    parts = StateEngine(CAT, limits)
    cut = random.Random(seed)
    states, at = [], 0
    while at < len(events):
        size = cut.randrange(1, 400)
        states.append(parts.feed(batch(events[at : at + size], at + 1)))
        check(states[-1])
        at += size
    assert comparable(states) == comparable([state])
    assert parts.counts == whole.counts
