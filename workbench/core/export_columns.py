"""System calls as plain columns: what each parameter is, in types that any tool reads.

Numbers keep their own width here; wide tables have them as int64 (a 64-bit pattern above its range
wraps round to a negative number). Texts and paths are strings, what is no UTF-8 in them as U+FFFD;
so are addresses and connections, as Falco prints them. ``args``, ``env`` and ``cgroups`` are lists
of strings, lists of polled files lists of ``{fd, flags}``. Other buffers are binary. A parameter
whose type the event itself decides gives a number or bytes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from capture.events.schema import PARAMETER_TYPES, EventBatch
from capture.events.table import Parameter, event_table
from engine.jsontext import replaced
from engine.syscalls.addresses import address, connection

NUMBER, TEXT, BYTES, LIST, FILES = "number", "text", "bytes", "list", "files"

TYPES: Mapping[str, pa.DataType] = {
    NUMBER: pa.int64(),
    TEXT: pa.string(),
    BYTES: pa.binary(),
    LIST: pa.list_(pa.string()),
    FILES: pa.list_(pa.struct([pa.field("fd", pa.int64()), pa.field("flags", pa.int64())])),
}
_TEXTS = frozenset({"charbuf", "fspath", "fsrelpath"})
_ADDRESSES: Mapping[str, Callable[[bytes], bytes]] = {
    "sockaddr": address,
    "socktuple": connection,
    "ipv4addr": lambda value: address(b"\2" + value + b"\0\0").rpartition(b":")[0],
    "ipv6addr": lambda value: address(b"\12" + value + b"\0\0").rpartition(b":")[0],
}
#: Buffers that hold texts, one after the other, each ended by NUL.
_VECTORS = frozenset({"args", "env", "cgroups"})


@dataclass(frozen=True, slots=True)
class Plain:
    """A column that a parameter gives: its ``name`` in wide tables, and its kind."""

    name: str
    kind: str


@functools.cache
def plain_columns(code: int) -> tuple[tuple[Plain, ...], ...]:
    """The columns of each parameter of an event type."""
    return tuple(
        tuple(Plain(_wide_name(parameter, kind), kind) for kind in kinds(parameter))
        for parameter in event_table()[code].parameters
    )


def values(batch: EventBatch, code: int) -> list[tuple[Plain, pa.Array]]:
    """The plain columns of the events of one type in a batch, row i belonging to
    ``batch.rows(code)[i]``."""
    parameters = batch.parameters(code)
    found = []
    for place, columns in enumerate(plain_columns(code)):
        parameter = event_table()[code].parameters[place]
        array = parameters.field(place)
        found += [(column, _plain(parameter, column.kind, array)) for column in columns]
    return found


def kinds(parameter: Parameter) -> tuple[str, ...]:
    """What a parameter gives."""
    if parameter.type == "dyn":
        return (NUMBER, BYTES)
    if parameter.type in _TEXTS or parameter.type in _ADDRESSES:
        return (TEXT,)
    if parameter.type == "fdlist":
        return (FILES,)
    if parameter.type in ("charbufarray", "charbuf_pair_array") or (
        parameter.type == "bytebuf" and parameter.name in _VECTORS
    ):
        return (LIST,)
    return (BYTES,) if pa.types.is_binary(PARAMETER_TYPES[parameter.type]) else (NUMBER,)


@functools.cache
def _kinds_by_name() -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for event in event_table().types:
        for parameter in event.parameters:
            if parameter.type != "dyn":
                found.setdefault(parameter.name, set()).update(kinds(parameter))
    return {name: frozenset(each) for name, each in found.items()}


def _wide_name(parameter: Parameter, kind: str) -> str:
    """``arg_NAME``; where parameters of that name differ in kind, numbers have it plain. What the
    event itself decides the type of is ``arg_NAME_value`` or ``arg_NAME_value_bytes``."""
    name = f"arg_{parameter.name}"
    if parameter.type == "dyn":
        return f"{name}_value" if kind == NUMBER else f"{name}_value_{kind}"
    others = _kinds_by_name().get(parameter.name, frozenset()) - {kind}
    return f"{name}_{kind}" if others and kind != NUMBER else name


def _plain(parameter: Parameter, kind: str, array: pa.Array) -> pa.Array:
    if parameter.type == "dyn":
        inner = array.field("number" if kind == NUMBER else "bytes")
        return pc.if_else(array.is_valid(), inner, None)
    if kind == NUMBER:
        return array
    if parameter.type in _ADDRESSES:
        return by_distinct(array, _ADDRESSES[parameter.type])
    if kind == TEXT:
        return as_text(array)
    if kind == FILES:
        return array.cast(TYPES[FILES])
    if kind == LIST:
        return _vector(array) if pa.types.is_binary(array.type) else _texts(array)
    return array


def as_text(array: pa.Array) -> pa.StringArray:
    """Bytes as strings."""
    try:
        return array.cast(pa.string())
    except pa.ArrowInvalid:
        return by_distinct(array, lambda value: value)


def by_distinct(array: pa.Array, convert: Callable[[bytes], bytes]) -> pa.StringArray:
    """Each value converted to text, once a distinct value."""
    coded = array.dictionary_encode()
    made = [replaced(convert(value)) if value else "" for value in coded.dictionary.to_pylist()]
    return pa.array(made, pa.string()).take(coded.indices)


def _vector(array: pa.BinaryArray) -> pa.ListArray:
    """NUL-separated texts as lists."""
    coded = as_text(array).dictionary_encode()
    made = [value.removesuffix("\0").split("\0") for value in coded.dictionary.to_pylist()]
    return pa.array(made, TYPES[LIST]).take(coded.indices)


def _texts(array: pa.ListArray) -> pa.ListArray:
    """A list of bytes as a list of strings."""
    made = [
        None if each is None else [replaced(value) for value in each] for each in array.to_pylist()
    ]
    return pa.array(made, TYPES[LIST])
