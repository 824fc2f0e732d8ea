"""What can be named in conditions: for completion and choosers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Fields(Question):
    """All fields of the session's catalogue."""

    lane: ClassVar[str] = "side"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """A field. ``argument``: empty, ``optional`` or ``required``."""

    name: str
    type: str
    is_list: bool
    argument: str
    description: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FieldList:
    """Fields, and the names that events can have (``evt.type``)."""

    fields: tuple[FieldFacts, ...]
    event_types: tuple[str, ...]
