"""What the rule set asks of the rest of the engine: do these fields exist, does this compile.

The rule set knows names, order and places; types, operators and formats are the business of the
catalogue, the condition compiler and the output formatter, reached through :class:`Checker`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.language.ast import Expr, Pos
from engine.ruleset.exceptions import FieldTest


@dataclass(frozen=True, slots=True)
class ConditionWarning:
    """A remark on a valid condition. ``pos`` is that of the node it is about."""

    text: str
    pos: Pos


class Checker(Protocol):
    """One for all event sources at hand."""

    def field_test(self, source: str) -> FieldTest | None:
        """A test whether a text may stand left of a comparison; None for an unknown source."""
        ...

    def source_hint(self, source: str) -> str:
        """What to do about an unknown source, or nothing."""
        ...

    def condition(self, expr: Expr, source: str) -> list[ConditionWarning]:
        """Check a resolved condition. Raises :class:`ConditionError` whose ``pos`` is the very
        ``pos`` of the node at fault."""
        ...

    def output(self, output: str, source: str) -> list[str]:
        """The fields that an output names, in order. Raises :class:`FalcowbError`."""
        ...

    def event_type_count(self, expr: Expr) -> int:
        """How many of the event codes of the syscall source the condition can match. Raises
        :class:`ConditionError` for a use of ``evt.type`` that this cannot be told of."""
        ...

    def event_names(self, expr: Expr, source: str) -> list[str]:
        """Names of the events that the condition can match, sorted."""
        ...


#: How the engine begins its messages about what does not exist, by which
#: ``skip-if-unknown-filter`` tells them from other errors.
_UNKNOWN = (
    "nonexistent field",
    "invalid formatting token",
    "unknown event type",
    "unknown filter:",
)


def is_unknown(message: str) -> bool:
    """Whether an error is about a field or an event type that does not exist."""
    return any(words in message for words in _UNKNOWN)
