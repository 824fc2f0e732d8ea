"""What a condition is made of: names of fields, operators, macros, lists, event types."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field

from engine.language.ast import (
    Binary,
    Expr,
    Field,
    Identifier,
    Node,
    Transformer,
    Unary,
    Value,
    ValueList,
)
from engine.language.walk import walk

_EVENT_NAME_FIELDS = ("evt.type", "evt.asynctype")


@dataclass(slots=True)
class Details:
    """Each a set of names; ``fields`` with their arguments in brackets."""

    fields: set[str] = field(default_factory=set)
    operators: set[str] = field(default_factory=set)
    transformers: set[str] = field(default_factory=set)
    macros: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    event_names: set[str] = field(default_factory=set)


def field_text(node: Field) -> str:
    """``name`` or ``name[arg]``."""
    return f"{node.name}[{node.arg}]" if node.arg else node.name


def details(expr: Expr, known_macros: Container[str], known_lists: Container[str]) -> Details:
    """The details of ``expr``; only known macros and lists are counted as such."""
    found = Details()
    for node in walk(expr):
        if isinstance(node, Field):
            found.fields.add(field_text(node))
        elif isinstance(node, Transformer):
            if node.name != "val":
                found.transformers.add(node.name)
        elif isinstance(node, Unary):
            found.operators.add(node.op)
        elif isinstance(node, Identifier):
            if node.name in known_macros:
                found.macros.add(node.name)
        elif isinstance(node, Binary):
            found.operators.add(node.op)
            _right_side(node, known_lists, found)
    return found


def _right_side(check: Binary, known_lists: Container[str], found: Details) -> None:
    right = check.right
    if isinstance(right, ValueList):
        words = right.items
        found.lists.update(item for item in words if item in known_lists)
    elif isinstance(right, Value):
        words = (right.text,)
    else:
        return
    if _last_field(check.left) in _EVENT_NAME_FIELDS:
        is_list = isinstance(right, ValueList)
        found.event_names.update(word for word in words if not (is_list and word in known_lists))


def _last_field(left: Node) -> str:
    last = ""
    for node in walk(left):
        if isinstance(node, Field):
            last = field_text(node)
    return last
