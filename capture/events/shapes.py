"""Batches of events put together, taken apart, and without the events of one type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.schema import HEAD, MAX_TYPES, EventBatch, cut, event_schema
from capture.events.table import event_table


def all_codes(batches: Sequence[EventBatch]) -> tuple[int, ...]:
    """The event types of several batches, ascending."""
    return tuple(sorted({code for batch in batches for code in batch.codes}))


def fit(batches: Sequence[EventBatch]) -> bool:
    """Whether one batch can hold the types of all."""
    return len(all_codes(batches)) <= MAX_TYPES


def join(batches: Sequence[EventBatch]) -> EventBatch:
    """One batch of all, which are of one section. Raises ValueError for too many event types."""
    if len(batches) == 1:
        return batches[0]
    codes = all_codes(batches)
    places = {code: child for child, code in enumerate(codes)}
    parts: list[list[pa.StructArray]] = [[] for _ in codes]
    starts = np.zeros(len(codes), np.int32)
    type_ids, offsets = [], []
    for batch in batches:
        moved = np.array([places[code] for code in batch.codes], np.int8)
        ids = moved[batch.type_ids]
        own = cut(batch, 0, batch.num_rows)
        type_ids.append(ids)
        offsets.append(own.offsets + starts[ids])
        for code, child in zip(own.codes, own.children, strict=True):
            parts[places[code]].append(child)
            starts[places[code]] += len(child)
    head = pa.Table.from_batches(
        [batch.batch.select([field.name for field in HEAD]) for batch in batches]
    ).combine_chunks()
    return build(
        [column.combine_chunks() for column in head.columns],
        codes,
        np.concatenate(type_ids),
        np.concatenate(offsets),
        [pa.concat_arrays(part) for part in parts],
        batches[0].section,
    )


def split(batch: EventBatch, max_rows: int, max_bytes: int) -> Iterator[EventBatch]:
    """The batch in runs of at most ``max_rows`` events and about ``max_bytes``, of one event at
    least."""
    if batch.num_rows <= 1 or (batch.num_rows <= max_rows and batch.batch.nbytes <= max_bytes):
        yield batch
        return
    middle = batch.num_rows // 2
    for start, stop in ((0, middle), (middle, batch.num_rows)):
        yield from split(cut(batch, start, stop), max_rows, max_bytes)


def narrow(batch: EventBatch) -> EventBatch:
    """The same events without the types that none of them has."""
    if not batch.num_rows:
        return batch
    used = np.bincount(batch.type_ids, minlength=len(batch.codes)) > 0
    if used.all():
        return batch
    return _with_types(batch, np.ones(batch.num_rows, np.bool_), used)


def without(batch: EventBatch, code: int) -> EventBatch | None:
    """The events of all other types; None where there are none."""
    if code not in batch.codes:
        return batch
    if len(batch.codes) == 1:
        return None
    child = batch.codes.index(code)
    kept = np.arange(len(batch.codes)) != child
    return _with_types(batch, batch.type_ids != child, kept)


def _with_types(
    batch: EventBatch, rows: npt.NDArray[np.bool_], kept: npt.NDArray[np.bool_]
) -> EventBatch:
    """The events ``rows`` with the children ``kept``, which are all theirs."""
    moved = (np.cumsum(kept) - 1).astype(np.int8)
    children = batch.children
    chosen = np.flatnonzero(kept).tolist()
    places = pa.array(np.flatnonzero(rows))
    return build(
        [batch.batch.column(field.name).take(places) for field in HEAD],
        tuple(batch.codes[child] for child in chosen),
        moved[batch.type_ids[rows]],
        batch.offsets[rows],
        [children[child] for child in chosen],
        batch.section,
    )


def build(
    head: Sequence[pa.Array],
    codes: tuple[int, ...],
    type_ids: npt.NDArray[np.int8],
    offsets: npt.NDArray[np.int32],
    children: Sequence[pa.StructArray],
    section: int,
) -> EventBatch:
    """A batch from its parts: the columns of ``HEAD``, then those of the union, of one type at
    least."""
    union = pa.UnionArray.from_dense(
        pa.array(type_ids, pa.int8()),
        pa.array(offsets, pa.int32()),
        list(children),
        [event_table()[code].key.lower() for code in codes],
    )
    schema = event_schema(codes)
    return EventBatch(
        pa.RecordBatch.from_arrays([*head, union], schema=schema), codes, type_ids, offsets, section
    )
