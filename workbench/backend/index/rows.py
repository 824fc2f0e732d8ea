"""Rows: the events of all sources in one order, and which batch each is in.

A *window* is a run of rows that come from a few batches whose numbers interleave; in a capture of
one source every window is one batch. Rows count from 0.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """Some events of one batch: those from ``start`` to ``stop`` of its segment. ``rows`` are
    theirs among all: int64, ascending; None where they follow on each other from ``first``."""

    batch: int
    start: int
    stop: int
    first: int
    rows: Ints | None = None

    def __len__(self) -> int:
        return self.stop - self.start

    def all_rows(self) -> Ints:
        if self.rows is not None:
            return self.rows
        return np.arange(self.first, self.first + len(self), dtype=np.int64)

    def to_rows(self, places: Ints) -> Ints:
        """Rows of events by their places in the part."""
        return places + self.first if self.rows is None else self.rows[places]


@dataclass(frozen=True, slots=True)
class Window:
    first: int
    count: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Located:
    """Events of one batch: their ``places`` in its segment (ascending), and where they were among
    the rows that were asked for."""

    batch: int
    places: Ints
    asked: Ints


class Rows:
    """Grows by windows; may be read by other threads while it does."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self._starts: list[int] = []
        self.count = 0

    def add(self, parts: Sequence[tuple[int, int, int]], order: Ints | None = None) -> Window:
        """A window of ``(batch, start, stop)``. ``order``: how the events of several parts stand,
        as places in the parts put one after the other."""
        first = self.count
        if order is None:
            ((batch, start, stop),) = parts
            count = stop - start
            made: tuple[Part, ...] = (Part(batch, start, stop, first),)
        else:
            count = len(order)
            place = np.empty(count, np.int64)
            place[order] = np.arange(first, first + count)
            found, at = [], 0
            for batch, start, stop in parts:
                rows = place[at : at + stop - start]
                found.append(Part(batch, start, stop, int(rows[0]) if len(rows) else first, rows))
                at += stop - start
            made = tuple(found)
        window = Window(first, count, made)
        self.windows.append(window)
        self._starts.append(first)
        self.count = first + count
        return window

    def locate(self, rows: Ints) -> Iterator[Located]:
        """Where some rows (any order, each below ``count``) are, batch by batch."""
        order = np.argsort(rows, kind="stable")
        sorted_ = rows[order]
        at = 0
        while at < len(sorted_):
            window = self.windows[bisect.bisect_right(self._starts, int(sorted_[at])) - 1]
            end = int(np.searchsorted(sorted_, window.first + window.count))
            mine, places = sorted_[at:end], order[at:end]
            for part in window.parts:
                if part.rows is None:
                    yield Located(part.batch, mine - part.first + part.start, places)
                    continue
                found = np.searchsorted(part.rows, mine)
                held = np.append(part.rows, -1)[found] == mine
                if held.any():
                    yield Located(part.batch, found[held] + part.start, places[held])
            at = end
