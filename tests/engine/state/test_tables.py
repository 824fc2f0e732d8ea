"""The tables of a batch, and how batches hang together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from engine.state.machine import EventState, Limits, StateEngine
from engine.state.tables import StateTables, Table, gather
from tests.engine.syscalls.made import CAT, Made, batch

from .support import Walk, begun, clone, execve, made, seen, thread
from .test_clone import THREAD, shell

STAT = "SYSCALL_STAT_X"


def a_story() -> list[Made]:
    """A shell starts a program, which opens files and ends; a thread comes and goes."""
    return [
        made("SYSCALL_OPEN_X", 50, fd=4, name=b"/etc/a", flags=1),
        clone(50, 60),
        clone(60, 0),
        execve(60, b"/bin/cat"),
        made("SYSCALL_OPENAT_2_E", 60, dirfd=-100, name=b"b", flags=1),
        made("SYSCALL_OPENAT_2_X", 60, fd=5, dirfd=-100, name=b"c", flags=1),
        made("SYSCALL_CLOSE_X", 60, res=0, fd=5),
        made("SYSCALL_CHDIR_X", 60, res=0, path=b"/tmp"),
        clone(50, 61, flags=THREAD),
        made("SYSCALL_READ_X", 61, res=1, fd=4),
        made("PROCEXIT_1_E", 60, status=0),
        made("SYSCALL_READ_X", 50, res=1, fd=4),
        made("PROCEXIT_1_E", 61, status=0),
        made("SYSCALL_CLOSE_X", 50, res=0, fd=4),
        made(STAT, 50, res=0),
    ]


def comparable(states: list[EventState]) -> list[Any]:
    """All that events find, without the numbers of rows."""
    out = []
    for state in states:
        for at in seen(state):
            rows = [at.thread, at.main, at.fd, at.memory]
            out.append(
                [
                    *({k: v for k, v in (row or {}).items() if k != "serial"} for row in rows),
                    at.number, at.own, at.changed, at.count, at.ancestors, at.std, at.user,
                    at.lineage and at.lineage["threads"], len(at.references),
                ]
            )  # fmt: skip
    return out


def test_where_batches_end_makes_no_difference() -> None:
    events = a_story()
    whole = StateEngine(shell())
    expected = comparable([whole.feed(batch(events))])
    for size in (1, 2, 4):
        engine = StateEngine(shell())
        parts = [
            engine.feed(batch(events[at : at + size], at + 1)) for at in range(0, len(events), size)
        ]
        assert comparable(parts) == expected


def test_all_batches_together_are_the_history() -> None:
    walk = Walk(shell())
    for event in a_story():
        walk(event)
    for rows in walk.history.values():
        by_serial: dict[int, dict[str, Any]] = {}
        for row in rows:
            known = by_serial.setdefault(row["serial"], row)
            assert known == row
        assert sorted(by_serial) == list(range(1, len(by_serial) + 1))
    states = {(row["from_num"], row["comm"]) for row in walk.history["threads"] if row["tid"] == 60}
    assert [comm for _, comm in sorted(states)][:2] == [b"sh", b"cat"]
    assert min(row["from_num"] for row in walk.history["threads"]) == 0


def test_memory_does_not_grow_with_events() -> None:
    walk = Walk(shell())
    sizes = []
    for round_ in range(20):
        walk(*a_story())
        counts = walk.engine.counts
        if round_ > 1:
            sizes.append((counts.threads, counts.fds, counts.texts))
    assert len(set(sizes)) == 1


def test_nothing_changes_nothing_is_written() -> None:
    walk = Walk(shell())
    walk(made(STAT, 50, res=0))
    state = walk.engine.feed(batch([made("SYSCALL_READ_X", 50, res=1, fd=0)] * 100, walk.num))
    assert (len(state.tables.threads), len(state.tables.lineages), len(state.tables.fds)) == (
        2,
        1,
        1,
    )


def test_columns() -> None:
    state = StateEngine(CAT).feed(batch([made(STAT, 100, res=0)]))
    threads = state.tables.threads
    codes, values = threads.text("comm")
    assert len(codes) == len(threads)
    assert sorted(values.to_pylist()) == [b"bash", b"cat", b"init"]
    names = [values[code].as_py() for code in codes.tolist()]
    column = threads.column("comm")
    assert isinstance(column, pa.BinaryArray)
    assert column.to_pylist() == names == threads.arrow()["comm"].to_pylist()
    assert sorted(threads.column("pid").tolist()) == [1, 50, 100]
    line = state.lineage
    for n, name in enumerate([b"cat", b"bash", b"init"]):
        assert [names[row] for row in state.tables.ancestors(line, n).tolist()] == [name]
    assert state.tables.ancestors(line, 3).tolist() == [-1]
    assert state.tables.parent(line).tolist() == state.tables.ancestors(line, 1).tolist()
    assert state.tables.main(line).tolist() == state.tables.thread(line).tolist()


def test_no_thread_no_rows() -> None:
    state = StateEngine().feed(batch([made("NOTIFICATION_E", -1, id=b"x", desc=b"y")]))
    assert (state.lineage.tolist(), state.fd.tolist(), state.memory.tolist()) == ([-1], [-1], [-1])
    assert state.tables.ancestors(state.lineage, 2).tolist() == [-1]
    offsets, rows = state.tables.ancestry()
    assert (offsets.tolist(), rows.tolist()) == ([0], [])


def test_gather() -> None:
    column = np.array([10, 20], np.int32)
    assert gather(column, np.array([1, -1, 0], np.int32)).tolist() == [20, -1, 10]
    assert gather(column[:0], np.array([-1], np.int32)).tolist() == [-1]


def test_circles_of_parents_end() -> None:
    walk = Walk(
        begun(
            threads=[
                thread(10, comm=b"a", ptid=20),
                thread(20, comm=b"b", ptid=10),
                thread(30, comm=b"c", ptid=30),
            ]
        )
    )
    assert set(walk(made(STAT, 10, res=0)).ancestors) <= {b"a", b"b"}
    assert walk(made(STAT, 30, res=0)).ancestors == [b"c"]


def test_long_lines_of_ancestors_are_cut() -> None:
    threads = [thread(n, comm=b"t", ptid=n - 1) for n in range(2, 2000)]
    walk = Walk(begun(threads=threads), limits=Limits(depth=64))
    assert 50 <= len(walk(made(STAT, 1999, res=0)).ancestors) <= 64


def test_there_is_room_for_so_many_threads_and_files() -> None:
    walk = Walk(limits=Limits(threads=3, fds=4))
    walk(*(made(STAT, tid, res=0) for tid in range(10, 20)))
    assert walk.engine.counts.threads == 3
    assert walk.engine.counts.refused > 0
    assert walk(made(STAT, 19, res=0)).thread is None
    seen_ = walk(*(made("SYSCALL_OPEN_X", 10, fd=fd, name=b"/x", flags=1) for fd in range(9)))
    assert (seen_.number, seen_.fd) == (8, None)
    walk(clone(10, 99))
    assert walk.engine.counts.threads == 3


def test_a_section_begins_anew() -> None:
    engine = StateEngine(shell())
    engine.feed(batch(a_story()))
    engine.begin(CAT)
    assert engine.counts.threads == 3
    engine.begin(None)
    assert (engine.counts.threads, engine.counts.fds) == (0, 0)


def test_a_thread_told_twice_is_the_last_one() -> None:
    server = {
        "tid": 9, "fd": 4, "type": 3, "l4proto": 2, "source_port": 80, "dest_port": 5000,
        "source_ip": b"\x0a\0\0\x02", "dest_ip": b"\x0a\0\0\x03",
    }  # fmt: skip
    for pid in (9, -1):
        walk = Walk(
            begun(
                threads=[thread(9, comm=b"old", pid=pid), thread(9, comm=b"new", pid=pid)],
                fds=[{**server, "type": 5, "fd": 3}, server],
            )
        )
        seen_ = walk(made("SYSCALL_READ_X", 9, res=1, fd=4))
        assert (seen_["comm"], walk.engine.counts.threads) == (b"new", 1)
        assert seen_.name == b"10.0.0.3:5000->10.0.0.2:80"


def test_other_columns_are_refused() -> None:
    events = batch([made(STAT, 50, res=0)])
    cut = EventBatch(
        events.batch.drop_columns(["cpu"]), events.codes, events.type_ids, events.offsets
    )
    with pytest.raises(CaptureError, match="not as expected"):
        StateEngine().feed(cut)
    start = shell()
    wrong = begun()
    object.__setattr__(wrong, "threads", start.fds)
    with pytest.raises(CaptureError, match="threads are not as expected"):
        StateEngine(wrong)


def test_a_slice_of_a_batch_is_walked_as_such() -> None:
    events = a_story()
    whole = batch(events)
    engine, other = StateEngine(shell()), StateEngine(shell())
    parts = [
        engine.feed(EventBatch.of(whole.batch.slice(at, 5))) for at in range(0, len(events), 5)
    ]
    assert comparable(parts) == comparable([other.feed(whole)])


def test_empty() -> None:
    state = StateEngine(shell()).feed(EventBatch.of(batch(a_story()).batch.slice(0, 0)))
    assert len(state) == 0
    assert isinstance(state.tables, StateTables)
    assert isinstance(state.tables.threads, Table)
