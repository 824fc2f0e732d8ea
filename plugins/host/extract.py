"""Field extraction over whole batches: requests prepared once, results as Arrow arrays."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from capture.schema import PLUGIN_EVENTS
from plugins.host._native import ffi, lib
from plugins.host.fields import PluginField, PluginFieldType, Request

_MAX_CACHED = 64

Requests = tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class ExtractionFailures:
    """Events for which a plugin answered "failure" when asked for fields.

    As in Falco such a field has no value and the run goes on. ``events`` and ``fields`` count
    them, ``first_event`` is the number of the first such event, ``message`` what the plugin said.
    """

    events: int = 0
    fields: int = 0
    first_event: int | None = None
    message: str = ""

    def plus(self, later: ExtractionFailures) -> ExtractionFailures:
        if not later.events:
            return self
        first = self if self.events else later
        return ExtractionFailures(
            self.events + later.events,
            self.fields + later.fields,
            first.first_event,
            first.message,
        )


class EventView:
    """The memory of a batch of schema PLUGIN_EVENTS, as the native side reads it.

    Keeps the batch alive. Raises ValueError where the batch has another schema or holds nulls.
    """

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch
        columns = []
        for wanted in PLUGIN_EVENTS:
            index = batch.schema.get_field_index(wanted.name)
            if index < 0 or batch.schema.field(index).type != wanted.type:
                raise ValueError(f"the batch has no column {wanted.name} of type {wanted.type}")
            column = batch.column(index)
            if column.null_count:
                raise ValueError(f"the batch's column {wanted.name} holds nulls")
            columns.append(column)
        num, time, plugin_id, data = columns
        _, offsets, content = data.buffers()
        pointer = ffi.new("fh_events*")
        pointer.rows = batch.num_rows
        if batch.num_rows:
            pointer.num = ffi.cast("uint64_t*", _address(num.buffers()[1], num, 8))
            pointer.time = ffi.cast("int64_t*", _address(time.buffers()[1], time, 8))
            pointer.plugin_id = ffi.cast(
                "uint32_t*", _address(plugin_id.buffers()[1], plugin_id, 4)
            )
            pointer.offsets = ffi.cast("int32_t*", _address(offsets, data, 4, 1))
            if content is not None:
                pointer.data = ffi.cast("uint8_t*", content.address)
                pointer.data_size = content.size
        self.pointer = pointer


def _address(buffer: pa.Buffer | None, array: pa.Array, width: int, more: int = 0) -> int:
    if buffer is None or buffer.size < (array.offset + len(array) + more) * width:
        raise ValueError("the batch's buffers are shorter than its rows")
    return int(buffer.address + array.offset * width)


class Preparations:
    """Native forms of the latest requests of one plugin."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._cached: OrderedDict[tuple[str, tuple[Request, ...]], Any] = OrderedDict()

    def get(self, source: str, requests: tuple[Request, ...]) -> Any:
        key = (source, requests)
        if (found := self._cached.get(key)) is not None:
            self._cached.move_to_end(key)
            return found
        fields = ffi.new("fh_field[]", len(requests))
        alive = []
        for native, request in zip(fields, requests, strict=True):
            name = ffi.new("char[]", request.field.name.encode())
            alive.append(name)
            native.id = request.field.id
            native.type = request.field.type
            native.is_list = request.field.is_list
            native.name = name
            if request.key is not None:
                alive.append(ffi.new("char[]", request.key.encode("utf-8", "surrogateescape")))
                native.key = alive[-1]
            native.index = request.index
            native.has_argument = request.has_argument
        handle = lib.fh_request_new(self._library, len(requests), fields, source.encode())
        if not handle:
            raise MemoryError("no memory to prepare an extraction")
        self._cached[key] = ffi.gc(handle, lib.fh_request_free)
        if len(self._cached) > _MAX_CACHED:
            self._cached.popitem(last=False)
        return self._cached[key]

    def clear(self) -> None:
        self._cached.clear()


def import_columns(array: Any, schema: Any) -> list[pa.Array]:
    """The columns of a native struct array, without a copy."""
    batch = pa.RecordBatch._import_from_c(
        int(ffi.cast("uintptr_t", array)), int(ffi.cast("uintptr_t", schema))
    )
    columns: list[pa.Array] = batch.columns
    return columns


def arrow_type(field: PluginField) -> pa.DataType:
    """The type of the array that extraction gives for a field."""
    if field.type is PluginFieldType.BOOL:
        item = pa.bool_()
    elif field.type in (
        PluginFieldType.UINT64,
        PluginFieldType.RELTIME,
        PluginFieldType.ABSTIME,
    ):
        item = pa.uint64()
    else:
        item = pa.dictionary(pa.int32(), pa.binary())
    return pa.list_(item) if field.is_list else item


def no_values(field: PluginField, rows: int) -> pa.Array:
    """A column in which no event has a value, of the same form as an extracted one."""
    kind = arrow_type(field)
    if not pa.types.is_dictionary(kind):
        return pa.nulls(rows, kind)
    codes = pa.Array.from_buffers(
        pa.int32(),
        rows,
        [
            pa.py_buffer(np.zeros((rows + 7) // 8, np.uint8)),
            pa.py_buffer(np.full(rows, -1, np.int32)),
        ],
    )
    return pa.DictionaryArray.from_arrays(codes, pa.array([], pa.binary()))


def distinct(requests: Sequence[tuple[str, str | None]]) -> tuple[Requests, list[int]]:
    """The requests without repetitions, and for each request its position among those."""
    positions: dict[tuple[str, str | None], int] = {}
    order = [positions.setdefault(request, len(positions)) for request in requests]
    return tuple(positions), order
