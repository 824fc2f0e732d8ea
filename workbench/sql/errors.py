"""What is wrong with a query, in words: the place, and the nearest name that there is."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from capture.errors import FalcowbError, Place

if TYPE_CHECKING:
    import duckdb

_MOST_NAMES = 20_000
_OF_TABLE = re.compile(r'does not have a column named "([^"]+)"')


class SqlError(FalcowbError):
    """A query that DuckDB refuses, or that we do."""


class Stopped(SqlError):
    """A query that was cancelled, or took longer than it may."""


@dataclass(frozen=True, slots=True)
class Told:
    """What DuckDB says of an error: ``at`` is the offset in characters, -1 for none."""

    kind: str
    message: str
    name: str
    at: int
    missing_column: bool
    missing: str


def place_in(text: str, at: int) -> Place | None:
    """The line and column of an offset in characters; None where there is none."""
    if not 0 <= at <= len(text):
        return None
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start:] if end < 0 else text[start:end]
    return Place("", text.count("\n", 0, at) + 1, at - start + 1, line)


def told(error: duckdb.Error, text: str, ahead: int = 0) -> Told:
    """``errors_as_json`` must be on. ``text`` is the statement; ``ahead`` bytes stood before it."""
    whole = str(error)
    _, _, rest = whole.partition(": ")
    facts: dict[str, Any] = {}
    try:
        parsed = json.loads(rest[rest.index("{") :])
        if isinstance(parsed, dict):
            facts = parsed
    except ValueError:
        pass
    message = str(facts.get("exception_message") or whole)
    position = str(facts.get("position", ""))
    at = -1
    if position.isdecimal():
        # DuckDB counts bytes.
        before = text.encode("utf-8", "replace")[: max(int(position) - ahead, 0)]
        at = len(before.decode("utf-8", "ignore"))
    name = str(facts.get("name", ""))
    missing = facts.get("error_subtype") == "COLUMN_NOT_FOUND"
    if (found := _OF_TABLE.search(message)) is not None:
        name, missing = found[1], True
    return Told(
        str(facts.get("exception_type", "")),
        message,
        name,
        at,
        missing,
        str(facts.get("type", "")) if facts.get("error_subtype") == "MISSING_ENTRY" else "",
    )


def in_words(
    said: Told, text: str, tables: Iterable[str], columns: Callable[[], Iterable[str]]
) -> SqlError:
    """The error for a person. ``tables`` and ``columns``: the names that there are."""
    message = said.message.split("\n")[0].strip()
    place = place_in(text, said.at)
    hint = _hint(said, text, list(tables), columns)
    if said.missing_column and "FROM clause is missing" in said.message:
        message = f"there is nothing that {said.name} could be of: FROM is missing"
        hint = "For example: FROM events."
    elif said.missing_column and said.name:
        message = f"there is no column {said.name} here"
    elif said.missing == "Table" and said.name:
        message = f"there is no table {said.name}"
    elif said.missing and said.name:
        message = f"there is no {said.missing.lower().removeprefix('scalar ')} {said.name}"
    elif said.kind.replace(" ", "").lower() == "outofmemory":
        message = "the query needs more memory than it may have"
        hint = "Let it see less (WHERE, LIMIT), or give it more with --memory."
        place = None
    elif said.kind == "Permission" or "disabled by configuration" in said.message:
        message = "a query reads the capture and nothing else: no files, no network, no extensions"
        hint = "Results are written with --csv, --json, --parquet or .save FILE."
    elif "xpression depth limit" in said.message:
        message = "the query is nested too deeply"
    elif said.kind == "Fatal" or said.kind == "Internal":
        message = f"DuckDB failed: {message}"
    return SqlError(message[:1].lower() + message[1:] if place else message, place=place, hint=hint)


def _hint(said: Told, text: str, tables: list[str], columns: Callable[[], Iterable[str]]) -> str:
    if said.missing == "Table":
        near = _near(said.name, tables)
        return f"Did you mean {near}?" if near else "The console's .tables shows them all."
    if said.missing_column:
        near = _near(said.name, columns())
        return (
            f"Did you mean {_written(near)}?" if near else "The console's .schema shows them all."
        )
    if said.message.startswith("Referenced table") and said.at >= 0:
        dotted = _dotted(text[said.at :])
        known = {name.lower(): name for name in columns()}
        if dotted.lower() in known:
            name = known[dotted.lower()]
            return f'Write "{name}" in quotes, or {_plain(name)}.'
        near = _near(dotted, known.values()) if "." in dotted else ""
        return f'Did you mean "{near}"? It needs the quotes.' if near else ""
    if said.missing:
        lines = said.message.split("\n")[1:2]
        return lines[0].strip() if lines and lines[0].startswith("Did you mean") else ""
    if "explicit type casts" in said.message:
        return "Cast what does not fit: x::BIGINT, x::VARCHAR."
    return ""


def _dotted(text: str) -> str:
    end = 0
    while end < len(text) and (text[end].isalnum() or text[end] in "._[]"):
        end += 1
    return text[:end]


def _near(name: str, names: Iterable[str]) -> str:
    if len(name) > 80:
        return ""
    by_lower: dict[str, str] = {}
    for each in names:
        by_lower.setdefault(each.lower(), each)
        if len(by_lower) > _MOST_NAMES:
            break
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.6)
    return by_lower[close[0]] if close else ""


def _written(name: str) -> str:
    return name if name.isidentifier() else f'"{name}"'


def _plain(name: str) -> str:
    from workbench.sql.fields import underscored

    return underscored(name)


def pointed(error: FalcowbError, condition: str) -> FalcowbError:
    """An error of a condition with its place within the condition: where none is told, the last
    word of the message that the condition holds."""
    if error.place is not None:
        return error
    name = getattr(error, "name", "")
    words = [name] if isinstance(name, str) and name else []
    words += [word.strip("'\"`.,:") for word in reversed(error.message.split())]
    at = next((condition.find(word) for word in words if len(word) > 1 and word in condition), 0)
    place = place_in(condition, at)
    assert place is not None
    inside = Place("matches", place.line, place.column, place.source_line)
    return SqlError(error.message, place=inside, hint=error.hint)
