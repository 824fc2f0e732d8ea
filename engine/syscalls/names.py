"""``evt.type`` and its kin: what events are called.

From sinsp_filtercheck_event.cpp and sinsp_filtercheck_gen_event.cpp in falcosecurity/libs.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.table import event_table, generic_name
from engine.columns import BytesColumn, NumberColumn
from engine.syscalls.assemble import BytesPart, bytes_of, coded, from_table
from engine.syscalls.ofthreads import Make

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment


def _event_names(segment: SyscallSegment, *, calls_only: bool) -> BytesColumn:
    events = segment.events
    names = _call_names() if calls_only else _names()
    column = from_table(names, events.type)
    generic = events.group(event_table().by_key["GENERIC_X"].code)
    parts: list[BytesPart] = []
    if generic is not None:
        codes = events.parameter(generic, 0).fill_null(0).to_numpy().astype(np.int64)
        native = events.parameter(generic, 1).cast("int64").fill_null(-1).to_numpy()
        # The number matters only where the code says nothing.
        native = np.where(codes == 0, native, -1)
        joined, inverse = np.unique(codes << 32 | (native & 0xFFFFFFFF), return_inverse=True)
        texts = pa.array(
            [_generic(both >> 32, both & 0xFFFFFFFF) for both in joined.tolist()], pa.binary()
        )
        parts.append((generic.at, inverse.astype(np.int32), texts))
    asynchronous = events.group(event_table().by_key["ASYNCEVENT_E"].code)
    if asynchronous is not None and not calls_only:
        said = events.parameter(asynchronous, 1).fill_null(b"<NA>")
        parts.append((asynchronous.at, *coded(said)))
    if not parts:
        return column
    whole = np.arange(len(segment))
    return bytes_of(len(segment), [(whole, column.codes, column.values), *parts])


def _generic(code: int, native: int) -> bytes:
    return generic_name(code, None if native == 0xFFFFFFFF else native).encode()


@functools.cache
def _names() -> tuple[bytes, ...]:
    return tuple(event.name.encode() for event in event_table().types)


@functools.cache
def _call_names() -> tuple[bytes | None, ...]:
    return tuple(
        event.name.encode() if event.kind == "syscall" else None for event in event_table().types
    )


def _is_type(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    """``evt.type.is``: by number that type; by name the first of the name and the one after it."""
    text = arg or ""
    if text.isdecimal():
        wanted = [int(text)]
    else:
        first = next((e.code for e in event_table().types if e.name == text), -2)
        wanted = [first, first + 1]
    return NumberColumn(np.isin(segment.events.type, wanted).astype(np.uint64), None)


def _asynctype(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    names = _event_names(segment, calls_only=False)
    return BytesColumn(
        np.where(is_meta()[segment.events.type], names.codes, np.int32(-1)), names.values
    )


@functools.cache
def is_meta() -> npt.NDArray[np.bool_]:
    """Which event types belong to no call of a thread, by code."""
    return np.array([event.kind == "meta" for event in event_table().types])


FIELDS: dict[str, Make] = {
    "evt.type": lambda segment, arg: _event_names(segment, calls_only=False),
    "evt.type.is": _is_type,
    "syscall.type": lambda segment, arg: _event_names(segment, calls_only=True),
    "evt.asynctype": _asynctype,
}
