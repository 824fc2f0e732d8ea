"""Which rules are on.

A rule set starts with what the files say (``enabled``), less the rules below the minimum
priority, which are not in it at all. Then operations turn rules on and off, in order, each acting
on whatever matches at that moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum

from engine.ruleset.model import Definitions, Priority, Rule
from engine.ruleset.wildcard import wildcard_match


class Matching(Enum):
    """How many rules an event may fire: the first of its source in load order, or all."""

    FIRST = "first"
    ALL = "all"

    @staticmethod
    def parse(text: str) -> Matching:
        """Raises ValueError for any text but ``first`` and ``all``, in any case."""
        return Matching(text.lower())


class Match(Enum):
    """How a pattern selects rules by name. The empty exact or substring pattern selects all."""

    EXACT = "exact"
    SUBSTRING = "substring"
    WILDCARD = "wildcard"


class RuleSet:
    """The rules that loaded, in load order, and which of them are on."""

    def __init__(
        self,
        definitions: Definitions,
        *,
        min_priority: Priority = Priority.DEBUG,
        matching: Matching = Matching.FIRST,
    ) -> None:
        self.definitions = definitions
        self.matching = matching
        self.min_priority = min_priority
        self._rules = {
            rule.name: rule for rule in definitions.rules if rule.priority <= min_priority
        }
        self._on = {rule.name for rule in self._rules.values() if rule.enabled}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules grave enough, in load order, on or off."""
        return tuple(self._rules.values())

    def rule(self, name: str) -> Rule | None:
        return self._rules.get(name)

    def is_on(self, name: str) -> bool:
        return name in self._on

    def enabled(self, source: str | None = None) -> tuple[Rule, ...]:
        """The rules that are on, in load order: of one source, or of all."""
        return tuple(
            rule
            for rule in self._rules.values()
            if rule.name in self._on and source in (None, rule.source)
        )

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of the rules that are on, in order of first use."""
        return tuple(dict.fromkeys(rule.source for rule in self.enabled()))

    def select(self, pattern: str, match: Match = Match.WILDCARD, *, on: bool = True) -> int:
        """Turn the rules that ``pattern`` selects on or off. Returns how many it selects."""
        return self._turn(_by_name(pattern, match), on)

    def select_tags(self, tags: Iterable[str], *, on: bool = True) -> int:
        """Turn the rules that carry any of the tags on or off. Returns how many do."""
        wanted = frozenset(tags)
        return self._turn(lambda rule: not wanted.isdisjoint(rule.tags), on)

    def _turn(self, chosen: Callable[[Rule], bool], on: bool) -> int:
        names = {rule.name for rule in self._rules.values() if chosen(rule)}
        if on:
            self._on |= names
        else:
            self._on -= names
        return len(names)


def _by_name(pattern: str, match: Match) -> Callable[[Rule], bool]:
    if match is Match.EXACT:
        return lambda rule: pattern in ("", rule.name)
    if match is Match.SUBSTRING:
        return lambda rule: pattern in rule.name
    return lambda rule: wildcard_match(pattern, rule.name)
