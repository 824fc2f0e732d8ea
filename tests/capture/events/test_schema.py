"""The Arrow form of events, made by hand and taken apart again."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from capture.events.schema import (
    MAX_TYPES,
    PARAMETER_TYPES,
    EventBatch,
    cut,
    event_schema,
    event_struct,
    widen,
)
from capture.events.table import dynamic_tables, event_table

CLOSE, OPEN, GETPEERNAME = 5, 3, 41


def two_closes_and_an_open() -> pa.RecordBatch:
    schema = event_schema((CLOSE, OPEN))
    closes = pa.array([{"res": 0, "fd": 3}, {"res": -9, "fd": 4}], event_struct(CLOSE))
    opens = pa.array([{"fd": 3, "name": b"/etc/\xff", "flags": 1}], event_struct(OPEN))
    union = pa.UnionArray.from_dense(
        pa.array([1, 0, 0], pa.int8()),
        pa.array([0, 0, 1], pa.int32()),
        [closes, opens],
        ["syscall_close_x", "syscall_open_x"],
    )
    head = [
        pa.array([1, 2, 3], pa.uint64()),
        pa.array([10, 20, 30], pa.timestamp("ns", tz="UTC")),
        pa.array([0, 0, 1], pa.uint16()),
        pa.array([7, 7, 8], pa.int64()),
        pa.array([OPEN, CLOSE, CLOSE], pa.uint16()),
        pa.array([6, 2, 2], pa.uint8()),
        pa.array([0, 0, 0], pa.uint32()),
    ]
    return pa.RecordBatch.from_arrays([*head, union], schema=schema)


def test_every_parameter_has_an_arrow_type() -> None:
    for event in event_table().types:
        struct = event_struct(event.code)
        assert struct.num_fields == len(event.parameters)
        assert len({field.name for field in struct}) == struct.num_fields
    for table in dynamic_tables().values():
        assert all(choice.type in PARAMETER_TYPES for choice in table)


def test_too_many_types() -> None:
    assert len(event_schema(tuple(range(MAX_TYPES)))) == 8
    with pytest.raises(ValueError, match="at most 127"):
        event_schema(tuple(range(MAX_TYPES + 1)))


def test_a_batch_is_taken_apart() -> None:
    batch = EventBatch.of(two_closes_and_an_open())
    assert batch.codes == (CLOSE, OPEN)
    assert batch.rows(CLOSE).tolist() == [1, 2]
    assert batch.rows(GETPEERNAME).tolist() == []
    assert batch.parameters(CLOSE).field("fd").to_pylist() == [3, 4]
    assert batch.parameters(OPEN).to_pylist()[0]["name"] == b"/etc/\xff"
    assert len(batch.parameters(GETPEERNAME)) == 0
    assert batch.event_type(0).key == "SYSCALL_OPEN_X"


def test_a_slice_of_a_batch_is_taken_apart() -> None:
    batch = EventBatch.of(two_closes_and_an_open().slice(2))
    assert batch.rows(CLOSE).tolist() == [0]
    assert batch.parameters(CLOSE).to_pylist() == [{"res": -9, "fd": 4}]
    assert len(batch.parameters(OPEN)) == 0


def test_cut_takes_only_what_is_asked() -> None:
    whole = EventBatch.of(two_closes_and_an_open())
    for start in range(4):
        for stop in range(start, 5):
            part = cut(whole, start, stop)
            part.batch.validate(full=True)
            for name in ("num", "event"):
                shown = whole.batch.column(name).to_pylist()[start:stop]
                assert part.batch.column(name).to_pylist() == shown
            assert sum(len(child) for child in part.children) == part.num_rows
    last = cut(whole, 2, 3)
    assert last.parameters(CLOSE).to_pylist() == [{"res": -9, "fd": 4}]
    assert last.rows(CLOSE).tolist() == [0]


def test_widen_keeps_the_events() -> None:
    narrow = EventBatch.of(two_closes_and_an_open())
    wide = widen(narrow, (GETPEERNAME, OPEN, CLOSE))
    wide.batch.validate(full=True)
    assert wide.batch.schema == event_schema((GETPEERNAME, OPEN, CLOSE))
    again = EventBatch.of(wide.batch)
    assert again.codes == (GETPEERNAME, OPEN, CLOSE)
    for code in (OPEN, CLOSE, GETPEERNAME):
        assert again.parameters(code).equals(narrow.parameters(code))
        assert np.array_equal(again.rows(code), narrow.rows(code))
    with pytest.raises(ValueError, match="not in the wider schema"):
        widen(narrow, (OPEN,))


def test_a_widened_batch_survives_a_stream() -> None:
    wide = widen(EventBatch.of(two_closes_and_an_open()), (GETPEERNAME, OPEN, CLOSE))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, wide.batch.schema) as stream:
        stream.write_batch(wide.batch)
    read = pa.ipc.open_stream(sink.getvalue()).read_all().to_batches()[0]
    assert EventBatch.of(read).parameters(CLOSE).field("fd").to_pylist() == [3, 4]


def test_an_unknown_child_is_refused() -> None:
    union = pa.UnionArray.from_dense(
        pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])], ["syscall_dream_x"]
    )
    with pytest.raises(ValueError, match="syscall_dream_x"):
        EventBatch.of(pa.RecordBatch.from_arrays([union], ["event"]))
