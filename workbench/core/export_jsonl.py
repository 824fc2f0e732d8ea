"""A capture as JSON lines: one event a line, in the order of numbers, with its parameters.

    {"num":10,"time":"2026-01-31T23:59:59.000000001Z","source":"syscall","type":"openat",
     "direction":"<","cpu":0,"tid":7,"args":{"fd":3,"name":"/etc/passwd","flags":4097}}
    {"num":11,"time":"…","source":"k8s_audit","plugin_id":1,"data":"{…}"}

Parameters are as in ``workbench.core.export_columns``; binary ones are base64. A parameter that the
event does not have, or has empty, is left out. A plugin's payload is a string, or ``data_base64``
where it is no UTF-8. Lines are put together a column at a time.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.events.table import event_table
from capture.manifest import SYSCALL
from capture.reader import Capture
from workbench.core.export_columns import BYTES, NUMBER, Plain, kinds, values
from workbench.core.merged_lines import Lines, merged_lines

_WIDE = pa.large_binary()


def export_jsonl(
    capture: Capture, out: BinaryIO, progress: Callable[[int], None] = lambda _events: None
) -> int:
    """Write all events of a capture; how many that was."""
    streams = {name: _lines(capture, name) for name in capture.sources}
    events = 0
    for numbers, text in merged_lines(streams):
        out.write(text)
        events += numbers
        progress(events)
    return events


def _lines(capture: Capture, source: str) -> Iterator[Lines]:
    if source != SYSCALL:
        for batch in capture.batches(source):
            yield Lines(batch.column("num").to_numpy(), _plugin_lines(source, batch))
        return
    for item in capture.system_calls():
        if not isinstance(item, Section):
            yield Lines(item.batch.column("num").to_numpy(), _syscall_lines(item))


def _plugin_lines(source: str, batch: pa.RecordBatch) -> pa.LargeBinaryArray:
    name = json.dumps(source, ensure_ascii=False)
    return _joined(
        *_opening(batch.column("num"), batch.column("time")),
        f',"source":{name},"plugin_id":',
        _digits(batch.column("plugin_id")),
        ",",
        _by_distinct(batch.column("data"), _payload),
        "}\n",
    )


def _payload(data: bytes) -> bytes:
    try:
        return b'"data":' + json.dumps(data.decode(), ensure_ascii=False).encode()
    except UnicodeDecodeError:
        return b'"data_base64":"' + base64.b64encode(data) + b'"'


def _syscall_lines(batch: EventBatch) -> pa.LargeBinaryArray:
    parts, places = [], []
    for code in batch.codes:
        rows = batch.rows(code)
        if len(rows):
            parts.append(_of_one_type(batch, code, pa.array(rows)))
            places.append(rows)
    order = np.argsort(np.concatenate(places))
    return pa.concat_arrays(parts).take(pa.array(order))


def _of_one_type(batch: EventBatch, code: int, rows: pa.Array) -> pa.LargeBinaryArray:
    event = event_table()[code]
    head = batch.batch.select(["num", "time", "cpu", "tid"]).take(rows)
    direction = ">" if event.enter else "<"
    names = [(p.name, len(kinds(p)) > 1) for p in event.parameters for _ in kinds(p)]
    members = []
    begun = np.zeros(len(rows), np.bool_)
    for (name, split), (plain, array) in zip(names, values(batch, code), strict=True):
        key = f"{name}_{plain.kind}" if split and plain.kind != NUMBER else name
        members.append(_member(key, plain, array, begun))
        begun |= np.asarray(array.is_valid())
    return _joined(
        *_opening(head.column("num"), head.column("time")),
        f',"source":"syscall","type":"{event.name}","direction":"{direction}","cpu":',
        _digits(head.column("cpu")),
        ',"tid":',
        _digits(head.column("tid")),
        ',"args":{',
        *members,
        "}}\n",
    )


def _member(name: str, plain: Plain, array: pa.Array, begun: npt.NDArray[np.bool_]) -> pa.Array:
    """``"name":value`` for each event, after a comma where a member has begun the object; nothing
    where there is no value."""
    text = _value(plain, array)
    comma = pc.if_else(pa.array(begun), pa.scalar(b",", _WIDE), pa.scalar(b"", _WIDE))
    made = _joined(comma, f'"{name}":', text.fill_null(b""))
    return pc.if_else(text.is_valid(), made, pa.scalar(b"", _WIDE))


def _value(plain: Plain, array: pa.Array) -> pa.Array:
    if plain.kind == NUMBER:
        return _digits(array)
    if plain.kind == BYTES:
        return _by_distinct(array, lambda value: b'"' + base64.b64encode(value) + b'"')
    if pa.types.is_string(array.type):
        return _by_distinct(array, _dumped)
    return pa.array([None if each is None else _dumped(each) for each in array.to_pylist()], _WIDE)


def _dumped(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _opening(num: pa.Array, time: pa.Array) -> tuple[str | pa.Array, ...]:
    return '{"num":', _digits(num), ',"time":"', _moments(time), '"'


def _moments(time: pa.Array) -> pa.Array:
    stamps = np.datetime_as_string(time.cast(pa.int64()).to_numpy().view("datetime64[ns]"))
    return _joined(pa.array(stamps.tolist(), pa.string()).cast(_WIDE), "Z")


def _digits(numbers: pa.Array) -> pa.Array:
    return numbers.cast(pa.string()).cast(_WIDE)


def _by_distinct(array: pa.Array, convert: Callable[..., bytes]) -> pa.Array:
    coded = array.dictionary_encode()
    made = [convert(value) for value in coded.dictionary.to_pylist()]
    return pa.array(made, _WIDE).take(coded.indices)


def _joined(*parts: str | pa.Array) -> pa.LargeBinaryArray:
    pieces = [pa.scalar(p.encode(), _WIDE) if isinstance(p, str) else p for p in parts]
    return pc.binary_join_element_wise(*pieces, pa.scalar(b"", _WIDE))
