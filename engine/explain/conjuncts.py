"""A condition as the parts that must all hold: what a near miss fails exactly one of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from capture.errors import Place
from engine.explain.outline import Outline
from engine.explain.tree import Kind
from engine.language.ast import Expr, Not
from engine.language.format import format_condition

#: Alternatives under a "not" are taken apart only if they are no more than this.
_MOST_ALTERNATIVES = 64
_MOST_TEXT = 400
_ONE_LINE = 1 << 30


@dataclass(frozen=True, slots=True)
class Conjunct:
    """A part of a condition that must hold. ``text`` as written, or what it comes to where it is
    no single check; ``macros`` and ``exception``: what it stands in, outermost first."""

    text: str
    expr: Expr
    place: Place | None = None
    macros: tuple[str, ...] = ()
    exception: str = ""


def conjuncts(outline: Outline) -> list[Conjunct]:
    """The parts of a condition that must all hold: every ``and`` taken apart, and every
    ``not (… or …)``, in macros and exceptions too."""
    return list(_parts(outline, False, (), "", set()))


def _parts(
    part: Outline,
    negated: bool,
    macros: tuple[str, ...],
    exception: str,
    met: set[tuple[int, bool]],
) -> Iterator[Conjunct]:
    """``met``: parts that need not be gone through again, for a macro is the same everywhere."""
    if (id(part), negated) in met:
        return
    met.add((id(part), negated))
    match part.kind:
        case Kind.MACRO:
            (child,) = part.children
            if _comes_apart(child, negated):
                yield from _parts(child, negated, (*macros, part.name), exception, met)
            else:
                yield _conjunct(part, negated, macros, exception)
        case Kind.NOT:
            yield from _parts(part.children[0], not negated, macros, exception, met)
        case Kind.EXCEPTION:
            yield from _parts(part.children[0], not negated, macros, part.name, met)
        case Kind.AND | Kind.OR if _comes_apart(part, negated):
            for child in part.children:
                yield from _parts(child, negated, macros, exception, met)
        case _:
            yield _conjunct(part, negated, macros, exception)


def _comes_apart(part: Outline, negated: bool) -> bool:
    """Whether it is several parts that must all hold."""
    while part.kind in (Kind.MACRO, Kind.NOT):
        negated ^= part.kind is Kind.NOT
        (part,) = part.children
    if part.kind is Kind.OR:
        return negated and len(part.children) <= _MOST_ALTERNATIVES
    return part.kind is Kind.AND and not negated


def _conjunct(part: Outline, negated: bool, macros: tuple[str, ...], exception: str) -> Conjunct:
    expr = Not(part.expr, pos=part.expr.pos) if negated else part.expr
    if part.text:
        text = f"not {part.text}" if negated else part.text
    else:
        text = format_condition(expr, _ONE_LINE)
    if len(text) > _MOST_TEXT:
        text = text[: _MOST_TEXT - 1] + "…"
    return Conjunct(text, expr, _place(part), macros, exception)


def _place(part: Outline) -> Place | None:
    while part.place is None and part.children:
        part = part.children[0]
    return part.place
