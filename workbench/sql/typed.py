"""The events of one type with their arguments, typed: ``execve``, ``openat``, ``connect`` …

Old captures hold a call's enter and exit as two events; ``enter`` tells them apart. Arguments are
plain columns (``workbench.core.export_columns``): numbers, strings, lists; bytes stay bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from capture.events.schema import PARAMETER_TYPES, EventBatch
from capture.events.table import event_table
from capture.reader import Capture
from workbench.core.export_columns import BYTES, NUMBER, TYPES, plain_columns, values

_HEAD = [
    pa.field("num", pa.int64()),
    pa.field("time", pa.timestamp("ns")),
    pa.field("tid", pa.int64()),
    pa.field("cpu", pa.int64()),
    pa.field("enter", pa.bool_()),
]
_TAKEN = frozenset(field.name for field in _HEAD)
#: Numbers with a sign of their own, or too small to need one.
_SIGNED = frozenset(
    name
    for name, type_ in PARAMETER_TYPES.items()
    if pa.types.is_integer(type_) and type_ != pa.uint64()
)


def type_codes(name: str) -> tuple[int, ...]:
    """The event types that are called so; none where no event is."""
    return _codes_by_name().get(name, ())


@functools.cache
def _codes_by_name() -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for event in event_table().types:
        if event.used and event.kind in ("syscall", "tracepoint", "meta"):
            found.setdefault(event.name, []).append(event.code)
    return {name: tuple(codes) for name, codes in found.items()}


def schema(name: str) -> pa.Schema:
    """The columns of a type's table: those of all its versions, in the order they first have."""
    fields: dict[str, pa.Field] = {}
    for code in type_codes(name):
        for place, columns in enumerate(plain_columns(code)):
            parameter = event_table()[code].parameters[place]
            for column in columns:
                called = _called(parameter.name, column.kind, len(columns))
                type_ = _type(parameter.type, column.kind)
                known = fields.get(called)
                if known is not None and known.type != type_:
                    numbers = pa.types.is_integer(known.type) and pa.types.is_integer(type_)
                    if not numbers:
                        called, known = f"{called}_{column.kind}", None
                    else:
                        type_ = pa.int64()
                if known is None or known.type != type_:
                    fields[called] = pa.field(called, type_)
    return pa.schema([*_HEAD, *fields.values()])


def _type(parameter: str, kind: str) -> pa.DataType:
    if kind != NUMBER:
        return TYPES[kind]
    if parameter == "double":
        return pa.float64()
    return pa.int64() if parameter in _SIGNED or parameter == "dyn" else pa.uint64()


def _called(parameter: str, kind: str, among: int) -> str:
    name = parameter.lower()
    if among > 1 and kind == BYTES:
        name = f"{name}_bytes"
    return f"arg_{name}" if name in _TAKEN else name


def typed_events(capture: Capture, name: str) -> Iterator[pa.RecordBatch]:
    """Batches of ``schema(name)``."""
    from workbench.sql.walks import calls

    wanted = schema(name)
    codes = type_codes(name)
    for batch in calls(capture):
        judged = batch.judged()
        for code in codes:
            if code in batch.codes:
                made = _record(batch, code, wanted, judged)
                if made.num_rows:
                    yield made


def _record(
    batch: EventBatch,
    code: int,
    wanted: pa.Schema,
    judged: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> pa.RecordBatch:
    rows = batch.rows(code)
    kept = np.flatnonzero(judged[rows])
    at = pa.array(rows[kept])
    head = {name: batch.batch.column(name).take(at) for name in ("num", "time", "tid", "cpu")}
    found: dict[str, pa.Array] = dict(head)
    found["time"] = head["time"].cast(pa.int64()).cast(pa.timestamp("ns"))
    found["enter"] = pa.array(np.full(len(kept), event_table()[code].enter))
    plain = values(batch, code)
    place = 0
    for position, columns in enumerate(plain_columns(code)):
        parameter = event_table()[code].parameters[position]
        for column in columns:
            array = plain[place][1].take(pa.array(kept))
            place += 1
            called = _called(parameter.name, column.kind, len(columns))
            type_ = _type(parameter.type, column.kind)
            target = wanted.field(called) if called in wanted.names else None
            if target is None or not _fits(target.type, type_):
                called = f"{called}_{column.kind}"
                target = wanted.field(called)
            found[called] = array.cast(target.type, safe=False)
    arrays = [
        found[field.name].cast(field.type, safe=False)
        if field.name in found
        else pa.nulls(len(kept), field.type)
        for field in wanted
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)


def _fits(target: pa.DataType, type_: pa.DataType) -> bool:
    same: bool = target == type_
    return same or (pa.types.is_integer(target) and pa.types.is_integer(type_))
