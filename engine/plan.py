"""A rule set as one program: conditions over predicates that all rules share.

A plan belongs to one event source. Replacing a rule compiles that rule alone; every predicate that
was there before stays the same object, so what was computed for it stays known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from engine.compile import AllOf, AnyOf, Condition, Interner, Leaf, Negated, compile_condition
from engine.fields.catalogue import Catalogue
from engine.language.ast import Expr
from engine.predicate import Predicate


@dataclass(frozen=True, slots=True)
class PlannedRule:
    """``key`` names the rule in the plan (unique, chosen by the caller)."""

    key: str
    condition: Condition


class Plan:
    """The rules of one source in load order."""

    def __init__(
        self,
        catalogue: Catalogue,
        source: str,
        rules: Iterable[tuple[str, Expr]] = (),
    ) -> None:
        self.catalogue = catalogue
        self.source = source
        self._interner = Interner()
        self._rules: dict[str, PlannedRule] = {}
        for key, expr in rules:
            self.replace(key, expr)

    @property
    def rules(self) -> tuple[PlannedRule, ...]:
        return tuple(self._rules.values())

    @property
    def predicates(self) -> tuple[Predicate, ...]:
        """Every predicate that a rule uses, each once."""
        return tuple(dict.fromkeys(p for rule in self.rules for p in predicates(rule.condition)))

    def replace(self, key: str, expr: Expr) -> PlannedRule:
        """Put a rule in place of the one of that key, or at the end. Raises ConditionError and
        leaves the plan as it was."""
        condition = compile_condition(expr, self.catalogue, self.source, interner=self._interner)
        rule = PlannedRule(key, condition)
        self._rules[key] = rule
        return rule

    def remove(self, key: str) -> None:
        self._rules.pop(key, None)

    def forget_unused(self) -> None:
        """Let go of predicates that no rule uses any more."""
        used = {predicate.key: predicate for predicate in self.predicates}
        nodes = {node for rule in self.rules for node in walk(rule.condition)}
        self._interner = Interner(
            used, {key: node for key, node in self._interner.nodes.items() if node in nodes}
        )


def walk(condition: Condition) -> Iterator[Condition]:
    """The condition and all below it, each before its children, in order."""
    stack = [condition]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case Negated(child):
                stack.append(child)
            case AllOf(children) | AnyOf(children):
                stack.extend(reversed(children))


def predicates(condition: Condition) -> Iterator[Predicate]:
    """The predicates of a condition, in order, repeated ones repeated."""
    return (node.predicate for node in walk(condition) if isinstance(node, Leaf))
