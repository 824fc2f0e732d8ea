"""What is wrong with a rule file, and under which words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from workbench.editing.outline import outline

Severity = Literal["error", "warning", "note"]
_ORDER: Mapping[str, int] = {"error": 0, "warning": 1, "note": 2}
_WORD = re.compile(r"[\w.\[\]<>=!-]+|\S")


class Remark(Protocol):
    """As the engine process answers (``workbench.backend.questions.rules.Said``)."""

    @property
    def severity(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def text(self) -> str: ...
    @property
    def item(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def hint(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What is wrong from ``column`` to ``end`` of ``line``, all from 0. ``whole``: it is about the
    file, or about more than a word."""

    severity: Severity
    code: str
    text: str
    hint: str
    line: int
    column: int
    end: int
    item: str = ""
    whole: bool = False


def diagnostics(said: Iterable[Remark], file: str, lines: Sequence[str]) -> list[Diagnostic]:
    """What was said of a file, by line; of what is at one place the gravest first.

    ``lines`` are those that were read: a remark without a place gets that of its item.
    """
    found = []
    places: dict[str, tuple[int, int]] | None = None
    for remark in said:
        if remark.file != file:
            continue
        line, column, whole = remark.line - 1, max(remark.column - 1, 0), False
        if line < 0:
            if places is None:
                items = outline(lines).items
                places = {item.name: (item.name_line, item.name_column) for item in reversed(items)}
            line, column = places.get(remark.item, (0, 0))
            whole = True
        line = min(line, max(len(lines) - 1, 0))
        start, end = _word(lines[line] if lines else "", column)
        severity: Severity = (
            "error" if remark.severity == "error"
            else "note" if remark.severity == "note" else "warning"
        )  # fmt: skip
        place = (line, start, end)
        words = (severity, remark.code, remark.text, remark.hint)
        found.append(Diagnostic(*words, *place, remark.item, whole))
    found.sort(key=lambda each: (each.line, _ORDER[each.severity], each.column))
    return found


def _word(line: str, column: int) -> tuple[int, int]:
    """The word that begins at a column; at the end of a line the last character."""
    end_of_line = len(line.rstrip())
    if column >= end_of_line:
        return max(end_of_line - 1, 0), max(end_of_line, 1)
    match = _WORD.match(line, column, column + 200)
    return column, match.end() if match else column + 1


def by_item(said: Iterable[Remark]) -> dict[str, tuple[int, int]]:
    """How many errors and warnings there are of each item; of none: under the empty name."""
    found: dict[str, tuple[int, int]] = {}
    for remark in said:
        errors, warnings = found.get(remark.item, (0, 0))
        if remark.severity == "error":
            errors += 1
        elif remark.severity == "warning":
            warnings += 1
        found[remark.item] = (errors, warnings)
    return found


def in_short(text: str, hint: str) -> str:
    """What is wrong in a line, what is short first: Falco's own messages may list all operators."""
    text, hint = (" ".join(part.split()) for part in (text, hint))
    if not hint:
        return text
    if len(text) <= max(len(hint), 60):
        return f"{text} — {hint}"
    return f"{hint} ({text if len(text) <= 100 else text[:60] + '…'})"
