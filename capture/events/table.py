"""The event table: every event type that libs knows, read from the data files beside this module.

An event type is a code with a name and a direction (enter ``>`` or exit ``<``), a category, flags
and typed parameters. Types of older drivers are kept, flagged ``old``: captures hold them, and
``capture.scap`` turns them into today's.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an event type.

    ``type`` is libs' type in lower case (``fd``, ``flags32``, ``fspath`` …), ``format`` how numbers
    are printed (``dec``, ``hex``, ``oct``, ``na``). ``table`` names the flags table, or for type
    ``dyn`` the dynamic table; ``directory`` is the index of the parameter that a relative path
    starts from, -1 for none.
    """

    name: str
    type: str
    format: str
    table: str = ""
    directory: int = -1


@dataclass(frozen=True, slots=True)
class EventType:
    """One event type. ``key`` is libs' enum name without ``PPME_``; ``kind`` is ``syscall``,
    ``tracepoint``, ``plugin``, ``meta``, ``iterator`` or ``none`` (a hole in the numbering).
    ``syscalls`` names the system calls that give this event, ``("*",)`` for the generic ones."""

    code: int
    key: str
    name: str
    enter: bool
    kind: str
    category: str
    flags: frozenset[str]
    syscalls: tuple[str, ...]
    parameters: tuple[Parameter, ...]

    @property
    def old(self) -> bool:
        """No longer sent by any driver of today."""
        return "old" in self.flags

    @property
    def used(self) -> bool:
        """False for the holes in the numbering, which no capture's reader ever shows."""
        return "unused" not in self.flags

    def index(self, parameter: str) -> int:
        """Position of a parameter by name, -1 when there is none."""
        for position, known in enumerate(self.parameters):
            if known.name == parameter:
                return position
        return -1


@dataclass(frozen=True, slots=True)
class DynamicType:
    """What follows the first byte of a ``dyn`` parameter."""

    type: str
    format: str


@dataclass(frozen=True, slots=True)
class Syscall:
    """A system call: its code in events (``ID`` of generic events) and its number by machine,
    -1 where the machine has no such call. ``enter`` and ``exit`` are event type codes."""

    code: int
    name: str
    x86_64: int
    aarch64: int
    enter: int
    exit: int


@dataclass(frozen=True, slots=True)
class EventTable:
    """All event types, by code (a list without holes), by key and by name."""

    types: tuple[EventType, ...]
    by_key: Mapping[str, EventType]
    by_name: Mapping[str, tuple[EventType, ...]]

    def __getitem__(self, code: int) -> EventType:
        return self.types[code]

    def __len__(self) -> int:
        return len(self.types)


@functools.cache
def event_table() -> EventTable:
    """The table, read once."""
    types = tuple(_event_type(row) for row in rows(HERE / "table.tsv"))
    by_name: dict[str, tuple[EventType, ...]] = {}
    for code, event in enumerate(types):
        if event.code != code:
            raise ValueError(f"table.tsv: code {event.code} stands at place {code}")
        if event.used:
            by_name[event.name] = (*by_name.get(event.name, ()), event)
    return EventTable(types, {event.key: event for event in types}, by_name)


@functools.cache
def flag_tables() -> Mapping[str, tuple[tuple[str, int], ...]]:
    """Names and values of each flags table, in the order in which Falco tries them; also
    ``errno`` and ``signal``."""
    tables: dict[str, list[tuple[str, int]]] = {}
    for row in rows(HERE / "flags.tsv"):
        tables.setdefault(row["table"], []).append((row["name"], int(row["value"])))
    return {name: tuple(values) for name, values in tables.items()}


@functools.cache
def dynamic_tables() -> Mapping[str, tuple[DynamicType, ...]]:
    """The types that a ``dyn`` parameter may hold, by its first byte."""
    tables: dict[str, list[DynamicType]] = {}
    for row in rows(HERE / "dynamic.tsv"):
        tables.setdefault(row["table"], []).append(DynamicType(row["type"], row["format"]))
    return {name: tuple(values) for name, values in tables.items()}


@functools.cache
def syscalls() -> Mapping[int, Syscall]:
    """System calls by their code in events."""
    by_key = event_table().by_key

    def event(key: str) -> int:
        return by_key[key].code if key else -1

    return {
        int(row["code"]): Syscall(
            int(row["code"]),
            row["name"],
            int(row["x86_64"] or -1),
            int(row["aarch64"] or -1),
            event(row["enter"]),
            event(row["exit"]),
        )
        for row in rows(HERE / "syscalls.tsv")
    }


@functools.cache
def _native_names() -> Mapping[int, str]:
    return {call.x86_64: call.name for call in syscalls().values() if call.x86_64 >= 0}


def generic_name(code: int | None, native: int | None) -> str:
    """Name of the system call of a generic event, from its parameters ``ID`` and ``nativeID``.

    A call that the driver did not know is found by its number, as on x86_64; ``unknown`` else.
    """
    call = syscalls().get(code or 0)
    if call is not None and call.code != 0:
        return call.name
    return "unknown" if native is None else _native_names().get(native, "unknown")


def rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of one of our tab-separated data files: comments first, then the names of columns."""
    with path.open(encoding="utf-8") as lines:
        cells = (line.rstrip("\n").split("\t") for line in lines if not line.startswith("#"))
        columns = next(cells)
        for row in cells:
            yield dict(zip(columns, row, strict=True))


def _event_type(row: Mapping[str, str]) -> EventType:
    return EventType(
        code=int(row["code"]),
        key=row["key"],
        name=row["name"],
        enter=row["direction"] == ">",
        kind=row["kind"],
        category=row["category"],
        flags=frozenset(row["flags"].split(",")) - {""},
        syscalls=tuple(row["syscalls"].split(",")) if row["syscalls"] else (),
        parameters=tuple(_parameter(text) for text in row["parameters"].split()),
    )


def _parameter(text: str) -> Parameter:
    name, type_, form, *rest = text.split(":")
    more = rest[0] if rest else ""
    if more.startswith("@"):
        return Parameter(name, type_, form, directory=int(more[1:]))
    return Parameter(name, type_, form, table=more)
