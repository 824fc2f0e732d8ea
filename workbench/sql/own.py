"""Views, tables and macros that a person makes beside those of the captures."""

from __future__ import annotations

from collections.abc import Collection

from workbench.sql.errors import SqlError, place_in
from workbench.sql.tokens import Statement, Token

_KINDS = ("VIEW", "MACRO", "FUNCTION", "TABLE")


def _target(statement: Statement) -> tuple[str, Token] | None:
    """What a CREATE, DROP or ALTER is about: the kind of thing, and its name."""
    words = statement.words
    for at, word in enumerate(words):
        if word.is_word(*_KINDS):
            rest = [each for each in words[at + 1 :] if not each.is_word("IF", "NOT", "EXISTS")]
            return (word.text.upper(), rest[0]) if rest and rest[0].name else None
    return None


def spare(statement: Statement, taken: Collection[str]) -> None:
    """Raises SqlError for a statement that would change what is of the captures: ``taken``, names
    in lower case."""
    if statement.first not in ("CREATE", "DROP", "ALTER"):
        return
    target = _target(statement)
    if target is None or (name := (target[1].name or "").lower()) not in taken:
        return
    raise SqlError(
        f"{name} is of the captures, and stays as it is",
        place=place_in(statement.text, target[1].start),
        hint="Give what is yours another name.",
    )


def made_by(statement: Statement) -> str:
    """The view or macro that a CREATE makes, in lower case: what it asks for is asked by whoever
    names it. Empty for a table, which holds what it was made of."""
    target = _target(statement)
    return "" if target is None or target[0] == "TABLE" else (target[1].name or "").lower()
