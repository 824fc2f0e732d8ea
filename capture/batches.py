"""Small facts about batches of events: payload sizes, spans, splitting by size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.ipc import Span
from capture.schema import PLUGIN_EVENTS

#: Most events of one batch on disk.
MAX_ROWS = 1 << 20


def numbers(batch: pa.RecordBatch) -> npt.NDArray[np.uint64]:
    """Event numbers: uint64, shape (rows,)."""
    return np.asarray(batch.column("num").to_numpy(zero_copy_only=True), dtype=np.uint64)


def times(batch: pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Event times, nanoseconds since the epoch: int64, shape (rows,)."""
    column = batch.column("time").cast(pa.int64())
    return np.asarray(column.to_numpy(zero_copy_only=True), dtype=np.int64)


def payload_offsets(batch: pa.RecordBatch) -> npt.NDArray[np.int32]:
    """Offsets of the payloads of a PLUGIN_EVENTS batch: int32, shape (rows + 1,)."""
    column = batch.column("data")
    if not len(column):
        return np.zeros(1, np.int32)
    offsets = np.frombuffer(column.buffers()[1], np.int32)
    return offsets[column.offset : column.offset + len(column) + 1]


def payload_size(batch: pa.RecordBatch) -> int:
    """Bytes of all payloads of a PLUGIN_EVENTS batch."""
    offsets = payload_offsets(batch)
    return int(offsets[-1]) - int(offsets[0])


def span(batch: pa.RecordBatch) -> Span | None:
    """Numbers and times a batch covers; None when it is empty. Numbers must ascend."""
    if not batch.num_rows:
        return None
    num, when = numbers(batch), times(batch)
    return Span(int(num[0]), int(num[-1]), int(when.min()), int(when.max()))


def split(batch: pa.RecordBatch, max_bytes: int) -> Iterator[pa.RecordBatch]:
    """The batch in runs of at most ``max_bytes`` of payload and ``MAX_ROWS`` events, of one event
    at least."""
    offsets = payload_offsets(batch).astype(np.int64)
    row = 0
    while row < batch.num_rows:
        end = int(np.searchsorted(offsets, offsets[row] + max_bytes, side="right")) - 1
        end = min(max(end, row + 1), row + MAX_ROWS, batch.num_rows)
        yield batch.slice(row, end - row)
        row = end


def join(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    """One batch of all; the caller keeps the payloads together under 2 GiB."""
    if len(batches) == 1:
        return batches[0]
    return pa.Table.from_batches(batches, PLUGIN_EVENTS).combine_chunks().to_batches()[0]


def gathered(
    batches: Iterable[pa.RecordBatch], max_events: int, max_bytes: int
) -> Iterator[pa.RecordBatch]:
    """The same events in fewer batches: neighbours are joined up to so many events and bytes of
    payload. Empty batches are left out."""
    held: list[pa.RecordBatch] = []
    events = size = 0
    for batch in batches:
        more = payload_size(batch)
        if held and (events + batch.num_rows > max_events or size + more > max_bytes):
            yield join(held)
            held, events, size = [], 0, 0
        if batch.num_rows:
            held.append(batch)
            events += batch.num_rows
            size += more
    if held:
        yield join(held)


def between(batch: pa.RecordBatch, start: int | None, stop: int | None) -> pa.RecordBatch:
    """The events of a batch from ``start`` on and before ``stop``, nanoseconds since the epoch."""
    if start is None and stop is None:
        return batch
    when = times(batch)
    keep = np.ones(len(when), np.bool_)
    if start is not None:
        keep &= when >= start
    if stop is not None:
        keep &= when < stop
    return batch if keep.all() else batch.filter(pa.array(keep))
