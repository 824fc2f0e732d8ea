"""Results as tables of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from workbench.sql.output import as_text, cells

#: Widest that a column becomes where the whole does not fit.
_WIDEST, _NARROWEST = 60, 6
#: A column narrower than this tells nothing; so many rows are shown as records instead.
_LEAST, _MOST_RECORDS = 12, 10
_NULL = "∅"


def table_text(table: pa.Table, width: int | None = None) -> str:
    """The rows under their names. ``width`` is that of the terminal, to which cells are cut; None
    cuts nothing. No value prints as ∅; control characters print as escapes."""
    columns: list[tuple[str, list[str], bool]] = []
    for name, column in zip(table.schema.names, table.columns, strict=True):
        values = [value for chunk in column.chunks for value in cells(chunk)]
        columns.append((visible(name), [_cell(value) for value in values], _right(column.type)))
    least = sum(min(_LEAST, _width_of(texts, name)) + 2 for name, texts, _ in columns) - 2
    if width is not None and least > width:
        if table.num_rows <= _MOST_RECORDS:
            return _records(columns, width)
        columns = _leading(columns, width)
    return "\n".join(_lines(columns, width))


def _width_of(texts: Sequence[str], name: str) -> int:
    return max([_length(name), *map(_length, texts)])


def _records(columns: Sequence[tuple[str, list[str], bool]], width: int) -> str:
    """Too many columns for a line: a line a column, row after row."""
    names = max(_length(name) for name, _, _ in columns)
    lines = []
    for row in range(len(columns[0][1])):
        lines.append(f"── row {row + 1} ".ljust(min(width, 40), "─"))
        for name, texts, _ in columns:
            head = _padded(name, names, False)
            text = texts[row]
            room = max(width - names - 2, _NARROWEST)
            lines.append(f"{head}  {text if _length(text) <= room else _cut(text, room)}")
    return "\n".join(lines)


def _leading(
    columns: Sequence[tuple[str, list[str], bool]], width: int
) -> list[tuple[str, list[str], bool]]:
    """As many columns as fit, and a mark that there are more."""
    shown: list[tuple[str, list[str], bool]] = []
    taken = 0
    for name, texts, right in columns:
        taken += min(_LEAST, _width_of(texts, name)) + 2
        if taken > width - 12 and shown:
            break
        shown.append((name, texts, right))
    rest = len(columns) - len(shown)
    return [*shown, (f"… {rest} more", [""] * len(columns[0][1]), False)]


def _lines(columns: Sequence[tuple[str, list[str], bool]], width: int | None) -> list[str]:
    wide = [max([_length(name), *map(_length, texts)]) for name, texts, _ in columns]
    widths = _fitting(wide, width)
    head = "  ".join(
        _padded(name, each, right) for (name, _, right), each in zip(columns, widths, strict=True)
    )
    lines = [head.rstrip(), "  ".join("─" * each for each in widths)]
    for row in range(len(columns[0][1]) if columns else 0):
        line = "  ".join(
            _padded(texts[row], each, right)
            for (_, texts, right), each in zip(columns, widths, strict=True)
        )
        lines.append(line.rstrip())
    return lines


def _fitting(wide: list[int], width: int | None) -> list[int]:
    """Widths that fit, taken from the widest columns first."""
    widths = list(wide)
    if width is None:
        return widths
    room = width - 2 * (len(widths) - 1)
    if sum(widths) > room:
        widths = [min(each, _WIDEST) for each in widths]
    while sum(widths) > room and max(widths, default=0) > _NARROWEST:
        widest = max(widths)
        next_widest = max((each for each in widths if each < widest), default=_NARROWEST)
        count = widths.count(widest)
        less = max(next_widest, widest - -(-(sum(widths) - room) // count), _NARROWEST)
        less = min(less, widest - 1)
        widths = [less if each == widest else each for each in widths]
    return widths


def _padded(text: str, width: int, right: bool) -> str:
    length = _length(text)
    if length > width:
        return _cut(text, width)
    blanks = " " * (width - length)
    return blanks + text if right else text + blanks


def _cut(text: str, width: int) -> str:
    taken, length = [], 0
    for character in text:
        length += _width(character)
        if length > width - 1:
            break
        taken.append(character)
    return "".join(taken) + "…"


def _length(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cell(value: Any) -> str:
    return _NULL if value is None else visible(as_text(value))


def _right(type_: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)
    )


def visible(text: str) -> str:
    """A text on one line: what would move the cursor or colour the screen is written out."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else _ESCAPES.get(character)
        or (f"\\x{ord(character):02x}" if ord(character) < 256 else "\ufffd")
        for character in text
    )


_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
