"""The processes as they stood at an event, and the alerts they gave until then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Processes(Question):
    """The processes after the event of a number (its source, where several have one of that
    number); for an event that is no system call, after the one before it.

    Answers: :class:`ProcessTree`, at once without alerts, then with more and more of them.
    """

    number: int
    source: str = ""

    lane: ClassVar[str] = "processes"


@dataclass(frozen=True, slots=True)
class ProcessFacts:
    """``parent`` is its parent's process id, ``start`` when it began (ns, 0: before the capture).
    ``exited``: it is gone by now, and is told because it gave alerts."""

    pid: int
    parent: int
    name: str
    command: str
    user: str
    container: str
    start: int
    exited: bool = False


@dataclass(frozen=True, slots=True)
class ProcessAlerts:
    """Alerts of a rule on a process until the moment: how many, the first and the last event."""

    pid: int
    start: int
    rule: str
    priority: int
    count: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class ProcessTree:
    """``pid``: of the event's own process, -1 for none. ``processes`` None: the capture has no
    system calls before the event. ``looked`` of ``alerts_before`` alerts were looked at.
    ``left_out``: so many more processes with alerts have exited."""

    number: int
    time: int
    pid: int
    processes: tuple[ProcessFacts, ...] | None
    alerts: tuple[ProcessAlerts, ...]
    looked: int
    alerts_before: int
    left_out: int = 0
