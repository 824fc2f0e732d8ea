"""Events that a plugin gave, out of a batch of syscall events."""

from __future__ import annotations

import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.table import event_table
from capture.schema import PLUGIN_EVENTS


def plugin_events(batch: EventBatch) -> pa.RecordBatch:
    """The plugin events of a batch, as ``PLUGIN_EVENTS``; numbers and times are kept."""
    code = event_table().by_key["PLUGINEVENT_E"].code
    rows = pa.array(batch.rows(code))
    parameters = batch.parameters(code)
    return pa.RecordBatch.from_arrays(
        [
            batch.batch.column("num").take(rows),
            batch.batch.column("time").take(rows),
            parameters.field("plugin_id").fill_null(0),
            parameters.field("event_data").fill_null(b""),
        ],
        schema=PLUGIN_EVENTS,
    )
