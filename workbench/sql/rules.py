"""The rules of a session."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.ruleset.selection import Matching, RuleSet


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that were loaded, and which of several that match an event alert."""

    ruleset: RuleSet
    matching: Matching

    @property
    def key(self) -> str:
        """Tells these rules from others."""
        from engine.language.format import format_condition

        said = hashlib.sha256(str(self.matching).encode())
        for source in self.ruleset.sources:
            for rule in self.ruleset.enabled(source):
                parts = (
                    rule.name, rule.source, rule.priority.title, *sorted(rule.tags), rule.output,
                    format_condition(rule.condition), repr(sorted(rule.extra_fields.items())),
                )  # fmt: skip
                said.update("\0".join(parts).encode("utf-8", "surrogateescape"))
        return said.hexdigest()[:16]
