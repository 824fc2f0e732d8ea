"""The ``evt.*`` fields that every source has, for events of plugins.

From userspace/libsinsp/sinsp_filtercheck_gen_event.cpp in falcosecurity/libs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.errors import FalcowbError
from engine.columns import BytesColumn, Column, NumberColumn
from engine.gather import constant, distinct
from engine.timetext import CLOCK, CLOCK_SECONDS, DAY, written

if TYPE_CHECKING:
    from engine.segments import EventSource

_SECOND = 1_000_000_000


def generic_column(name: str, source: EventSource, batch: pa.RecordBatch) -> Column:
    """The column of one of the generic fields. Raises FalcowbError for another."""
    rows = batch.num_rows
    times = np.asarray(batch.column("time").cast(pa.int64()))
    if name in _TIMES:
        return _numbers(_TIMES[name](times, source.first_time or 0))
    if name in TEXT_TIMES:
        return TEXT_TIMES[name](times)
    match name:
        case "evt.num":
            return NumberColumn(np.asarray(batch.column("num")), None)
        case "evt.source":
            return constant(source.name.encode(), rows)
        case "evt.is_async":
            return NumberColumn(np.zeros(rows, np.bool_), None)
        case "evt.asynctype":
            return BytesColumn(np.full(rows, -1, np.int32), pa.array([], pa.binary()))
        case "evt.hostname":
            if source.hostname is None:
                return BytesColumn(np.full(rows, -1, np.int32), pa.array([], pa.binary()))
            return constant(source.hostname.encode("utf-8", "surrogateescape"), rows)
        case "evt.pluginname":
            return _plugin_names(source, batch)
        case "evt.plugininfo":
            return _plugin_infos(source, batch)
    raise FalcowbError(f"events of plugins have no field {name}")


def _numbers(values: npt.NDArray[np.int64]) -> NumberColumn:
    return NumberColumn(values.astype(np.uint64), None)


_Times = npt.NDArray[np.int64]
_TIMES: dict[str, Callable[[_Times, int], _Times]] = {
    "evt.rawtime": lambda times, first: times,
    "evt.rawtime.s": lambda times, first: times // _SECOND,
    "evt.rawtime.ns": lambda times, first: times % _SECOND,
    "evt.reltime": lambda times, first: times - first,
    "evt.reltime.s": lambda times, first: (times - first) // _SECOND,
    "evt.reltime.ns": lambda times, first: (times - first) % _SECOND,
}


def _written(times: _Times, *parts: slice | bytes) -> BytesColumn:
    """Written to the nanosecond: hardly a text comes twice, and none is looked for."""
    return BytesColumn(np.arange(len(times), dtype=np.int32), written(times, *parts))


def _written_seconds(times: _Times, *parts: slice | bytes) -> BytesColumn:
    seconds, place = np.unique(times // _SECOND, return_inverse=True)
    return BytesColumn(place.astype(np.int32), written(seconds * _SECOND, *parts))


def _local(times: _Times) -> _Times:
    """Shifted to the local time zone as it is now, daylight saving included, as libs does."""
    shift = time.localtime().tm_gmtoff or 0
    return times + shift * _SECOND


#: Fields that write the time of an event, from times in nanoseconds.
TEXT_TIMES: dict[str, Callable[[_Times], BytesColumn]] = {
    "evt.time": lambda times: _written(_local(times), CLOCK),
    "evt.time.s": lambda times: _written_seconds(_local(times), CLOCK_SECONDS),
    "evt.time.iso8601": lambda times: _written(times, DAY, b"T", CLOCK, b"+0000"),
    "evt.datetime": lambda times: _written(_local(times), DAY, b" ", CLOCK),
    "evt.datetime.s": lambda times: _written_seconds(_local(times), DAY, b" ", CLOCK_SECONDS),
}


def _plugin_names(source: EventSource, batch: pa.RecordBatch) -> BytesColumn:
    ids = np.asarray(batch.column("plugin_id"))
    names = {plugin.id: plugin.name for plugin in source.plugins if plugin.id}
    known = list(names)
    codes = np.full(len(ids), -1, np.int32)
    for code, one in enumerate(known):
        codes[ids == one] = code
    return BytesColumn(codes, pa.array([names[one].encode() for one in known], pa.binary()))


def _plugin_infos(source: EventSource, batch: pa.RecordBatch) -> BytesColumn:
    """Each event in its plugin's words. The plugin is asked event by event: the API has no other
    way. No plugin at hand gives no value."""
    by_id = {plugin.id: plugin for plugin in source.plugins if plugin.id}
    said: list[bytes | None] = []
    for row, one in enumerate(batch.column("plugin_id").to_pylist()):
        plugin = by_id.get(one)
        text = None if plugin is None else plugin.event_to_string(batch, row, source.name)
        said.append(None if text is None else text.encode("utf-8", "surrogateescape"))
    return distinct(pa.array(said, pa.binary()))
