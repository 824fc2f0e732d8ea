"""The syntax tree of a condition.

Nodes are immutable. Equality ignores positions, so two conditions written differently but
meaning the same tree are equal. Text holds bytes that are not UTF-8 as surrogate escapes
(``text.encode("utf-8", "surrogateescape")`` gives the bytes a comparison works on).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pos:
    """A place in the condition's text: ``index`` from 0, ``line`` and ``column`` from 1."""

    index: int = 0
    line: int = 1
    column: int = 1


NOWHERE = Pos()


@dataclass(frozen=True, slots=True)
class Node:
    pos: Pos = field(default=NOWHERE, compare=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class And(Node):
    children: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or(Node):
    children: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not(Node):
    child: Expr


@dataclass(frozen=True, slots=True)
class Identifier(Node):
    """A bare name standing for a whole expression: a macro."""

    name: str


@dataclass(frozen=True, slots=True)
class Value(Node):
    """A constant on the right: bare, quoted or a number, already unescaped."""

    text: str


@dataclass(frozen=True, slots=True)
class ValueList(Node):
    """``(a, b, c)`` on the right. An item may be the name of a list until lists are resolved."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OperandList(Node):
    """``(a, b)`` inside a transformer's arguments, as in ``join("-", (proc.name, proc.pid))``."""

    items: tuple[Field | Transformer | Value, ...]


@dataclass(frozen=True, slots=True)
class Field(Node):
    """``name`` or ``name[arg]``; ``arg`` is None where no bracket was written.

    A path field (see engine/language/parser.py) keeps its whole path in ``name``.
    """

    name: str
    arg: str | None = None


@dataclass(frozen=True, slots=True)
class Transformer(Node):
    """``name(args…)``, on either side; ``val(field)`` on the right is one too.

    ``arg`` is the bracketed argument after the call, as in ``getopt(proc.args, "nt:")[t]``.
    """

    name: str
    args: tuple[Operand, ...]
    arg: str | None = None


@dataclass(frozen=True, slots=True)
class Unary(Node):
    """``left exists``."""

    left: Field | Transformer
    op: str


@dataclass(frozen=True, slots=True)
class Binary(Node):
    """``left op right``; ``op`` as upstream prints it (``=``, ``in``, ``== oneof`` …)."""

    left: Field | Transformer
    op: str
    right: Value | ValueList | Field | Transformer


Operand = Field | Transformer | Value | OperandList
Expr = And | Or | Not | Identifier | Unary | Binary
