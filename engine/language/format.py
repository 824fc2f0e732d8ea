"""A condition laid out for people: short ones on a line, long ones a line for each part.

What :func:`format_condition` gives parses back to the same tree, constants that upstream's form
would lose (empty ones, those with brackets, commas or blanks) included.
"""

from __future__ import annotations

import re

from engine.language import grammar
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
from engine.language.escape import quote_exactly
from engine.language.walk import takes_list

_INDENT = "  "
#: What bare words may not hold: escapes, the end of a C text, and \b, white space at their start.
_NEVER_BARE = re.compile(r"[\\\0\x08]")


def format_condition(expr: Expr, width: int = 80) -> str:
    """The condition in lines of about ``width`` characters, indented by two blanks a level.

    ``and`` and ``or`` stand at the start of a line; brackets are written only where the grammar
    needs them. A single check is never broken, but a long list of values is.
    """
    return "\n".join(_lines(expr, width))


def _lines(expr: Expr, width: int) -> list[str]:
    line = _inline(expr)
    if len(line) <= width:
        return [line]
    match expr:
        case And(children=children) | Or(children=children):
            word = "and" if isinstance(expr, And) else "or"
            lines = _operand_lines(children[0], expr, width)
            for child in children[1:]:
                below = _operand_lines(child, expr, width - len(word) - 1)
                lines.append(f"{word} {below[0]}")
                lines.extend(below[1:])
            return lines
        case Not(child=child):
            below = _bracketed(_lines(child, width - len(_INDENT)), "not (")
            return below if _needs_brackets_after_not(child) else _negated(child, width)
        case Binary(right=ValueList(items=items)) if items:
            return _list_lines(expr, items, width)
    return [line]


def _negated(child: Expr, width: int) -> list[str]:
    lines = _lines(child, width - 4)
    return ["not " + lines[0], *lines[1:]]


def _operand_lines(child: Expr, parent: And | Or, width: int) -> list[str]:
    line = _operand(child, parent)
    if len(line) <= width:
        return [line]
    if _needs_brackets(child, parent):
        return _bracketed(_lines(child, width - len(_INDENT)), "(")
    return _lines(child, width)


def _bracketed(lines: list[str], opening: str) -> list[str]:
    return [opening, *(_INDENT + line for line in lines), ")"]


def _list_lines(expr: Binary, items: tuple[str, ...], width: int) -> list[str]:
    lines = [f"{_operand_text(expr.left)} {expr.op} ("]
    current = _INDENT
    for index, item in enumerate(items):
        text = constant(item) + ("," if index + 1 < len(items) else "")
        if current != _INDENT and len(current) + len(text) > width:
            lines.append(current.rstrip(" "))
            current = _INDENT
        current += text + " "
    return [*lines, current.rstrip(" "), ")"]


def _inline(expr: Expr) -> str:
    match expr:
        case And(children=children):
            return " and ".join(_operand(child, expr) for child in children)
        case Or(children=children):
            return " or ".join(_operand(child, expr) for child in children)
        case Not(child=child):
            text = _inline(child)
            return f"not ({text})" if _needs_brackets_after_not(child) else f"not {text}"
        case Identifier(name=name):
            return name
        case Unary(left=left, op=op):
            return f"{_operand_text(left)} {op}"
        case Binary():
            return f"{_operand_text(expr.left)} {expr.op} {_right(expr)}"


def _operand(child: Expr, parent: And | Or) -> str:
    text = _inline(child)
    return f"({text})" if _needs_brackets(child, parent) else text


def _needs_brackets(child: Expr, parent: And | Or) -> bool:
    # Brackets around the same word are kept: the tree has a level there.
    return isinstance(child, Or) or (isinstance(child, And) and isinstance(parent, And))


def _needs_brackets_after_not(child: Expr) -> bool:
    # "not not a" is read as "a".
    return isinstance(child, And | Or | Not)


def _right(expr: Binary) -> str:
    right = expr.right
    if isinstance(right, ValueList):
        return "(" + ", ".join(map(constant, right.items)) + ")"
    if not isinstance(right, Value):
        return _operand_text(right)
    if takes_list(expr.op) or expr.op in grammar.NUMBER_OPERATORS:
        return right.text  # a list's name, or a number
    return constant(right.text)


def constant(text: str) -> str:
    """A constant as it must be written on the right: bare where that reads back, else quoted."""
    bare = grammar.BARE_STRING.fullmatch(text) and not _NEVER_BARE.search(text)
    if not bare or text in (*grammar.MODIFIERS, *grammar.KEYWORDS):
        return quote_exactly(text)
    return text


def _operand_text(node: Operand) -> str:
    match node:
        case Field(name=name, arg=arg):
            return name + _argument(arg)
        case Transformer(name=name, args=args, arg=arg):
            return f"{name}({', '.join(map(_operand_text, args))}){_argument(arg)}"
        case OperandList(items=items):
            return f"({', '.join(map(_operand_text, items))})"
        case Value(text=text):
            return quote_exactly(text)


def _argument(arg: str | None) -> str:
    if arg is None:
        return ""
    bare = grammar.FIELD_ARGUMENT.fullmatch(arg) and not _NEVER_BARE.search(arg)
    return f"[{arg}]" if bare else f"[{quote_exactly(arg)}]"
