"""``evt.arg``, ``evt.args`` and ``evt.rawarg``: the parameters of events.

From sinsp_filtercheck_event.cpp in falcosecurity/libs (TYPE_ARGSTR, TYPE_ARGS, TYPE_ARGRAW,
TYPE_BUFFER).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.events.table import EventType, dynamic_tables
from engine.columns import BytesColumn, Column, NumberColumn
from engine.fields.events import parameter_types
from engine.gather import as_binary
from engine.syscalls.assemble import (
    BytesPart,
    NumberPart,
    bytes_of,
    coded,
    compact,
    no_number,
    no_value,
    numbers_of,
)
from engine.syscalls.events import Group
from engine.syscalls.render import render

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

_TEXTS = frozenset({"charbuf", "fspath", "fsrelpath"})


def argument(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """``evt.arg``: one argument by name or position; its meaning where it has one."""
    parts: list[BytesPart] = []
    for group, index in _found(segment, arg or ""):
        done = render(segment.events, segment.state, group, index)
        parts.append((group.at, done.codes, done.chosen()))
    return compact(bytes_of(len(segment), parts))


def arguments(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """``evt.args``: every argument with its name; the empty text for generic events."""
    parts: list[BytesPart] = []
    for group in segment.events.groups:
        parts += [(piece.at, *coded(_line(segment, piece))) for piece in _by_count(segment, group)]
    return bytes_of(len(segment), parts)


def _by_count(segment: SyscallSegment, group: Group) -> list[Group]:
    """A group taken apart by how many parameters its events hold."""
    counts = segment.events.present[group.at]
    return [group.only(counts == count) for count in np.unique(counts).tolist()]


def _line(segment: SyscallSegment, group: Group) -> pa.BinaryArray:
    """All arguments of events that hold equally many."""
    count = int(segment.events.present[group.at[0]])
    count = min(count, len(group.type.parameters))
    if not count or group.type.key == "GENERIC_X":
        return pa.array([b""], pa.binary()).take(pa.array(np.zeros(len(group), np.int32)))
    pieces: list[pa.Array | pa.Scalar] = []
    for index, parameter in enumerate(group.type.parameters[:count]):
        done = render(segment.events, segment.state, group, index)
        name = (" " if index else "") + parameter.name + "="
        pieces.append(pa.scalar(name.encode(), pa.binary()))
        pieces.append(done.whole().take(pa.array(done.codes)))
    return pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.binary()))


def _found(segment: SyscallSegment, arg: str) -> list[tuple[Group, int]]:
    """The events that hold the argument, by type, and its position there."""
    found = []
    for group in segment.events.groups:
        index = _index(group.type, arg)
        if index < 0:
            continue
        held = segment.events.holds(group, index)
        if held.all():
            found.append((group, index))
        elif held.any():
            found.append((group.only(held), index))
    return found


def _index(type_: EventType, arg: str) -> int:
    try:
        index = int(arg)
    except ValueError:
        return type_.index(arg)
    return index if 0 <= index < len(type_.parameters) else -1


def raw_argument(segment: SyscallSegment, arg: str | None) -> Column:
    """``evt.rawarg``: one argument in its own type. An empty one has no value, but for texts.

    A name stands for numbers in some events and for texts in others (``addr``, ``mode`` …): the
    column has those of the kind that the name has first in the event table, as comparisons do.
    """
    name = arg or ""
    kind = _physical(parameter_types().get(name, "").lower())
    numbers: list[NumberPart] = []
    texts: list[BytesPart] = []
    for group, index in _found(segment, name):
        type_ = group.type.parameters[index].type
        array = segment.events.parameter(group, index)
        if type_ == "dyn":
            _add_dynamic(group, group.type.parameters[index].table, array, kind, numbers, texts)
        elif _physical(type_) == "number" == kind:
            numbers.append(_number_part(group, array))
        elif _physical(type_) == "bytes" == kind:
            if type_ in _TEXTS:
                array = array.fill_null(b"<NA>")
            codes, values = coded(array)
            texts.append((group.at, codes, as_binary(values)))
    if kind == "number":
        return _one_type(len(segment), numbers)
    return compact(bytes_of(len(segment), texts)) if texts else no_value(len(segment))


def _physical(type_: str) -> str:
    if type_ in _TEXTS | {"bytebuf", "sockaddr", "socktuple", "ipv4addr", "ipv6addr"}:
        return "bytes"
    if type_ in ("fdlist", "charbufarray", "charbuf_pair_array", "dyn", ""):
        return "none"
    return "number"


def _number_part(group: Group, array: pa.Array) -> NumberPart:
    if array.null_count == 0:
        return group.at, array.to_numpy(), None
    known = array.is_valid().to_numpy(zero_copy_only=False)
    return group.at, array.fill_null(0).to_numpy(), known


def _one_type(rows: int, parts: list[NumberPart]) -> NumberColumn:
    """Numbers of several types in one: signed where all fit so, else unsigned, bit for bit."""
    if not parts:
        return no_number(rows, np.int64)
    kinds = {values.dtype.kind for _, values, _ in parts}
    if "f" in kinds:
        return numbers_of(rows, np.float64, parts)
    return numbers_of(rows, np.uint64 if kinds == {"u"} else np.int64, parts)


def _add_dynamic(
    group: Group,
    table: str,
    array: pa.Array,
    kind: str,
    numbers: list[NumberPart],
    texts: list[BytesPart],
) -> None:
    """The values of a parameter that says itself what type it has, where they are of ``kind``."""
    said = array.field("kind").to_numpy()
    known = array.is_valid().to_numpy(zero_copy_only=False)
    for place, type_ in enumerate(dynamic_tables().get(table, ())):
        which = known & (said == place)
        if _physical(type_.type) != kind or not which.any():
            continue
        at = group.only(which)
        if kind == "number":
            numbers.append(_number_part(at, array.field("number").filter(pa.array(which))))
        else:
            codes, values = coded(array.field("bytes").filter(pa.array(which)))
            texts.append((at.at, codes, as_binary(values)))


def buffer(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """``evt.buffer``: the bytes read or written."""
    column = raw_argument(segment, "data")
    assert isinstance(column, BytesColumn)
    return column
