"""Events that a plugin gave, out of a batch of syscall events, and back into one."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from capture.events.schema import HEAD, EventBatch, event_struct
from capture.events.shapes import build
from capture.events.table import event_table, rows
from capture.schema import PLUGIN_EVENTS

#: Event type of what a plugin gave.
PLUGIN_EVENT = event_table().by_key["PLUGINEVENT_E"].code
#: Thread id of an event that no thread made.
_NO_THREAD = -1


def plugin_events(batch: EventBatch) -> pa.RecordBatch:
    """The plugin events of a batch, as ``PLUGIN_EVENTS``; numbers and times are kept."""
    rows = pa.array(batch.rows(PLUGIN_EVENT))
    parameters = batch.parameters(PLUGIN_EVENT)
    return pa.RecordBatch.from_arrays(
        [
            batch.batch.column("num").take(rows),
            batch.batch.column("time").take(rows),
            parameters.field("plugin_id").fill_null(0),
            parameters.field("event_data").fill_null(b""),
        ],
        schema=PLUGIN_EVENTS,
    )


def as_event_batch(events: pa.RecordBatch, section: int) -> EventBatch:
    """A batch of ``PLUGIN_EVENTS`` as a ``.scap`` holds them."""
    count = events.num_rows
    parameters = pa.StructArray.from_arrays(
        [events.column("plugin_id"), events.column("data")],
        fields=list(event_struct(PLUGIN_EVENT)),
    )
    constants = {
        "cpu": 0,
        "tid": _NO_THREAD,
        "type": PLUGIN_EVENT,
        "present": len(event_table()[PLUGIN_EVENT].parameters),
        "flags": 0,
    }
    head = [
        events.column(field.name)
        if field.name in events.schema.names
        else pa.repeat(pa.scalar(constants[field.name], field.type), count)
        for field in HEAD
    ]
    return build(
        head,
        (PLUGIN_EVENT,),
        np.zeros(count, np.int8),
        np.arange(count, dtype=np.int32),
        [parameters],
        section,
    )


def source_of(plugin_id: int) -> str:
    """The event source of a plugin by its registered id; a made-up one for an unknown id."""
    return _sources().get(plugin_id, f"plugin_{plugin_id}")


@functools.cache
def _sources() -> Mapping[int, str]:
    path = Path(__file__).with_name("plugin_ids.tsv")
    return {int(row["id"]): row["source"] for row in rows(path)}
