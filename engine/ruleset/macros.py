"""Macros put into conditions, with loops found and growth bounded.

Subtrees are shared, not copied: a macro used a hundred times is one tree. What a tree would be
when written out is counted all the same, since whoever walks it walks it all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from engine.language.ast import And, Binary, Expr, Identifier, Not, Or, Pos, Unary, ValueList

#: Nodes of a condition, items of its lists counted too, once macros are put in.
MAX_NODES = 1_000_000
#: Levels of a condition once macros are put in.
MAX_LEVELS = 200
#: Macros within macros.
MAX_MACRO_DEPTH = 100


class TooDeep(ValueError):
    """Macros multiply or nest beyond what any real rule needs."""


@dataclass(slots=True)
class Resolution:
    """What became of a condition: the tree, which macros went in, which are unknown (and where),
    and the loops met (message and where), each in the order met."""

    expr: Expr
    resolved: list[str] = field(default_factory=list)
    unknown: list[tuple[str, Pos]] = field(default_factory=list)
    loops: list[tuple[str, Pos]] = field(default_factory=list)


@dataclass(slots=True)
class _Size:
    nodes: int
    levels: int


@dataclass(slots=True)
class _Expanded:
    """A macro's tree with macros put in, once for all its uses."""

    expr: Expr
    resolved: list[str]
    unknown: list[tuple[str, Pos]]
    loops: list[tuple[str, Pos]]


class Known:
    """What is known of trees that outlive one resolution: sizes, and which hold no macro names."""

    def __init__(self) -> None:
        self.sizes: dict[int, _Size] = {}
        self._closed: set[int] = set()
        self._kept: list[Expr] = []  # all is by identity: keep alive what was measured

    def keep(self, expr: Expr, size: _Size) -> None:
        self.sizes[id(expr)] = size
        self._kept.append(expr)

    def close(self, expr: Expr) -> None:
        """Say that ``expr``, once measured, holds no macro names."""
        self._closed.add(id(expr))

    def is_closed(self, expr: Expr) -> bool:
        return id(expr) in self._closed

    def nodes(self, expr: Expr) -> int:
        """How large ``expr`` is, written out; it must have been resolved."""
        return self.sizes[id(expr)].nodes


class Resolver:
    """Puts macros into conditions. ``visible`` gives the tree of a name that may be used here.

    A macro's own macros are put in too, whether or not they were before.
    """

    def __init__(self, visible: Callable[[str], Expr | None], known: Known | None = None) -> None:
        self._visible = visible
        self._known = known or Known()
        self._done: dict[str, _Expanded] = {}
        self._path: list[str] = []

    def resolve(self, expr: Expr) -> Resolution:
        """Raises :class:`TooDeep` where the result would be larger than any real condition."""
        out = Resolution(expr)
        out.expr = self._expand(expr, out)
        self._measure(out.expr)
        if not out.unknown:
            self._known.close(out.expr)
        return out

    def _expand(self, expr: Expr, out: Resolution | _Expanded) -> Expr:
        if self._known.is_closed(expr):
            return expr
        match expr:
            case And(children=below) | Or(children=below):
                new = tuple(self._expand(child, out) for child in below)
                if all(a is b for a, b in zip(new, below, strict=True)):
                    return expr
                return type(expr)(new, pos=expr.pos)
            case Not(child=child):
                changed = self._expand(child, out)
                return expr if changed is child else Not(changed, pos=expr.pos)
            case Identifier(name=name, pos=pos):
                return self._macro(name, pos, expr, out)
        return expr

    def _macro(self, name: str, pos: Pos, leaf: Expr, out: Resolution | _Expanded) -> Expr:
        macro = self._visible(name)
        if macro is None:
            out.unknown.append((name, pos))
            return leaf
        if name in self._path:
            out.loops.append((f"reference loop in macro '{name}'", pos))
            out.unknown.append((name, pos))
            return leaf
        done = self._done.get(name)
        if done is None:
            if len(self._path) >= MAX_MACRO_DEPTH:
                raise TooDeep(f"macros within macros go deeper than {MAX_MACRO_DEPTH} levels")
            done = _Expanded(macro, [], [], [])
            with self._entered(name):
                done.expr = self._expand(macro, done)
            self._measure(done.expr)
            if not done.loops:
                # What was found inside a loop depends on where one came in.
                self._done[name] = done
        out.unknown.extend(done.unknown)
        out.loops.extend(done.loops)
        out.resolved.extend(each for each in done.resolved if each not in out.resolved)
        if name not in out.resolved:
            out.resolved.append(name)
        return done.expr

    @contextmanager
    def _entered(self, name: str) -> Iterator[None]:
        self._path.append(name)
        try:
            yield
        finally:
            self._path.pop()

    def _measure(self, expr: Expr) -> _Size:
        known = self._known.sizes.get(id(expr))
        if known is not None:
            return known
        match expr:
            case And(children=below) | Or(children=below):
                sizes = [self._measure(child) for child in below]
                size = _Size(
                    1 + sum(each.nodes for each in sizes), 1 + max(each.levels for each in sizes)
                )
            case Not(child=child):
                inner = self._measure(child)
                size = _Size(1 + inner.nodes, 1 + inner.levels)
            case Binary(right=ValueList(items=items)):
                size = _Size(1 + len(items), 1)
            case Unary() | Binary() | Identifier():
                size = _Size(1, 1)
        if size.nodes > MAX_NODES:
            raise TooDeep(f"the condition grows beyond {MAX_NODES} checks when macros are put in")
        if size.levels > MAX_LEVELS:
            raise TooDeep(f"the condition nests deeper than {MAX_LEVELS} levels")
        self._known.keep(expr, size)
        return size
