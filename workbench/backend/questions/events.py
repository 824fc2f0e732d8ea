"""Events: which are looked at (a view), pages of them, places in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.backend.messages import Question

Only = Literal["", "alerts"]


@dataclass(frozen=True, slots=True)
class View:
    """Which events are looked at: all that satisfy everything said here.

    ``condition``: as in rules, macros of the loaded rules included. ``only``: ``alerts`` for events
    that alerted. ``rule``: events that this rule matches. ``numbers``: these events. ``start`` and
    ``stop``: times in nanoseconds since the epoch (the end is out).
    """

    condition: str = ""
    source: str = ""
    only: Only = ""
    rule: str = ""
    numbers: tuple[int, ...] | None = None
    start: int | None = None
    stop: int | None = None

    @property
    def is_all(self) -> bool:
        return self == View()


@dataclass(frozen=True, slots=True)
class Look(Question):
    """Look at a view from now on: pages and jumps are about it. Answers: :class:`Looked`, again and
    again while more is found. The row of ``near`` (an event number) in the view is told."""

    view: View
    near: int | None = None

    lane: ClassVar[str] = "filter"


@dataclass(frozen=True, slots=True)
class Looked:
    """``rows`` of the view are known, after looking at ``seen`` of ``total`` events. ``version``
    names what is looked at: a page of an older one is of other rows."""

    version: int
    rows: int
    seen: int
    total: int
    complete: bool
    near_row: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Question):
    """``count`` rows of the view from ``first`` on, with these fields (as written in outputs)."""

    first: int
    count: int
    fields: tuple[str, ...]

    lane: ClassVar[str] = "page"


@dataclass(frozen=True, slots=True)
class PageOf:
    """Rows of a view: ``numbers``, ``times`` (ns) and for each field the texts of all rows, None
    for no value. ``priorities``: of the alert of each row (0 Emergency … 7 Debug, -1 none), and
    ``rules`` its rule. ``sources`` by row."""

    version: int
    first: int
    numbers: tuple[int, ...]
    times: tuple[int, ...]
    sources: tuple[str, ...]
    cells: tuple[tuple[str | None, ...], ...]
    priorities: tuple[int, ...]
    rules: tuple[str, ...]


To = Literal["number", "time", "alert"]


@dataclass(frozen=True, slots=True)
class Jump(Question):
    """Where in the view: the event ``number`` or the first after it; the first at ``time`` (ns);
    from row ``start`` the next ``alert`` (or, ``back``, the one before) of at least a
    ``priority``."""

    to: To
    value: int = 0
    start: int = 0
    back: bool = False
    priority: int = 7

    lane: ClassVar[str] = "page"


@dataclass(frozen=True, slots=True)
class JumpedTo:
    """A row of the view; None where there is none. ``time`` and ``number`` are its event's."""

    row: int | None
    number: int = 0
    time: int = 0


@dataclass(frozen=True, slots=True)
class CheckCondition(Question):
    """Whether a condition would do. Answers :class:`ConditionOk`, or is refused with the place."""

    condition: str

    lane: ClassVar[str] = "page"


@dataclass(frozen=True, slots=True)
class ConditionOk:
    """The sources that know the condition's fields."""

    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AsJson(Question):
    """Events by their numbers, as JSON lines with all fields that have a value. Answers a text."""

    numbers: tuple[int, ...]

    lane: ClassVar[str] = "side"
