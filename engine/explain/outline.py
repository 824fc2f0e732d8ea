"""A condition taken apart: its tree with what each part was written as, and where.

The tree that is judged has lists and macros put in. The text it was made of has their names, and
every character of it knows its place. Both are gone through side by side.
"""

from __future__ import annotations

from dataclasses import dataclass

from capture.errors import Place
from engine.explain.tree import Kind, ListUse
from engine.language.ast import And, Binary, Expr, Identifier, Not, Or, Pos, Unary, Value, ValueList
from engine.language.errors import ConditionError
from engine.language.format import format_condition
from engine.language.parser import Parser
from engine.language.walk import replace_lists, replace_macros
from engine.ruleset.conditions import MAX_DEPTH
from engine.ruleset.model import Definitions, Rule
from engine.ruleset.text import Text

#: Finding a place takes time in proportion to the text: of longer ones only the beginning is told.
_LONG_TEXT = 200_000
_ONE_LINE = 1 << 30


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """A part of a condition. ``expr`` is what is judged. Other fields are those of
    :class:`engine.explain.tree.Explained`."""

    kind: Kind
    expr: Expr
    text: str
    place: Place | None = None
    children: tuple[Outline, ...] = ()
    name: str = ""
    defined: Place | None = None
    lists: tuple[ListUse, ...] = ()


class Outliner:
    """Takes conditions of one rule set apart. A macro's children are the same wherever it is used,
    so that macros within macros cost no more than they take to write."""

    def __init__(self, definitions: Definitions) -> None:
        self._macros = {macro.name: macro for macro in definitions.macros}
        self._lists = {each.name: each for each in definitions.lists}
        self._unfolded: dict[str, tuple[Expr, Outline]] = {}

    def rule(self, rule: Rule) -> Outline:
        written, whole = rule.written, rule.condition
        if written is None:
            return self._pair(None, whole, None)
        own = _parse(written.condition)
        if not written.exceptions:
            return self._pair(own, whole, written.condition)
        if not isinstance(whole, And) or len(whole.children) != 1 + len(written.exceptions):
            return self._pair(None, whole, None)
        condition, *negated = whole.children
        first = self._pair(own, condition, written.condition)
        parts = list(first.children) if first.kind is Kind.AND else [first]
        for exception, expr in zip(written.exceptions, negated, strict=True):
            body = expr.child if isinstance(expr, Not) else expr
            child = self._pair(_parse(exception.body), body, exception.body)
            text = f"exception {exception.name}"
            parts.append(
                Outline(
                    Kind.EXCEPTION, expr, text, exception.place, (child,), exception.name,
                    exception.place,
                )
            )  # fmt: skip
        return Outline(Kind.AND, whole, "", first.place, tuple(parts))

    def condition(self, written: Expr, text: Text | None = None) -> Outline:
        """A condition that names macros and lists of the rule set. Macros it does not have stay as
        they are."""
        return self._pair(written, self.resolved(written), text)

    def resolved(self, written: Expr) -> Expr:
        """Macros and lists put in."""
        macros, lists = self._macros, self._lists
        return replace_lists(
            replace_macros(
                written,
                lambda named: macros[named.name].condition if named.name in macros else None,
            ),
            lambda name: lists[name].expanded if name in lists else None,
        )

    def _pair(self, written: Expr | None, expr: Expr, text: Text | None) -> Outline:
        """Loops, not comprehensions: trees may be some hundred levels deep."""
        place = _place(text, written.pos) if written is not None else None
        if isinstance(written, Identifier) and written.name in self._macros:
            return self._macro(written.name, expr, place)
        match expr:
            case And(children=below) | Or(children=below):
                alike = (
                    isinstance(written, And | Or)
                    and type(written) is type(expr)
                    and len(written.children) == len(below)
                )
                theirs = written.children if alike and isinstance(written, And | Or) else ()
                parts: list[Outline] = []
                for index, child in enumerate(below):
                    parts.append(self._pair(theirs[index] if alike else None, child, text))
                kind = Kind.AND if isinstance(expr, And) else Kind.OR
                return Outline(kind, expr, "", place, tuple(parts))
            case Not(child=child):
                inner = written.child if isinstance(written, Not) else None
                return Outline(Kind.NOT, expr, "", place, (self._pair(inner, child, text),))
        return self._check(written, expr, place)

    def _macro(self, name: str, expr: Expr, place: Place | None) -> Outline:
        macro = self._macros[name]
        known = self._unfolded.get(name)
        if known is None or known[0] is not expr:
            text = macro.written.condition if macro.written is not None else None
            own = None if text is None else _parse(text)
            known = self._unfolded[name] = expr, self._pair(own, expr, text)
        return Outline(Kind.MACRO, expr, name, place, (known[1],), name, macro.place)

    def _check(self, written: Expr | None, expr: Expr, place: Place | None) -> Outline:
        if isinstance(expr, Unary | Binary) and _same_check(written, expr):
            assert isinstance(written, Unary | Binary)
            text = format_condition(written, _ONE_LINE)
            return Outline(Kind.CHECK, expr, text, place, lists=self._lists_of(written))
        return Outline(Kind.CHECK, expr, format_condition(expr, _ONE_LINE))

    def _lists_of(self, check: Unary | Binary) -> tuple[ListUse, ...]:
        if isinstance(check, Unary):
            return ()
        match check.right:
            case ValueList(items=items):
                names = items
            case Value(text=text):
                names = (text,)
            case _:
                return ()
        found = [self._lists[name] for name in dict.fromkeys(names) if name in self._lists]
        return tuple(ListUse(each.name, each.place, len(each.expanded)) for each in found)

    def has_item(self, name: str, item: str) -> bool:
        """Whether a list has a constant, which may be written in quotes there."""
        expanded = self._lists[name].expanded
        return item in expanded or f'"{item}"' in expanded or f"'{item}'" in expanded


def _same_check(written: Expr | None, expr: Unary | Binary) -> bool:
    if not isinstance(written, Unary | Binary) or type(written) is not type(expr):
        return False
    return written.left == expr.left and written.op == expr.op


def _parse(text: Text) -> Expr | None:
    """The tree of a text before lists go in; None where it is no condition without them."""
    try:
        return Parser(text.value, max_depth=MAX_DEPTH).parse()
    except ConditionError:
        return None


def _place(text: Text | None, pos: Pos) -> Place | None:
    if text is None:
        return None
    return text.place(pos.index if len(text) <= _LONG_TEXT else 0)
