"""Events and alerts over time, and the hits of one rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Bins(Question):
    """Events in ``count`` equal spans of time from ``start`` to ``stop`` (ns since the epoch; None:
    from the first event, to the last)."""

    count: int
    start: int | None = None
    stop: int | None = None
    rule: str = ""

    lane: ClassVar[str] = "timeline"


@dataclass(frozen=True, slots=True)
class Binned:
    """For each span how many ``events``, how many ``alerts``, and the ``gravest`` priority among
    those (0 Emergency … 7 Debug, -1 none); ``hits`` of the rule that was asked for. ``whole``: the
    first and the last time of the capture. What is not indexed or judged yet is not counted."""

    start: int
    stop: int
    events: tuple[int, ...]
    alerts: tuple[int, ...]
    gravest: tuple[int, ...]
    hits: tuple[int, ...]
    whole: tuple[int, int]


@dataclass(frozen=True, slots=True)
class NextHit(Question):
    """The next event after ``number`` (or, ``back``, the one before) that a rule matches."""

    rule: str
    number: int
    back: bool = False

    lane: ClassVar[str] = "timeline"


@dataclass(frozen=True, slots=True)
class Hit:
    """``number`` None: there is no further one."""

    number: int | None
    time: int = 0
