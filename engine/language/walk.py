"""Going through a tree, and making another from it.

Trees are at most some hundred levels deep (the parser's limit; substitution of macros adds to
it), so plain recursion is safe for what the parser made; :func:`walk` needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from engine.language.ast import (
    And,
    Binary,
    Expr,
    Field,
    Identifier,
    Node,
    Not,
    OperandList,
    Or,
    Transformer,
    Unary,
    Value,
    ValueList,
)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below, left to right."""
    match node:
        case And(children=below) | Or(children=below):
            return below
        case Not(child=child):
            return (child,)
        case Unary(left=left):
            return (left,)
        case Binary(left=left, right=right):
            return (left, right)
        case Transformer(args=args):
            return args
        case OperandList(items=items):
            return items
    return ()


def walk(node: Node) -> Iterator[Node]:
    """``node`` and all below it, each before its children, left to right."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def depth(node: Node) -> int:
    """How many levels the tree has: 1 for a leaf. What goes through trees by recursion (printing,
    comparing, compiling) is safe up to some hundred."""
    levels = 0
    level: list[Node] = [node]
    while level:
        levels += 1
        level = [child for parent in level for child in children(parent)]
    return levels


def fields(node: Node) -> Iterator[Field]:
    """Every field, those inside transformers and ``val()`` included."""
    return (found for found in walk(node) if isinstance(found, Field))


def transformers(node: Node) -> Iterator[Transformer]:
    """Every transformer call, ``val()`` included."""
    return (found for found in walk(node) if isinstance(found, Transformer))


def macros(node: Node) -> Iterator[Identifier]:
    """Every name that stands for a whole expression."""
    return (found for found in walk(node) if isinstance(found, Identifier))


def operators(node: Node) -> Iterator[str]:
    """The operator of every check, as upstream prints it."""
    return (found.op for found in walk(node) if isinstance(found, Unary | Binary))


def checks(node: Node) -> Iterator[Unary | Binary]:
    """Every check: a field or transformer with its operator."""
    return (found for found in walk(node) if isinstance(found, Unary | Binary))


def list_names(node: Node) -> Iterator[str]:
    """Every text that may name a list: a bare name after a list operator, and each item of a
    bracketed list. Which of them are lists only the rule set knows."""
    for check in checks(node):
        if isinstance(check, Binary):
            if isinstance(check.right, ValueList):
                yield from check.right.items
            elif isinstance(check.right, Value) and takes_list(check.op):
                yield check.right.text


def takes_list(op: str) -> bool:
    """Whether the operator's right side is a list: ``in``, ``intersects``, ``= oneof`` …"""
    return op in ("in", "intersects", "pmatch") or op.endswith((" oneof", " anyof", " allof"))


def map_checks(expr: Expr, change: Callable[[Unary | Binary | Identifier], Expr]) -> Expr:
    """The tree with every leaf (a check or a macro's name) replaced by what ``change`` gives for
    it. Returns ``expr`` itself where nothing changed. What ``change`` gives is not gone into."""
    match expr:
        case And(children=below) | Or(children=below):
            new = tuple(map_checks(child, change) for child in below)
            if all(a is b for a, b in zip(new, below, strict=True)):
                return expr
            return type(expr)(new, pos=expr.pos)
        case Not(child=child):
            changed = map_checks(child, change)
            return expr if changed is child else Not(changed, pos=expr.pos)
        case _:
            return change(expr)


def replace_macros(expr: Expr, meaning: Callable[[Identifier], Expr | None]) -> Expr:
    """The tree with names replaced by their expressions; None leaves the name as it is."""

    def change(leaf: Unary | Binary | Identifier) -> Expr:
        if isinstance(leaf, Identifier):
            found = meaning(leaf)
            return leaf if found is None else found
        return leaf

    return map_checks(expr, change)


def replace_lists(expr: Expr, items_of: Callable[[str], tuple[str, ...] | None]) -> Expr:
    """The tree with names of lists replaced by the lists' items; None leaves the text as it is.

    Inside brackets a name gives way to its items in place; a bare name after a list operator
    becomes a bracketed list.
    """

    def change(leaf: Unary | Binary | Identifier) -> Expr:
        if not isinstance(leaf, Binary):
            return leaf
        right = leaf.right
        if isinstance(right, ValueList):
            items: list[str] = []
            found_any = False
            for item in right.items:
                found = items_of(item)
                found_any = found_any or found is not None
                items.extend((item,) if found is None else found)
            if found_any:
                new = ValueList(tuple(items), pos=right.pos)
                return Binary(leaf.left, leaf.op, new, pos=leaf.pos)
        elif isinstance(right, Value) and takes_list(leaf.op):
            found = items_of(right.text)
            if found is not None:
                return Binary(leaf.left, leaf.op, ValueList(found, pos=right.pos), pos=leaf.pos)
        return leaf

    return map_checks(expr, change)
