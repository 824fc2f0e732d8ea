"""A condition's tree as text: the canonical one-line form, as upstream prints it.

Upstream's form is not always readable back (an empty constant prints as nothing, a constant that
holds a bracket or a comma prints bare); :mod:`engine.language.format` is.
"""

from __future__ import annotations

from engine.language.ast import (
    And,
    Binary,
    Expr,
    Field,
    Identifier,
    Not,
    Operand,
    OperandList,
    Or,
    Transformer,
    Unary,
    Value,
    ValueList,
)
from engine.language.escape import escape


def to_string(expr: Expr | Operand | ValueList) -> str:
    """Upstream's ``as_string`` of any node."""
    match expr:
        case And(children=children):
            return "(" + " and ".join(map(to_string, children)) + ")"
        case Or(children=children):
            return "(" + " or ".join(map(to_string, children)) + ")"
        case Not(child=child):
            return "not " + to_string(child)
        case Identifier(name=name):
            return name
        case Value(text=text):
            return escape(text)
        case ValueList(items=items):
            return "(" + ", ".join(map(escape, items)) + ")"
        case OperandList(items=operands):
            return "(" + ",".join(map(to_string, operands)) + ")"
        case Field(name=name, arg=arg):
            return name + _argument(arg)
        case Transformer(name=name, args=args, arg=arg):
            return f"{name}(" + ",".join(map(to_string, args)) + ")" + _argument(arg)
        case Unary(left=left, op=op):
            return f"{to_string(left)} {op}"
        case Binary(left=left, op=op, right=right):
            return f"{to_string(left)} {op} {to_string(right)}"


def _argument(arg: str | None) -> str:
    if arg is None:
        return ""
    return f"[{escape(arg)}]" if arg else '[""]'
