"""System calls and sections for the tests of the store, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from capture.events.schema import EventBatch, event_struct
from capture.events.section import Section
from capture.events.shapes import build
from capture.events.state_schema import TABLES
from capture.events.table import event_table

START = 1_700_000_000_000_000_000

#: One event: the key of its type, and its parameters by name.
Call = tuple[str, dict[str, Any]]

CLOSE: Call = ("SYSCALL_CLOSE_X", {"res": 0, "fd": 3})
OPEN: Call = ("SYSCALL_OPEN_X", {"fd": 3, "name": b"/etc/\xff", "flags": 1})
POLL: Call = ("SYSCALL_POLL_X", {"res": 1, "fds": [{"fd": 3, "flags": 1}, {"fd": 4, "flags": 0}]})


def calls(first: int, events: Sequence[Call], section: int = 0, tid: int = 7) -> EventBatch:
    """A batch of these events, numbered from ``first``, a microsecond apart by number."""
    table = event_table()
    codes = tuple(sorted({table.by_key[key].code for key, _ in events}))
    held: dict[int, list[dict[str, Any]]] = {code: [] for code in codes}
    type_ids, offsets, types, present = [], [], [], []
    for key, values in events:
        event = table.by_key[key]
        type_ids.append(codes.index(event.code))
        offsets.append(len(held[event.code]))
        held[event.code].append(values)
        types.append(event.code)
        present.append(len(event.parameters))
    numbers = range(first, first + len(events))
    head = [
        pa.array(numbers, pa.uint64()),
        pa.array([START + n * 1000 for n in numbers], pa.timestamp("ns", tz="UTC")),
        pa.array([0] * len(events), pa.uint16()),
        pa.array([tid] * len(events), pa.int64()),
        pa.array(types, pa.uint16()),
        pa.array(present, pa.uint8()),
        pa.array([0] * len(events), pa.uint32()),
    ]
    children = [pa.array(held[code], event_struct(code)) for code in codes]
    ids, places = np.array(type_ids, np.int8), np.array(offsets, np.int32)
    return build(head, codes, ids, places, children, section)


def section(
    number: int = 0, tids: Sequence[int] = (1, 7), **tables: list[dict[str, Any]]
) -> Section:
    """A section that begins with these threads, and other tables by name."""
    threads = [{"tid": tid, "pid": tid, "ptid": 0, "comm": b"sh"} for tid in tids]
    rows = {"threads": threads, **tables}
    made = {name: pa.RecordBatch.from_pylist(rows[name], schema=TABLES[name]) for name in rows}
    return Section.of(number, (1, 2), made)


def plain(items: Sequence[Section | EventBatch]) -> list[Any]:
    """Sections and events as plain values, whatever batches and schemas they came in."""
    found: list[Any] = []
    for item in items:
        if isinstance(item, Section):
            tables = {name: item.table(name).to_pylist() for name in TABLES}
            found.append((item.number, item.version, tables))
            continue
        names = [field for field in item.batch.schema.names if field != "event"]
        whole = item.batch.select(names)
        times = whole.column("time").cast(pa.int64())
        heads = whole.set_column(1, "time", times).to_pylist()
        children = [child.to_pylist() for child in item.children]
        for row, head in enumerate(heads):
            parameters = children[item.type_ids[row]][item.offsets[row]]
            found.append((item.section, *head.values(), parameters))
    return found
