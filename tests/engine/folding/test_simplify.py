"""Checks whose answer is known leave a condition; bounds hold on either side of it."""

from __future__ import annotations

import itertools

import pytest

from engine.compile import AllOf, AnyOf, Condition, Leaf, Negated
from engine.fields.catalogue import Catalogue
from engine.folding.asked import asked_rule
from engine.folding.simplify import bound, simplify
from engine.language.parser import parse
from engine.language.printer import to_string
from engine.plan import Plan, predicates
from engine.predicate import Predicate


@pytest.mark.parametrize(
    ("condition", "left"),
    [
        ("evt.num=0", False),
        ("evt.num>=1", True),
        ("not evt.num=0", True),
        ("proc.name=a and evt.num=0", False),
        ("proc.name=a or not evt.num=0", True),
        ("proc.name=a and not evt.num=0", "proc.name = a"),
        ("proc.name=a or evt.num=0", "proc.name = a"),
        ("(proc.name=a or evt.num=0) and not (evt.num<1)", "proc.name = a"),
        ("evt.num=5", "evt.num = 5"),
        ("proc.name=a and proc.pid=1", "(proc.name = a and proc.pid = 1)"),
    ],
)
def test_what_is_known_goes(condition: str, left: str | bool) -> None:
    found = simplify(parse(condition))
    assert (found if isinstance(found, bool) else to_string(found)) == left


def holds(condition: Condition, answers: dict[str, bool]) -> bool:
    match condition:
        case Leaf(predicate):
            return answers[predicate.key]
        case Negated(child):
            return not holds(child, answers)
        case AllOf(children):
            return all(holds(child, answers) for child in children)
        case AnyOf(children):
            return any(holds(child, answers) for child in children)


@pytest.mark.parametrize(
    "condition",
    [
        "proc.name=a and proc.duration<5",
        "proc.name=a or not (proc.duration<5 and proc.pid=1)",
        "not (proc.name=a and (proc.duration<5 or evt.rawtime>3)) and proc.pid=1",
    ],
)
def test_bounds_hold_on_either_side(condition: str) -> None:
    plan = Plan(Catalogue.native(), "syscall")
    rule = asked_rule(plan, "rule", parse(condition))
    assert rule.is_loose
    assert {ref.text for ref in rule.apart} <= {"proc.duration", "evt.rawtime"}
    assert {ref.text for ref in rule.folded} <= {"proc.name", "proc.pid"}
    keys = [one.key for one in dict.fromkeys(predicates(rule.condition))]
    for values in itertools.product([False, True], repeat=len(keys)):
        answers = dict(zip(keys, values, strict=True))
        exact = holds(rule.condition, answers)
        assert holds(rule.lower, answers) <= exact <= holds(rule.upper, answers)
    for side in (rule.lower, rule.upper):
        assert not any(ref in rule.apart for one in predicates(side) for ref in one.refs)


def test_a_bound_without_anything_loose_is_the_condition() -> None:
    plan = Plan(Catalogue.native(), "syscall", [("r", parse("proc.name=a or not proc.pid=1"))])
    (rule,) = plan.rules
    nothing: frozenset[Predicate] = frozenset()
    assert bound(rule.condition, nothing, upper=True) is rule.condition
