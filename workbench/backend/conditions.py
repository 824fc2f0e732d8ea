"""Conditions written in a filter line, with the macros and lists of the loaded rules."""

from __future__ import annotations

from collections.abc import Iterable

from capture.errors import FalcowbError
from engine.fields.catalogue import Catalogue
from engine.language import ast
from engine.language.errors import ConditionError
from engine.language.parser import parse
from engine.language.walk import replace_lists, replace_macros
from engine.plan import Plan
from engine.ruleset.selection import RuleSet
from workbench.backend.scan import Condition

KEY = "filter"


def conditions(
    text: str, catalogue: Catalogue, sources: Iterable[str], ruleset: RuleSet | None
) -> list[Condition]:
    """The condition for each source that knows its fields.

    Raises FalcowbError, with the place, where none does or it does not parse.
    """
    expr = resolved(parse(text, file="filter"), ruleset)
    found: list[Condition] = []
    refused: FalcowbError | None = None
    for source in sources:
        try:
            Plan(catalogue, source, [(KEY, expr)])
        except ConditionError as error:
            refused = refused or error
            continue
        found.append(Condition(KEY, source, expr))
    if not found:
        raise refused or FalcowbError("no source of these events is known")
    return found


def resolved(expr: ast.Expr, ruleset: RuleSet | None) -> ast.Expr:
    """Macros and lists of the rules put in."""
    if ruleset is None:
        return expr
    definitions = ruleset.definitions
    macros = {macro.name: macro.condition for macro in definitions.macros}
    lists = {each.name: each.expanded for each in definitions.lists}
    return replace_lists(
        replace_macros(expr, lambda identifier: macros.get(identifier.name)), lists.get
    )
