"""Which event types a condition can match, from its tree alone.

From userspace/libsinsp/filter/ppm_codes.cpp in falcosecurity/libs: ``and`` intersects, ``or``
joins, ``not`` is pushed down to the checks; checks of ``evt.type`` and ``syscall.type`` name
types, all others leave every type possible. ``evt.num`` is known to start at 1.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass

from capture.events.table import event_table, syscalls
from engine.constants import unsigned
from engine.language import ast
from engine.language.errors import ConditionError

Codes = frozenset[int]

_GENERIC = frozenset({0, 1})
_TYPE_FIELDS = ("evt.type", "syscall.type")


def event_types(expr: ast.Expr) -> Codes:
    """Codes of the event types that the condition can match.

    Raises ConditionError where ``evt.type`` is transformed or compared with a field: Falco refuses
    such rules.
    """
    return _codes(expr, False)


@functools.cache
def all_types() -> Codes:
    return frozenset(range(len(event_table())))


def event_names(codes: Iterable[int], *, resolve_generic: bool = True) -> frozenset[str]:
    """Names of event types. The two generic ones stand for every system call that has no event of
    its own; ``resolve_generic`` names those, else they are left out."""
    codes = frozenset(codes)
    names = {event_table()[code].name for code in codes - _GENERIC}
    if resolve_generic and codes & _GENERIC:
        names |= _generic_names()
    return frozenset(names)


def codes_of(names: Iterable[str]) -> Codes:
    """Codes of the event types of these names. Names of system calls without an event of their own
    give the generic types; other names give nothing."""
    by_name = _by_name()
    found: set[int] = set()
    for name in names:
        codes = by_name.get(name)
        if codes is not None:
            found |= codes
        elif name in _syscall_names():
            found |= _GENERIC
    return frozenset(found)


@functools.cache
def _by_name() -> dict[str, Codes]:
    by_name: dict[str, set[int]] = {}
    for event in event_table().types[2:]:
        by_name.setdefault(event.name, set()).add(event.code)
    return {name: frozenset(codes) for name, codes in by_name.items()}


@functools.cache
def _syscall_names() -> frozenset[str]:
    return frozenset(syscall.name for syscall in syscalls().values())


@functools.cache
def _generic_names() -> frozenset[str]:
    return frozenset(
        syscall.name for syscall in syscalls().values() if {syscall.enter, syscall.exit} & _GENERIC
    ) - {"unknown"}


def _codes(expr: ast.Expr, negated: bool) -> Codes:
    match expr:
        case ast.Not(child):
            return _codes(child, not negated)
        case ast.And(children) | ast.Or(children):
            below = [_codes(child, negated) for child in children]
            if isinstance(expr, ast.And) is not negated:
                return all_types().intersection(*below)
            return frozenset().union(*below)
        case ast.Binary():
            return _binary(expr, negated)
        case ast.Unary(left, op):
            certain = _look(left).is_type and op == "exists"
            return frozenset() if certain and negated else all_types()
    return all_types()


def _binary(check: ast.Binary, negated: bool) -> Codes:
    certain = always(check)
    if certain is not None:
        return all_types() if certain is not negated else frozenset()
    seen = _Seen()
    if check.op in ("==", "=", "!=", "in"):
        seen = _look(check.left)
        if seen.is_type:
            return _named(check, negated)
    # libs takes a constant among a transformer's arguments for names of types.
    return frozenset() if negated and seen.constant else all_types()


def _named(check: ast.Binary, negated: bool) -> Codes:
    right = check.right
    if isinstance(right, ast.Value):
        codes = codes_of((right.text,))
    elif isinstance(right, ast.ValueList):
        codes = codes_of(right.items)
    else:
        _look(right)
        raise ConditionError(
            "right-hand field comparisons on `evt.type`/`syscall.type` checks are not supported by"
            " event code search",
            pos=right.pos,
        )
    return all_types() - codes if negated is not (check.op == "!=") else codes


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stood last in an operand: the event type, or a constant."""

    is_type: bool = False
    constant: bool = False


def _look(operand: ast.Operand) -> _Seen:
    match operand:
        case ast.Field(name, arg):
            return _Seen(is_type=name in _TYPE_FIELDS and arg is None)
        case ast.Value():
            return _Seen(constant=True)
        case ast.OperandList(items):
            seen = _Seen()
            for item in items:
                seen = _look(item)
            return seen
        case ast.Transformer(args=args):
            seen = _Seen()
            for argument in args:
                seen = _look(argument)
                if seen.is_type:
                    raise ConditionError(
                        "event code search does not support `evt.type` checks with transformers",
                        pos=operand.pos,
                        hint="Compare evt.type with constants: =, !=, in.",
                    )
            return seen


def always(check: ast.Binary) -> bool | None:
    """Whether a check of ``evt.num`` always holds, or never; None where it depends."""
    left = check.left
    if not isinstance(left, ast.Field) or left.name != "evt.num" or left.arg is not None:
        return None
    if isinstance(check.right, ast.ValueList):
        if check.op == "in" and all(unsigned(item) == 0 for item in check.right.items):
            return False
        return None
    if not isinstance(check.right, ast.Value):
        return None
    number = unsigned(check.right.text)
    if number is None:
        return None
    below = {"=": 0, "==": 0, "<": 1, "<=": 0}
    from_here = {"!=": 0, ">": 0, ">=": 1}
    if number <= below.get(check.op, -1):
        return False
    return True if number <= from_here.get(check.op, -1) else None
