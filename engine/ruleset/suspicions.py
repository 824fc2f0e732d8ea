"""What is valid in a condition or an output but unwise: ``<NA>`` compared, deprecated fields."""

from __future__ import annotations

from engine.language.ast import Binary, Expr, Field, Node, Unary, Value, ValueList
from engine.language.walk import checks, walk
from engine.ruleset.codes import DEPRECATED_FIELDS

_NO_VALUE = "<NA>"
_UNSAFE_PREFIXES = ("ka.", "jevt.")
_EQUALITY = ("==", "=", "!=", "in", "intersects", "pmatch")


def compares_with_na(expr: Expr) -> bool:
    """Whether a Kubernetes audit field is compared with the text ``<NA>``."""
    return any(isinstance(check, Binary) and _compares_with_na(check) for check in checks(expr))


def _compares_with_na(check: Binary) -> bool:
    if check.op not in _EQUALITY or not _is_unsafe(check.left):
        return False
    right = check.right
    if isinstance(right, ValueList):
        return _NO_VALUE in right.items
    return any(isinstance(node, Value) and node.text == _NO_VALUE for node in walk(right))


def _is_unsafe(left: Node) -> bool:
    """The last field on the left decides, as upstream has it."""
    unsafe = False
    for node in walk(left):
        if isinstance(node, Field):
            unsafe = node.name.startswith(_UNSAFE_PREFIXES)
    return unsafe


def deprecated_fields(expr: Expr) -> list[str]:
    """Deprecated fields that the condition compares, each once, in a fixed order."""
    named = set()
    for check in checks(expr):
        named |= _names(check.left)
        if isinstance(check, Unary):
            continue
        if check.op in _EQUALITY and _is_unsafe(check.left):
            named |= _names(check.right)
    return [name for name in DEPRECATED_FIELDS if name in named]


def _names(node: Node) -> set[str]:
    return {found.name for found in walk(node) if isinstance(found, Field)}


def deprecated_in_output(output: str) -> list[str]:
    """Deprecated fields whose name occurs in the output, in a fixed order."""
    return [name for name in DEPRECATED_FIELDS if name in output]
