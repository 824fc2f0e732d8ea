"""Rules as they are asked of folded events."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.compile import AllOf, AnyOf, Condition
from engine.evttypes import event_types
from engine.fields.model import FieldRef, FieldType
from engine.folding.simplify import bound, simplify
from engine.language import ast
from engine.plan import Plan, predicates
from engine.predicate import Predicate


@dataclass(frozen=True, slots=True, eq=False)
class AskedRule:
    """``condition`` holds for an event where ``lower`` does and does not where ``upper`` does not;
    both are ``condition`` itself unless it looks at what is new with every event."""

    key: str
    codes: frozenset[int]
    condition: Condition
    upper: Condition
    lower: Condition

    @property
    def is_loose(self) -> bool:
        return self.upper is not self.lower

    @property
    def folded(self) -> list[FieldRef]:
        """The fields whose values rows are folded by."""
        return [ref for ref in self._refs() if not changes(ref)]

    @property
    def apart(self) -> list[FieldRef]:
        """The fields that are new with every event."""
        return [ref for ref in self._refs() if changes(ref)]

    def _refs(self) -> Iterable[FieldRef]:
        return dict.fromkeys(ref for one in predicates(self.condition) for ref in one.refs)


def asked_rule(plan: Plan, key: str, expr: ast.Expr) -> AskedRule:
    """Compile a rule into ``plan``, in place of the one of that key. Raises ConditionError."""
    codes = event_types(expr)
    simple = simplify(expr)
    if isinstance(simple, bool):
        plan.remove(key)
        answer = _NEVER if not simple else _ALWAYS
        return AskedRule(key, codes if simple else frozenset(), answer, answer, answer)
    condition = plan.replace(key, simple).condition
    loose = frozenset(one for one in predicates(condition) if any(map(changes, one.refs)))
    if not loose:
        return AskedRule(key, codes, condition, condition, condition)
    return AskedRule(
        key, codes, condition, _bound(condition, loose, True), _bound(condition, loose, False)
    )


#: Nothing to satisfy, and nothing that would do.
_ALWAYS, _NEVER = AllOf(()), AnyOf(())


def _bound(condition: Condition, loose: frozenset[Predicate], upper: bool) -> Condition:
    known = bound(condition, loose, upper=upper)
    if isinstance(known, bool):
        return _ALWAYS if known else _NEVER
    return known


def changes(ref: FieldRef) -> bool:
    """Whether a field is new with every event: its number, times, durations."""
    info = ref.info
    if info.type in (FieldType.RELTIME, FieldType.ABSTIME):
        return True
    return info.name == "evt.num" or info.name.startswith(("evt.time", "evt.datetime"))
