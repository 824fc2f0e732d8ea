"""Text that remembers where it was written.

A rule's condition is put together from pieces: its own text, what later files append, exceptions,
the items of lists. A message about the whole must still point at the file, line and column of the
piece. A :class:`Text` is an ordinary string with, for every run of it, the scalar it came from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from capture.errors import Place

BLANKS = " \t\n\r"


class Origin(Protocol):
    """Something written in a file, able to say where each character of its value stands."""

    def locate(self, offset: int) -> Place: ...


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of a text: ``text`` is ``origin``'s value from ``offset``; or made by us."""

    text: str
    origin: Origin | None = None
    offset: int = 0

    def cut(self, start: int, end: int) -> Run:
        return Run(self.text[start:end], self.origin, self.offset + start)


class Text:
    """An immutable string with the origin of each of its runs. ``str()`` gives the string."""

    __slots__ = ("_starts", "runs", "value")

    def __init__(self, runs: Iterable[Run]) -> None:
        self.runs = tuple(run for run in runs if run.text)
        self.value = "".join(run.text for run in self.runs)
        starts: list[int] = []
        at = 0
        for run in self.runs:
            starts.append(at)
            at += len(run.text)
        self._starts = starts

    @staticmethod
    def of(value: str, origin: Origin | None = None) -> Text:
        return Text((Run(value, origin),))

    @staticmethod
    def join(parts: Iterable[Text | str]) -> Text:
        """The parts one after another; plain strings are our own words and have no origin."""
        return Text(
            run for part in parts for run in ((Run(part),) if isinstance(part, str) else part.runs)
        )

    def __str__(self) -> str:
        return self.value

    def __len__(self) -> int:
        return len(self.value)

    def cut(self, start: int, end: int) -> list[Run]:
        """The runs of ``value[start:end]``."""
        found: list[Run] = []
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self.runs) and self._starts[index] < end:
            run, at = self.runs[index], self._starts[index]
            low, high = max(start - at, 0), min(end - at, len(run.text))
            if low < high:
                found.append(run.cut(low, high))
            index += 1
        return found

    def place(self, index: int) -> Place | None:
        """Where the character at ``index`` was written; for our own words, what stands nearest
        before them, else after. None if nothing of it was written."""
        if not self.runs:
            return None
        at = max(0, bisect_right(self._starts, index) - 1)
        run = self.runs[at]
        if run.origin is not None:
            return run.origin.locate(run.offset + min(index - self._starts[at], len(run.text)))
        for before in reversed(self.runs[:at]):
            if before.origin is not None:
                return before.origin.locate(before.offset + len(before.text) - 1)
        for after in self.runs[at + 1 :]:
            if after.origin is not None:
                return after.origin.locate(after.offset)
        return None


class Growing:
    """A text that later files may append to, put together when it is asked for."""

    __slots__ = ("_done", "_parts")

    def __init__(self, text: Text) -> None:
        self._parts: list[Text | str] = [text]
        self._done: Text | None = text

    def append(self, text: Text) -> None:
        """Add ``text`` after a blank."""
        self._parts += [" ", text]
        self._done = None

    @property
    def text(self) -> Text:
        if self._done is None:
            self._done = Text.join(self._parts)
            self._parts = [self._done]
        return self._done

    @property
    def value(self) -> str:
        return self.text.value


class Builder:
    """Puts a text together from the left, and can take back what it ends with."""

    def __init__(self) -> None:
        self._runs: list[Run] = []
        self.length = 0

    def add(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if run.text:
                self._runs.append(run)
                self.length += len(run.text)

    @property
    def run_count(self) -> int:
        return len(self._runs)

    def last(self) -> str:
        """The last character, or the empty string."""
        return self._runs[-1].text[-1] if self._runs else ""

    def strip_blanks(self) -> None:
        """Take trailing blanks away."""
        while self._runs:
            run = self._runs.pop()
            kept = run.text.rstrip(BLANKS)
            self.length -= len(run.text) - len(kept)
            if kept:
                self._runs.append(run.cut(0, len(kept)))
                return

    def drop_last(self) -> None:
        """Take the last character away."""
        run = self._runs.pop()
        self.length -= 1
        if len(run.text) > 1:
            self._runs.append(run.cut(0, len(run.text) - 1))

    def done(self) -> Text:
        return Text(self._runs)
