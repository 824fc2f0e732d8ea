"""Why rules fire on an event or do not, and which events a rule narrowly misses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.explain.tree import Explanation
from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Explain(Question):
    """Explain an event. ``rule``: by its name, on or off; none stands for the rules that fire, or
    where none does, those that come nearest. ``source`` as in ``Detail``."""

    number: int
    source: str = ""
    rule: str = ""

    lane: ClassVar[str] = "explain"


@dataclass(frozen=True, slots=True)
class ExplainedEvent:
    """``firing``: every rule that is on and whose condition holds, in load order. ``explanations``
    are of what was asked for."""

    number: int
    source: str
    firing: tuple[str, ...]
    explanations: tuple[Explanation, ...]


@dataclass(frozen=True, slots=True)
class Near(Question):
    """The events that fail exactly one part of a rule's condition. Answer: :class:`Missed`."""

    rule: str

    lane: ClassVar[str] = "near"


@dataclass(frozen=True, slots=True)
class MissedValue:
    """Events that miss with these values of the part's fields (None: no value)."""

    values: tuple[str | None, ...]
    count: int
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MissedBy:
    """Events that fail this part alone. ``inside``: the macros, or the exception, that it stands
    in; ``file`` and ``line`` where it is written (0: unknown); ``first``: some of their numbers."""

    text: str
    inside: tuple[str, ...]
    file: str
    line: int
    fields: tuple[str, ...]
    count: int
    values: tuple[MissedValue, ...]
    first: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """``events`` were asked, ``matched`` of them match; ``groups``: the largest first."""

    rule: str
    events: int
    matched: int
    groups: tuple[MissedBy, ...]
