"""What is wrong with a condition, and where."""

from __future__ import annotations

from capture.errors import FalcowbError, Place
from engine.language.ast import NOWHERE, Pos

_EXCERPT = 160  # characters of a line shown around the error


class ConditionError(FalcowbError):
    """A condition that cannot be parsed or used.

    ``message`` is upstream's own message where upstream has one; ``pos`` is the place in the
    condition's text (as upstream reports it), ``place`` the place in the file, with the line;
    ``expected`` lists what would have been accepted there.
    """

    def __init__(
        self,
        message: str,
        *,
        pos: Pos = NOWHERE,
        place: Place | None = None,
        expected: tuple[str, ...] = (),
        hint: str = "",
    ) -> None:
        super().__init__(message, place=place, hint=hint)
        self.pos = pos
        self.expected = expected

    def __str__(self) -> str:
        parts = [f"{self.place}: {self.message}" if self.place else self.message]
        if self.place and self.place.source_line and self.place.column:
            line, column = excerpt(self.place.source_line, self.place.column)
            parts += [f"  {line}", "  " + " " * (column - 1) + "^"]
        if self.hint:
            parts.append(f"  {self.hint}")
        return "\n".join(parts)


def excerpt(line: str, column: int, width: int = _EXCERPT) -> tuple[str, int]:
    """At most ``width`` characters of ``line`` around ``column`` (from 1), and its new column."""
    line = line.replace("\t", " ")
    if len(line) <= width:
        return line.rstrip(), column
    start = max(0, min(column - 1 - width // 2, len(line) - width))
    cut = line[start : start + width]
    if start:
        cut = "…" + cut[1:]
    if start + width < len(line):
        cut = cut[:-1] + "…"
    return cut, column - start
