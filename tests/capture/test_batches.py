"""Facts about batches: neighbours joined into larger ones."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from capture.batches import gathered, payload_size
from capture.schema import PLUGIN_EVENTS


def batch_of(first: int, payloads: list[bytes]) -> pa.RecordBatch:
    rows = range(first, first + len(payloads))
    return pa.RecordBatch.from_arrays(
        [
            pa.array(rows, pa.uint64()),
            pa.array(rows, pa.int64()).cast(PLUGIN_EVENTS.field("time").type),
            pa.array([1] * len(payloads), pa.uint32()),
            pa.array(payloads, pa.binary()),
        ],
        schema=PLUGIN_EVENTS,
    )


@given(
    st.lists(st.lists(st.binary(max_size=5), max_size=4), max_size=8),
    st.integers(1, 9),
    st.integers(0, 20),
)
def test_gathered(payloads: list[list[bytes]], events: int, size: int) -> None:
    batches = []
    first = 0
    for each in payloads:
        batches.append(batch_of(first, each))
        first += len(each)
    found = list(gathered(iter(batches), events, size))
    assert pa.Table.from_batches(found, PLUGIN_EVENTS).equals(
        pa.Table.from_batches(batches, PLUGIN_EVENTS)
    )
    whole = {batch.num_rows for batch in batches}
    for batch in found:
        assert batch.num_rows
        fits = batch.num_rows <= events and payload_size(batch) <= size
        assert fits or batch.num_rows in whole, "only a batch that came so is larger"


def test_as_many_as_fit() -> None:
    batches = [batch_of(number * 2, [b"12345"] * 2) for number in range(7)]
    sizes = [batch.num_rows for batch in gathered(iter(batches), 5, 1000)]
    assert sizes == [4, 4, 4, 2]
    sizes = [batch.num_rows for batch in gathered(iter(batches), 1000, 30)]
    assert sizes == [6, 6, 2]


def test_a_batch_that_is_large_enough_is_not_copied() -> None:
    batch = batch_of(0, [b"payload"] * 3)
    (found,) = gathered(iter([batch]), 3, 100)
    assert found is batch
