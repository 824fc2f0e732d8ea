"""What the caller may ask of a load, beyond the files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from engine.ruleset.model import Priority
from engine.ruleset.selection import Matching
from engine.ruleset.versions import LoadedPlugin


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A rules file: what to call it and what it holds."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class AppendOutput:
    """One entry of ``append_output``: for which rules, and what their alerts get besides.

    Empty ``source`` and ``rule`` and no ``tags`` stand for all rules. ``fields`` pairs a key with
    a format; ``raw_fields`` names fields whose own value is added under their own name.
    """

    source: str = ""
    tags: frozenset[str] = frozenset()
    rule: str = ""
    output: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    raw_fields: tuple[str, ...] = ()

    def applies(self, rule: str, source: str, tags: set[str]) -> bool:
        return self.source in ("", source) and self.rule in ("", rule) and self.tags <= tags


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``plugins`` are those at hand, for ``required_plugin_versions``; None asks nothing of them.

    ``keep_going`` looks at every file even after an error, as validation does; else loading stops
    at the first file with an error, as a start does. ``all_errors`` looks at every rule even after
    an error in one.
    """

    plugins: Sequence[LoadedPlugin] | None = None
    append_output: Sequence[AppendOutput] = field(default_factory=tuple)
    min_priority: Priority = Priority.DEBUG
    matching: Matching = Matching.FIRST
    keep_going: bool = False
    all_errors: bool = True
