"""Batches of events from elsewhere: are they what ``capture.events.schema`` promises?

Arrow's own full check comes first (buffers, offsets, type ids). Here is what only this schema
says, on which later code leans without looking again.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.schema import HEAD, MAX_TYPES, EventBatch, event_schema
from capture.events.table import dynamic_tables, event_table


def event_codes(schema: pa.Schema) -> tuple[int, ...] | None:
    """The event types of a stream of events; None for another schema."""
    union = schema.field(len(HEAD)).type if len(schema) == len(HEAD) + 1 else None
    if union is None or not pa.types.is_union(union) or not 0 < union.num_fields <= MAX_TYPES:
        return None
    known = _codes()
    try:
        names = [union.field(child).name for child in range(union.num_fields)]
    except UnicodeDecodeError:
        return None
    codes = tuple(known.get(name, -1) for name in names)
    if -1 in codes or len(set(codes)) != len(codes):
        return None
    return codes if schema.equals(event_schema(codes)) else None


def check_events(batch: EventBatch) -> None:
    """Raises ValueError for a batch that Arrow finds whole and that is none of ours."""
    counts = np.bincount(batch.type_ids, minlength=len(batch.codes))
    order = np.argsort(batch.type_ids, kind="stable")
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    if not np.array_equal(batch.offsets[order], np.arange(batch.num_rows) - starts):
        raise ValueError("the parameters are not in the order of their events")
    codes = np.array(batch.codes, np.uint16)
    if not np.array_equal(batch.batch.column("type").to_numpy(), codes[batch.type_ids]):
        raise ValueError("an event's type is not that of its parameters")
    most = np.array([len(event_table()[code].parameters) for code in batch.codes], np.uint8)
    if (batch.batch.column("present").to_numpy() > most[batch.type_ids]).any():
        raise ValueError("an event has more parameters than its type")
    numbers = batch.batch.column("num").to_numpy()
    if (numbers[1:] < numbers[:-1]).any():
        raise ValueError("event numbers do not ascend")
    for code, name, choices in _dynamic():
        if code in batch.codes:
            value = batch.parameters(code).field(name)
            kinds = value.field("kind").filter(value.is_valid()).to_numpy()
            if (kinds >= choices).any():
                raise ValueError(f"parameter {name} is of an unknown kind")


#: Columns without a null, by table of state.
_REQUIRED = {
    "threads": ("tid", "pid", "ptid"),
    "fds": ("tid", "fd", "ino", "type"),
    "users": ("uid", "gid"),
    "groups": ("gid",),
    "interfaces": ("address", "netmask", "broadcast"),
}
#: What an open file has, by its type, and how long its addresses are.
_CONNECTED = ("source_ip", "dest_ip", "source_port", "dest_port", "l4proto")
_LISTENING = ("source_ip", "source_port", "l4proto")
_FILES: dict[int, tuple[tuple[str, ...], int]] = {
    3: (_CONNECTED, 4),
    4: (_CONNECTED, 16),
    5: (_LISTENING, 4),
    6: (_LISTENING, 16),
    8: (("source", "destination"), 0),
    16: (("open_flags",), 0),
}


def check_state(name: str, batch: pa.RecordBatch) -> None:
    """The same for a table of the state a section begins with."""
    for column in _REQUIRED.get(name, ()):
        if batch.column(column).null_count:
            raise ValueError(f"a row without its {column}")
    if name == "fds":
        _check_files(batch)
    elif name == "interfaces":
        sizes = [_sizes(batch.column(column)) for column in _REQUIRED["interfaces"]]
        if any(not np.isin(each, (4, 16)).all() or (each != sizes[0]).any() for each in sizes):
            raise ValueError("an interface with an address of neither 4 nor 16 bytes")


def _check_files(batch: pa.RecordBatch) -> None:
    kinds = batch.column("type").to_numpy()
    for kind, (columns, size) in _FILES.items():
        rows = pa.array(np.flatnonzero(kinds == kind))
        for name in columns:
            column = batch.column(name).take(rows)
            if column.null_count:
                raise ValueError(f"an open file without its {name}")
            if name.endswith("_ip") and (_sizes(column) != size).any():
                raise ValueError(f"an open file's {name} is not of {size} bytes")


def _sizes(column: pa.BinaryArray) -> npt.NDArray[np.int32]:
    """Bytes of each value."""
    if not len(column):
        return np.zeros(0, np.int32)
    offsets = np.frombuffer(column.buffers()[1], np.int32)
    return np.diff(offsets[column.offset : column.offset + len(column) + 1])


@functools.cache
def _codes() -> dict[str, int]:
    return {event.key.lower(): event.code for event in event_table().types if event.used}


@functools.cache
def _dynamic() -> tuple[tuple[int, str, int], ...]:
    """The dynamic parameters: event type, name, how many kinds."""
    tables = dynamic_tables()
    return tuple(
        (event.code, parameter.name, len(tables[parameter.table]))
        for event in event_table().types
        for parameter in event.parameters
        if parameter.type == "dyn"
    )
