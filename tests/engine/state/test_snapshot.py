"""Snapshots of the state in the middle of random events, and ones that somebody made up."""

from __future__ import annotations

import random

import numpy as np
import pyarrow as pa
import pytest

from capture.events.section import Section
from capture.events.walked_state import WALKED
from engine.state.machine import Limits, StateEngine
from tests.engine.syscalls.made import CAT, batch

from .differences import differences
from .test_random import check, story


@pytest.mark.parametrize("seed", range(8))
def test_walk_goes_on_from_a_snapshot(seed: int) -> None:
    events = story(seed, 900)
    limits = Limits(threads=8, fds=6) if seed % 2 else None
    one, other = StateEngine(CAT, limits), StateEngine(CAT, limits)
    rng = random.Random(seed)
    at = 0
    while at < len(events):
        size = rng.randrange(1, 120)
        piece = batch(events[at : at + size], at + 1)
        different = differences(piece, one.feed(piece), other.feed(piece))
        assert not different, different[:3]
        other = StateEngine(other.snapshot(), limits)
        at += size


def test_a_snapshot_changes_nothing() -> None:
    events = story(3, 400)
    one, other = StateEngine(CAT), StateEngine(CAT)
    first = other.snapshot()
    for at in range(0, 400, 100):
        piece = batch(events[at : at + 100], at + 1)
        found, expected = other.feed(piece), one.feed(piece)
        other.snapshot()
        assert not differences(piece, expected, found)
    assert first.threads.num_rows == CAT.threads.num_rows
    assert one.counts == other.counts


def test_snapshots_of_the_same_state_are_alike() -> None:
    engine = StateEngine(CAT)
    engine.feed(batch(story(5, 300)))
    section = engine.snapshot(7)
    again = StateEngine(section).snapshot(7)
    assert section.number == again.number == 7
    for name in ("threads", "fds", "users", "groups", "machine", "interfaces"):
        assert section.table(name).equals(again.table(name)), name
    for name in WALKED:
        if name != "walked_groups":  # Those without a thread are left behind in the first.
            assert section.walked[name].num_rows == again.walked[name].num_rows, name


@pytest.mark.parametrize("seed", range(12))
def test_made_up_tables_do_no_harm(seed: int) -> None:
    engine = StateEngine(CAT)
    engine.feed(batch(story(seed, 300)))
    section = engine.snapshot()
    rng = random.Random(seed)
    bad = {name: _spoilt(table, rng) for name, table in section.walked.items()}
    tables = {name: section.table(name) for name in ("threads", "fds", "users", "groups")}
    resumed = StateEngine(Section.of(0, (0, 0), tables, bad))
    check(resumed.feed(batch(story(seed + 1, 300))))
    resumed.snapshot()


def _spoilt(table: pa.RecordBatch, rng: random.Random) -> pa.RecordBatch:
    """The table with some values replaced by others of their type; numbers of rows stay mostly."""
    columns = []
    for field, column in zip(table.schema, table.columns, strict=True):
        values = column.to_pylist()
        for at in range(len(values)):
            if field.name in ("tid", "fd") and rng.random() < 0.97:
                continue
            if rng.random() < 0.2:
                values[at] = _other(field.type, rng)
        columns.append(pa.array(values, field.type))
    made = pa.RecordBatch.from_arrays(columns, schema=table.schema)
    return made if rng.random() < 0.8 else made.slice(0, rng.randrange(made.num_rows + 1))


def _other(type_: pa.DataType, rng: random.Random) -> object:
    if pa.types.is_binary(type_):
        return rng.choice([None, b"", rng.randbytes(40), rng.randbytes(7), b"x\0"])
    limits = np.iinfo(type_.to_pandas_dtype())
    return rng.choice([None, 0, 1, 2, 50, 100, int(limits.min), int(limits.max)])
