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

#: Events known to be lost while recording, beside a source's segments: ``count`` events between
#: event ``after_num`` (0: before the first) and the next one recorded, noticed at ``time``.
GAPS = pa.schema(
    [
        pa.field("after_num", pa.uint64(), nullable=False),
        pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("count", pa.uint64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)

#: Event blocks of an imported ``.scap`` that conversion to today's events folded away or changed,
#: beside the segments of system calls: ``time``, ``tid``, ``cpu`` and the ``block`` type as the
#: file has them, and ``rest``, the bytes that follow the thread (the block's flags before them).
#: ``kind`` 0: the block stood before event ``num`` (an enter event, or of a type no longer in use);
#: 1: it is event ``num`` itself in another form; 2: from event ``num`` on the file gives a type so
#: many parameters (``rest``: type, two bytes, and number, 255 for as many as the event has).
FOLDED = pa.schema(
    [
        pa.field("num", pa.uint64(), nullable=False),
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
        pa.field("tid", pa.uint64(), nullable=False),
        pa.field("cpu", pa.uint16(), nullable=False),
        pa.field("block", pa.uint32(), nullable=False),
        pa.field("rest", pa.binary(), nullable=False),
    ]
)
