"""What a statement asks for: the names in it, what its stars stand for, conditions to be judged."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

from capture.errors import FalcowbError
from workbench.sql.errors import place_in
from workbench.sql.tokens import NAME, OPERATOR, STRING, Statement, Token, names

#: What ``matches('condition')`` is called within the views: as long as what it replaces, so that
#: every place in the text stays where it was.
_CALL = "matches"
#: Words whose statement shows all columns of a table without a star.
_ALL = ("FROM", "TABLE", "SUMMARIZE", "PIVOT", "UNPIVOT", "PIVOT_WIDER", "PIVOT_LONGER")


@dataclass(slots=True)
class Asked:
    """``text`` is the statement with its conditions replaced by columns; ``names`` all names in it
    as written, ``tables`` those that are tables or functions, in lower case (None: nobody knows
    which); ``starred`` the tables of which every usual column is wanted (None: of all);
    ``patterns`` what ``COLUMNS('…')`` looks for; ``conditions`` the conditions by the name of their
    columns."""

    text: str
    names: set[str] = field(default_factory=set)
    starred: set[str] | None = field(default_factory=set)
    patterns: list[str] = field(default_factory=list)
    conditions: dict[str, str] = field(default_factory=dict)
    tables: set[str] | None = None

    @property
    def lower(self) -> set[str]:
        """The names in lower case, as tables are looked up."""
        return {name.lower() for name in self.names}

    def wants_all(self, *tables: str) -> bool:
        """Whether every usual column of a table that is called so is wanted."""
        return self.starred is None or any(table.lower() in self.starred for table in tables)

    def add(self, other: Asked) -> None:
        """What another statement asks for as well: that of a view which this one names."""
        self.names |= other.names
        self.patterns += other.patterns
        self.conditions |= other.conditions
        known = self.tables is not None and other.tables is not None
        self.tables = {*(self.tables or ()), *(other.tables or ())} if known else None
        both = self.starred is not None and other.starred is not None
        self.starred = {*(self.starred or ()), *(other.starred or ())} if both else None


class Conditions:
    """Conditions get numbers for as long as a session lasts: views that a person makes keep what
    they stand for."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def replace(self, statement: Statement) -> tuple[str, dict[str, str]]:
        """The statement with each ``matches('…')`` as a column, and the conditions by column.

        Raises FalcowbError where ``matches`` is given anything but one text.
        """
        text, found = statement.text, {}
        words = statement.words
        for at, word in enumerate(words):
            if not (word.kind == NAME and word.text.lower() == _CALL and _next(words, at) == "("):
                continue
            if at and words[at - 1].is_word("MACRO", "FUNCTION"):
                continue
            condition = words[at + 2].value if at + 2 < len(words) else None
            if condition is None or _next(words, at + 2) != ")" or not words[at + 2].closed:
                raise FalcowbError(
                    "matches takes one condition, written out as a text",
                    place=place_in(statement.text, word.start),
                    hint="For example: WHERE matches('proc.name = bash and evt.type = open').",
                )
            start, end = word.start, words[at + 3].end
            number = self._numbers.setdefault(condition, len(self._numbers))
            name = f"matches#{number}".ljust(end - start - 2, "_")
            text = f'{text[:start]}"{name}"{" " * (end - start - 2 - len(name))}{text[end:]}'
            if len(name) > end - start - 2:  # nine conditions as short as matches('x'), and more
                raise FalcowbError("there are too many conditions", hint="Begin a new session.")
            found[name] = condition
        return text, found


def _next(words: Sequence[Token], at: int) -> str:
    return words[at + 1].text if at + 1 < len(words) else ""


def asked(statement: Statement, conditions: Conditions, parser: duckdb.DuckDBPyConnection) -> Asked:
    """Raises FalcowbError for a condition that is none."""
    text, found = conditions.replace(statement)
    result = Asked(text, names(statement.words), set(), [], found)
    tree = _tree(text, parser)
    if tree is None:
        _by_words(statement.words, result)
    else:
        _by_tree(tree, result)
    return result


def _tree(text: str, parser: duckdb.DuckDBPyConnection) -> Any | None:
    """The statement as DuckDB reads it; None for what it does not tell so."""
    try:
        row = parser.execute("SELECT json_serialize_sql(?)", [text]).fetchall()
        told = json.loads(row[0][0])
    except (duckdb.Error, ValueError, RecursionError):
        return None
    return None if told.get("error") else told["statements"]


def _by_tree(tree: Any, result: Asked) -> None:
    result.tables = set()
    for node in _nodes(tree):
        kind = node.get("type")
        for key in ("table_name", "function_name"):
            if isinstance(node.get(key), str):
                result.tables.add(node[key].strip('"').lower())
        if kind == "SELECT_NODE" and "select_list" in node:
            _selected(node, result)
        elif (
            (kind == "SHOW_REF" and node.get("show_type") == "SUMMARY")
            or kind in ("PIVOT", "NATURAL")
            or node.get("ref_type") == "NATURAL"
        ):
            result.starred = None


def _selected(node: Any, result: Asked) -> None:
    tables = dict(_tables(node.get("from_table") or {}))
    used: set[str] = set()
    for each in node["select_list"]:
        for part in _nodes(each):
            if part.get("class") == "STAR":
                _star(part, tables, result)
    for part in _nodes(node):
        if part.get("class") == "COLUMN_REF" and part.get("column_names"):
            used.add(part["column_names"][0].lower())
    # A table's name used as a value is a struct of all its columns, unless a column of the answer
    # is called so.
    used -= {str(each.get("alias") or "").lower() for each in node["select_list"]}
    for alias, table in tables.items():
        if alias in used and result.starred is not None and alias not in _columns_of(node):
            result.starred.add(table)


def _columns_of(node: Any) -> set[str]:
    """First parts of names that have more parts: those name a table, not its value."""
    found = set()
    for part in _nodes(node):
        if part.get("class") == "COLUMN_REF" and len(part.get("column_names") or ()) > 1:
            found.add(part["column_names"][0].lower())
    return found


def _star(part: Any, tables: dict[str, str], result: Asked) -> None:
    expression = part.get("expr")
    if expression and expression.get("literal", {}).get("kind") == "STRING":
        result.patterns.append(expression["literal"]["text"])
        return
    if result.starred is None:
        return
    name = str(part.get("relation_name") or "").lower()
    result.starred |= {tables.get(name, name)} if name else set(tables.values())


def _tables(reference: Any) -> Iterator[tuple[str, str]]:
    """The tables of a FROM, by what they are called there; not those of queries within."""
    if reference.get("type") == "BASE_TABLE":
        table = reference["table_name"].lower()
        yield (reference.get("alias") or table).lower(), table
        return
    for side in ("left", "right", "source"):
        if isinstance(reference.get(side), dict):
            yield from _tables(reference[side])


def _nodes(tree: Any) -> Iterator[Any]:
    """All objects of a tree, without recursion: it can be deep."""
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            yield node
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)


def _by_words(words: Sequence[Token], result: Asked) -> None:
    """What the tree does not tell, as well as words do: rather too much than too little."""
    for at, word in enumerate(words):
        before = words[at - 1] if at else None
        if word.kind == OPERATOR and word.text == "*":
            counted = (
                before is not None
                and before.text == "("
                and at > 1
                and words[at - 2].is_word("COUNT")
            )
            product = before is not None and (
                before.kind not in (NAME, OPERATOR)
                or (before.kind == NAME and not before.is_word("SELECT", "DISTINCT", "ALL"))
                or before.text == ")"
            )
            if not counted and not product:
                result.starred = None
        elif word.is_word(*_ALL) and (before is None or before.text == "(" or word.text != "FROM"):
            if not word.is_word("TABLE") or before is None:
                result.starred = None
        elif word.is_word("COLUMNS") and at + 2 < len(words) and words[at + 2].kind == STRING:
            result.patterns.append(words[at + 2].value or "")
    if words and words[0].is_word("CREATE"):
        rest = [place for place, word in enumerate(words) if word.is_word("AS")]
        if rest and rest[0] + 1 < len(words) and words[rest[0] + 1].is_word(*_ALL):
            result.starred = None


def matching_pattern(pattern: str, known: Sequence[str]) -> list[str]:
    """The names that ``COLUMNS('pattern')`` finds among ``known``."""
    if len(pattern) > 200:
        return []
    try:
        wanted = re.compile(pattern)
    except re.error:
        return []
    return [name for name in known if wanted.search(name)]
