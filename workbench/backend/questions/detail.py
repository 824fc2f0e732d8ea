"""All there is to know of one event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Detail(Question):
    """An event by its number (its source, where several have one of that number)."""

    number: int
    source: str = ""

    lane: ClassVar[str] = "page"


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field with a value, as outputs print it; type and description are the catalogue's."""

    name: str
    text: str
    type: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as it stood at the event. ``depth`` counts up from the event's own (0)."""

    depth: int
    pid: int
    name: str
    exe: str
    command: str
    user: str


@dataclass(frozen=True, slots=True)
class OpenFile:
    """A file that the process had open."""

    number: int
    type: str
    name: str


@dataclass(frozen=True, slots=True)
class Alerted:
    """A rule that matches the event. ``first``: it is the one that alerts."""

    rule: str
    priority: int
    message: str
    first: bool


@dataclass(frozen=True, slots=True)
class EventDetail:
    """``families``: fields by the word before the first dot. ``arguments``: name, type and value of
    the event's own. ``raw``: the payload of a plugin event."""

    number: int
    time: int
    source: str
    type: str
    families: tuple[tuple[str, tuple[FieldValue, ...]], ...]
    arguments: tuple[FieldValue, ...]
    raw: bytes
    ancestry: tuple[Process, ...]
    alerts: tuple[Alerted, ...]


@dataclass(frozen=True, slots=True)
class OpenFiles(Question):
    """The files that the process of an event had open after it. Answers :class:`Files`."""

    number: int
    source: str = ""

    lane: ClassVar[str] = "moment"


@dataclass(frozen=True, slots=True)
class Files:
    """``files`` by descriptor; None where the event has no process."""

    number: int
    files: tuple[OpenFile, ...] | None
