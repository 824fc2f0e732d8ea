"""A line of a rule file in kinds, for colours."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

from workbench.editing.outline import Item, Outline, Value
from workbench.editing.words import words

#: Start and end in the line, and a kind: one of words of conditions (``workbench.editing.words``)
#: or ``key``, ``name``, ``comment``, ``mark``, ``text``, ``priority``.
Token = tuple[int, int, str]

#: Of a longer line only so much is coloured.
_MOST = 2000
#: Of a longer condition the rest is plain.
_MOST_OF_ONE = 40_000
_OUTPUT = re.compile(r"%\d*\*?(?:[a-z]\w*\()*[a-zA-Z][\w.]*(?:\[[^\]]*\])?\)*")
_KEY = re.compile(r"(\s*-?\s*)([\w-]+)(\s*:)(?=\s|$)")
_DASH = re.compile(r"\s*-(?=\s|$)")
_FIELD = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+(?:\[[^\]]*\])?")
_SCALAR = re.compile(r"\"(?:\\.|[^\"\\])*\"?|'(?:''|[^'])*'?|[^\s,\[\]#\"'][^,\[\]]*|[,\[\]]|#.*")
_CONDITIONS = ("condition",)
_TRUTH = ("true", "false")


class Tokens:
    """The tokens of a file's lines; conditions are looked at once, as a whole."""

    def __init__(self, found: Outline) -> None:
        self._found = found
        self._conditions: dict[int, dict[int, list[Token]]] = {}

    def of(self, number: int) -> list[Token]:
        """The tokens of a line, in order; what has none is plain text."""
        found = self._found
        item = found.at(number)
        value = item.value_at(number) if item else None
        if value is None or value.key != "condition" or number < value.line + value.block:
            return _tokens(found, number, item, value)
        known = self._conditions.get(value.line)
        if known is None:
            known = self._conditions[value.line] = _condition(found, value)
        head = list(_key(found.lines[number], value)) if number == value.line else []
        return head + known.get(number, [])


def _tokens(found: Outline, number: int, item: Item | None, value: Value | None) -> list[Token]:
    line = found.lines[number][:_MOST]
    bare = line.lstrip()
    if not bare:
        return []
    if bare[0] == "#" and not (value and value.block and number > value.line):
        return [(len(line) - len(bare), len(line), "comment")]
    if item is None or value is None:
        return list(_other(line))
    if number > value.line:
        start = len(line) - len(bare)
        return list(_in_value(line, start, item, value))
    made = list(_key(line, value))
    if value.block:
        return [*made, (value.column, len(line), "mark")]
    return made + list(_in_value(line, value.column, item, value))


def _key(line: str, value: Value) -> Iterator[Token]:
    dash = line.find("-", 0, value.key_column)
    if dash >= 0:
        yield (dash, dash + 1, "mark")
    yield (value.key_column, value.key_column + len(value.key), "key")


def _in_value(line: str, start: int, item: Item, value: Value) -> Iterator[Token]:
    key = value.key
    if key == "output":
        yield from _text(line, start, value)
        for match in _OUTPUT.finditer(line, start):
            yield (match.start(), match.end(), "field")
    elif item.kind != "other" and value.line == item.name_line:
        yield (start, _comment(line, start), "name")
        yield from _behind(line, start)
    elif key == "desc":
        yield from _text(line, start, value)
    elif key == "priority":
        yield (start, _comment(line, start), "priority")
        yield from _behind(line, start)
    else:
        yield from _structure(line, start, key)


def _condition(found: Outline, value: Value) -> dict[int, list[Token]]:
    """The tokens of a condition by line."""
    made: dict[int, list[Token]] = {}
    text = ""
    starts: list[tuple[int, int, int]] = []
    for number, column, piece in found.pieces(value):
        piece = piece[:_MOST]
        tokens = made[number] = []
        if number == value.line and not value.block:
            if piece[:1] in ("'", '"'):
                tokens.append((column, column + 1, "mark"))
                piece, column = piece[1:], column + 1
            else:
                end = _comment(piece, 0)
                if end < len(piece):
                    tokens.append((column + end, column + len(piece), "comment"))
                piece = piece[:end]
        starts.append((len(text), number, column))
        text += piece + "\n"
        if len(text) > _MOST_OF_ONE:
            break
    places = [start for start, *_ in starts]
    for word in words(text):
        start, number, column = starts[bisect_right(places, word.start) - 1]
        shift = column - start
        made[number].append((word.start + shift, word.end + shift, word.kind))
    return made


def _text(line: str, start: int, value: Value) -> Iterator[Token]:
    end = len(line) if value.block else _comment(line, start)
    yield (start, end, "text")
    if not value.block:
        yield from _behind(line, start)


def _comment(line: str, start: int) -> int:
    """Where a comment behind a plain value begins."""
    if line[start : start + 1] in ("'", '"'):
        return len(line)
    found = line.find(" #", start)
    return len(line) if found < 0 else found


def _behind(line: str, start: int) -> Iterator[Token]:
    end = _comment(line, start)
    if end < len(line):
        yield (end, len(line), "comment")


def _structure(line: str, start: int, key: str) -> Iterator[Token]:
    """Lists, maps within an item: items, tags, exceptions."""
    at = start
    dash = _DASH.match(line, at)
    if dash:
        yield (dash.end() - 1, dash.end(), "mark")
        at = dash.end()
    inner = _KEY.match(line, at)
    if inner:
        yield (inner.start(2), inner.end(2), "key")
        at = inner.end()
    for match in _SCALAR.finditer(line, at):
        said = match[0]
        if said[0] == "#":
            yield (match.start(), match.end(), "comment")
        elif said in "[],":
            yield (match.start(), match.end(), "punctuation")
        elif said[0] in "'\"":
            yield (match.start(), match.end(), "string")
        elif _FIELD.fullmatch(said.strip()) and key == "exceptions":
            yield (match.start(), match.end(), "field")
        elif said.strip() in _TRUTH:
            yield (match.start(), match.end(), "keyword")
        else:
            yield (match.start(), match.end(), "value")


def _other(line: str) -> Iterator[Token]:
    match = _KEY.match(line)
    if match:
        yield (match.start(2), match.end(2), "key")
