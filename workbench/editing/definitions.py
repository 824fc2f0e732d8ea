"""Where rules, macros and lists are defined, over all files that are loaded; what a word is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.editing.conditions import Vocabulary
from workbench.editing.outline import ItemKind, Outline, outline

_WORD = re.compile(r"[A-Za-z_][\w.-]*(?:\[[^\]]*\])?")
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Definition:
    """Where an item is written; lines and columns from 0. ``text``: a macro's condition, a list's
    items, a rule's description."""

    kind: ItemKind
    name: str
    file: str
    line: int
    column: int
    text: str
    appends: bool


@dataclass
class Definitions:
    """Those of several files, in the order in which they are loaded."""

    every: list[Definition] = field(default_factory=list)
    _by_name: dict[tuple[str, str], Definition] = field(default_factory=dict)

    def find(self, kind: str, name: str) -> Definition | None:
        """Where it is defined; where it is only added to, the first place that does."""
        return self._by_name.get((kind, name))

    def named(self, name: str) -> Definition | None:
        """A macro, list or rule of this name."""
        for kind in ("macro", "list", "rule"):
            if found := self.find(kind, name):
                return found
        return None

    def names(self, kind: str) -> list[str]:
        return [name for each, name in self._by_name if each == kind]

    def abouts(self) -> Mapping[str, str]:
        """What macros and lists are, by name, each in a line."""
        return {
            each.name: " ".join(each.text.split())[:_LONGEST]
            for each in self._by_name.values()
            if each.kind in ("macro", "list")
        }


class Collected:
    """Keeps what was found in a text as long as the text is the same."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, list[Definition]]] = {}

    def definitions(self, files: Iterable[tuple[str, str]]) -> Definitions:
        """The definitions of files: name and text of each."""
        found = Definitions()
        known: dict[str, tuple[str, list[Definition]]] = {}
        for file, text in files:
            before = self._known.get(file)
            if before is None or before[0] != text:
                before = (text, list(_of(file, outline(text.splitlines()))))
            known[file] = before
            found.every += before[1]
        self._known = known
        for each in found.every:
            key = (each.kind, each.name)
            there = found._by_name.get(key)
            if there is None or (there.appends and not each.appends):
                found._by_name[key] = each
        return found


def _of(file: str, items: Outline) -> Iterable[Definition]:
    for item in items.items:
        if item.kind == "other" or not item.name:
            continue
        about = item.value({"rule": "desc", "macro": "condition", "list": "items"}[item.kind])
        text = items.text_of(about) if about else ""
        yield Definition(
            item.kind, item.name, file, item.name_line, item.name_column, text[:4000], item.appends
        )


def word_at(line: str, column: int) -> tuple[int, int, str]:
    """The word at a column or right before it; empty where there is none."""
    # Of an endless line only what is near.
    start = max(column - 300, 0)
    for match in _WORD.finditer(line[: column + 300], start):
        if match.start() <= column <= match.end():
            return match.start(), match.end(), match[0]
        if match.start() > column:
            break
    return column, column, ""


def definition_at(
    lines: Sequence[str], line: int, column: int, known: Definitions
) -> Definition | None:
    """The definition of the name at a position; None for what has none in the files."""
    found = outline(lines)
    item = found.at(line)
    if item is not None and item.name_line == line and item.kind != "other" and item.appends:
        return known.find(item.kind, item.name)
    _, _, word = word_at(lines[line], column)
    if not word:
        return None
    return known.named(word)


def about_at(
    lines: Sequence[str], line: int, column: int, known: Definitions, vocabulary: Vocabulary
) -> str:
    """A sentence about the word at a position: a field's type and description, a macro's
    condition, a list's items."""
    _, _, word = word_at(lines[line], column)
    if not word:
        return ""
    about = vocabulary.field(word)
    if about is not None:
        many = ", list" if about.is_list else ""
        return f"{about.name}  {about.type.lower()}{many}. {about.description}"
    found = known.named(word)
    if found is None:
        return ""
    text = " ".join(found.text.split())[:_LONGEST]
    return f"{found.kind} {found.name}  {text}"
