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
        return (
            f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"
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
        parts = [f"{self.place}: {self.message}" if self.place else self.message]
        if self.place and self.place.source_line:
            parts.append(f"  {self.place.source_line}")
            if self.place.column:
                parts.append("  " + " " * (self.place.column - 1) + "^")
        if self.hint:
            parts.append(f"  {self.hint}")
        return "\n".join(parts)
