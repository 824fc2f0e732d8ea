"""Opening a capture with a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Open(Question):
    """Open a capture (``.fcap``, ``.scap``) or what a plugin opens (``path``; None: what the
    configuration says), with a configuration and further plugins.

    Answers: any number of :class:`Opening`, one :class:`Opened` as soon as events can be asked
    for, :class:`Indexing` while more become known, and :class:`Indexed` at the end.
    """

    path: str | None
    config: str | None = None
    options: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    lane: ClassVar[str] = "open"
    standing: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Opening:
    """Still being opened: what is done, how far it is (0 to 1, None: nobody knows)."""

    stage: str
    events: int = 0
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """A source of the capture. ``known``: fields of its events can be shown (its plugin is
    there)."""

    name: str
    events: int
    plugin: str
    known: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """A capture is open. ``events`` is what its manifest says; times in nanoseconds since the
    epoch, None for a capture without events."""

    path: str
    sources: tuple[SourceFacts, ...]
    events: int
    first_time: int | None
    last_time: int | None
    host: str
    notes: tuple[str, ...]
    recording: bool


@dataclass(frozen=True, slots=True)
class Indexing:
    """So many rows are known so far."""

    rows: int
    fraction: float | None


@dataclass(frozen=True, slots=True)
class Indexed:
    """All rows are known."""

    rows: int
    first_time: int | None
    last_time: int | None
    notes: tuple[str, ...]
