"""The items of a rule file and where each of their values stands, read line by line.

Never fails: a file that is being written is seldom YAML. Items are what begins with ``- key:`` at
the left-most level, values what stands behind a key or is indented below it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

ItemKind = Literal["rule", "macro", "list", "other"]

_ITEM = re.compile(r"(\s*)-(\s+)([A-Za-z_][\w-]*)\s*:(?=\s|$)")
_KEY = re.compile(r"(\s*)([A-Za-z_][\w-]*)\s*:(?=\s|$)")
#: A key that is being written.
_HALF_A_KEY = re.compile(r"(\s*)[A-Za-z_][\w-]*\s*")
_KINDS: dict[str, ItemKind] = {"rule": "rule", "macro": "macro", "list": "list"}
#: Of a longer line only so many characters are looked at.
_MOST = 4000


@dataclass(frozen=True, slots=True)
class Value:
    """The value of ``key``: from (``line``, ``column``) to the end of line ``last``. ``block``: it
    is a block scalar, whose text begins on the next line. ``indent`` is that of the key."""

    key: str
    key_line: int
    key_column: int
    line: int
    column: int
    last: int
    block: bool
    indent: int


@dataclass(frozen=True, slots=True)
class Item:
    """A rule, macro, list or something else, from line ``first`` to ``last``, and where its name is
    written. ``appends``: it adds to an item that is defined elsewhere, or changes it."""

    kind: ItemKind
    name: str
    first: int
    last: int
    name_line: int
    name_column: int
    values: tuple[Value, ...]
    appends: bool

    def value(self, key: str) -> Value | None:
        return next((value for value in self.values if value.key == key), None)

    def value_at(self, line: int) -> Value | None:
        """The value that a line belongs to."""
        found = None
        for value in self.values:
            if value.key_line <= line <= value.last:
                found = value
        return found


@dataclass
class Outline:
    """The items of a file in order."""

    lines: Sequence[str]
    items: list[Item] = field(default_factory=list)
    _firsts: list[int] = field(default_factory=list)

    def at(self, line: int) -> Item | None:
        """The item that a line belongs to."""
        place = bisect_right(self._firsts, line) - 1
        if place < 0:
            return None
        item = self.items[place]
        return item if line <= item.last else None

    def text_of(self, value: Value) -> str:
        """A value as written, its lines joined; quotes and marks of blocks left out."""
        return "\n".join(text for _, _, text in self.pieces(value)).strip().strip("\"'")

    def pieces(self, value: Value) -> Iterator[tuple[int, int, str]]:
        """The lines of a value: line, column where its text begins, and the text."""
        if not value.block:
            yield value.line, value.column, self.lines[value.line][value.column :]
        for line in range(value.line + 1, value.last + 1):
            text = self.lines[line]
            column = len(text) - len(text.lstrip())
            yield line, column, text[column:]

    def text_of_item(self, item: Item) -> str:
        """An item as written, without blank lines and comments behind it."""
        return "\n".join(self.lines[item.first : item.last + 1])


def outline(lines: Sequence[str]) -> Outline:
    """The outline of a file's lines."""
    starts = [
        (number, match)
        for number, line in enumerate(lines)
        if line.lstrip()[:1] == "-" and (match := _ITEM.match(line[:_MOST]))
    ]
    found = Outline(lines)
    if not starts:
        return found
    level = min(len(match[1]) for _, match in starts)
    tops = [(number, match) for number, match in starts if len(match[1]) == level]
    ends = [number for number, _ in tops[1:]] + [len(lines)]
    for (number, match), end in zip(tops, ends, strict=True):
        found.items.append(_item(lines, number, end, match))
    found._firsts = [item.first for item in found.items]
    return found


def _item(lines: Sequence[str], first: int, end: int, match: re.Match[str]) -> Item:
    last = end - 1
    while last > first and (not lines[last].strip() or lines[last].lstrip()[0] == "#"):
        last -= 1
    indent = match.end(2)
    keys = [(first, indent, match[3], match.end())]
    for number in range(first + 1, last + 1):
        key = _KEY.match(lines[number][:_MOST])
        if key and len(key[1]) == indent:
            keys.append((number, indent, key[2], key.end()))
    values = []
    stops = [number for number, *_ in keys[1:]] + [last + 1]
    for (number, column, key_name, after), stop in zip(keys, stops, strict=True):
        values.append(_value(lines, number, column, key_name, after, stop))
    head = next((value for value in values if value.key in _KINDS), values[0])
    name = _plain(lines[head.line][head.column :])
    appends = any(
        value.key == "override"
        or (value.key == "append" and _plain(lines[value.line][value.column :]) == "true")
        for value in values
    )
    kind = _KINDS.get(head.key, "other")
    return Item(kind, name, first, last, head.line, head.column, tuple(values), appends)


def _value(
    lines: Sequence[str], number: int, column: int, key: str, after: int, stop: int
) -> Value:
    line = lines[number]
    start = after
    while start < len(line) and line[start] in " \t":
        start += 1
    last = stop - 1
    for below in range(number + 1, stop):
        half = _HALF_A_KEY.fullmatch(lines[below][:_MOST])
        if half and len(half[1]) <= column:
            last = below - 1
            break
    while last > number and (not lines[last].strip() or lines[last].lstrip()[0] == "#"):
        last -= 1
    block = line[start : start + 1] in ("|", ">")
    return Value(key, number, column, number, start, last, block, column)


def _plain(text: str) -> str:
    """A short scalar as it is written on its line, without quotes and comment."""
    text = text.strip()
    if text[:1] in ("'", '"'):
        end = text.find(text[0], 1)
        return text[1:end] if end > 0 else text[1:]
    return re.split(r"\s#", text, maxsplit=1)[0].strip()
