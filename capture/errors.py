"""The one family of errors that a person is meant to read.

Everything falcowb refuses (a rule, a configuration, a capture, a plugin) is raised as a
:class:`FalcowbError`; the command line prints its text and nothing else. It lives in the
lowest package so that every package can raise it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a text something was found. ``line`` and ``column`` count from 1; 0 is unknown."""

    file: str
    line: int = 0
    column: int = 0
    source_line: str = ""

    def __str__(self) -> str:
        if not self.line:
            return self.file
        if not self.file:
            return f"line {self.line}" + (f", column {self.column}" if self.column else "")
        return (
            f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
        )


def excerpt(line: str, column: int, width: int = 160) -> tuple[str, int]:
    """At most ``width`` characters of ``line`` around ``column`` (from 1), and its new column.

    Each control character, and whatever cannot be encoded, shows as one blank or one ``?``, so
    that a caret still fits.
    """
    if len(line) <= width:
        return _printable(line).rstrip(), column
    start = max(0, min(column - 1 - width // 2, len(line) - width))
    shown = _printable(line[start : start + width])
    if start:
        shown = "…" + shown[1:]
    if start + width < len(line):
        shown = shown[:-1] + "…"
    return shown.rstrip(), column - start if column else 0


def _printable(text: str) -> str:
    return "".join(
        char if char.isprintable() else "?" if "\ud800" <= char <= "\udfff" else " "
        for char in text
    )


class FalcowbError(Exception):
    """A refusal in words: what is wrong, where, and the way out.

    ``message`` is one sentence; ``place`` says where; ``hint`` says what to do about it.
    ``str()`` gives all three, with the offending line and a caret where they are known.
    """

    def __init__(self, message: str, *, place: Place | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.hint = hint

    def __str__(self) -> str:
        where = str(self.place) if self.place else ""
        parts = [f"{where}: {self.message}" if where else self.message]
        if self.place and self.place.source_line:
            line, column = excerpt(self.place.source_line, self.place.column)
            parts.append(f"  {line}")
            if column:
                parts.append("  " + " " * (column - 1) + "^")
        if self.hint:
            parts.append(f"  {self.hint}")
        return "\n".join(parts)


class CaptureError(FalcowbError):
    """A capture cannot be written, or what was given as one cannot be read."""
