"""What goes through the pipe between a screen and the engine process.

Pickled dataclasses of plain values, both ways; the two ends are one program. A *question* is a
frozen dataclass derived from :class:`Question`; its class says its ``kind`` (of a kind only the
newest counts), its ``lane`` (questions of one lane are answered one after the other, lanes side by
side) and whether it is ``standing`` (asked again when the process had to be restarted). An answer
may come in parts: all but the last are progress.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from capture.errors import FalcowbError


@dataclass(frozen=True, slots=True)
class Question:
    """Something the engine process can be asked; see the module."""

    lane: ClassVar[str] = "side"
    standing: ClassVar[bool] = False

    @property
    def kind(self) -> str:
        return type(self).__name__


@dataclass(frozen=True, slots=True)
class Trouble:
    """A refusal in words, as ``FalcowbError`` has them. ``text`` is all of it; ``line`` and
    ``column`` count from 1, 0 for unknown. ``crash``: it is a fault of ours."""

    message: str
    text: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    crash: bool = False

    @classmethod
    def of(cls, error: BaseException) -> Trouble:
        if isinstance(error, FalcowbError):
            place = error.place
            if place is None:
                return cls(error.message, str(error), error.hint)
            return cls(error.message, str(error), error.hint, place.file, place.line, place.column)
        said = f"{type(error).__name__}: {error}"
        return cls(f"the engine failed to answer: {said}", said, crash=True)


@dataclass(frozen=True, slots=True)
class Ask:
    """To the engine. A newer one of the same ``kind`` makes it outdated."""

    id: int
    kind: str
    question: Question


@dataclass(frozen=True, slots=True)
class Forget:
    """To the engine: nobody waits any more for questions of this kind."""

    kind: str


@dataclass(frozen=True, slots=True)
class Reply:
    """From the engine: an answer, or a part of one (``last`` is false)."""

    id: int
    answer: Any
    last: bool


@dataclass(frozen=True, slots=True)
class Refusal:
    """From the engine: there is no answer."""

    id: int
    trouble: Trouble
