"""Arrow schemas of what a capture holds."""

from __future__ import annotations

import pyarrow as pa

#: One event of a plugin source. ``num`` counts events of the whole capture from 1, in the order
#: they were judged; ``time`` is nanoseconds since the epoch, UTC; ``plugin_id`` is the plugin's
#: registered id (never 0 once recorded); ``data`` is the payload exactly as the plugin gave it.
PLUGIN_EVENTS = pa.schema(
    [
        pa.field("num", pa.uint64(), nullable=False),
        pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("plugin_id", pa.uint32(), nullable=False),
        pa.field("data", pa.binary(), nullable=False),
    ]
)
