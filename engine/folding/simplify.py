"""Conditions without the checks that always hold, or never, whatever the event.

Rule files are full of placeholders such as ``(never_true)``, which stands for ``evt.num=0``.
"""

from __future__ import annotations

from engine.compile import AllOf, AnyOf, Condition, Leaf, Negated
from engine.evttypes import always
from engine.language import ast
from engine.predicate import Predicate

#: A condition, or what it is for every event.
Known = Condition | bool
KnownExpr = ast.Expr | bool


def simplify(expr: ast.Expr) -> KnownExpr:
    """The condition less the checks whose answer is known, or its answer."""
    match expr:
        case ast.Not(child):
            inner = simplify(child)
            return not inner if isinstance(inner, bool) else ast.Not(inner, pos=expr.pos)
        case ast.And(children) | ast.Or(children):
            is_and = isinstance(expr, ast.And)
            left: list[ast.Expr] = []
            for child in children:
                part = simplify(child)
                if isinstance(part, bool):
                    if part is not is_and:
                        return part
                else:
                    left.append(part)
            if not left:
                return is_and
            if len(left) == 1:
                return left[0]
            return type(expr)(tuple(left), pos=expr.pos)
        case ast.Binary():
            known = always(expr)
            return expr if known is None else known
    return expr


def bound(condition: Condition, loose: frozenset[Predicate], *, upper: bool) -> Known:
    """The condition with the predicates in ``loose`` taken to be as favourable (``upper``) or as
    unfavourable as can be: it holds wherever the condition does, or only there."""
    match condition:
        case Leaf(predicate):
            return upper if predicate in loose else condition
        case Negated(child):
            inner = bound(child, loose, upper=not upper)
            if isinstance(inner, bool):
                return not inner
            return condition if inner is child else Negated(inner)
        case AllOf(children) | AnyOf(children):
            is_all = isinstance(condition, AllOf)
            parts: list[Condition] = []
            for child in children:
                part = bound(child, loose, upper=upper)
                if isinstance(part, bool):
                    if part is not is_all:
                        return part
                else:
                    parts.append(part)
            if tuple(parts) == children:
                return condition
            if not parts:
                return is_all
            return parts[0] if len(parts) == 1 else type(condition)(tuple(parts))
