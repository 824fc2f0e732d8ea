"""Going through the events of a capture, as often as a question needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from capture.errors import FalcowbError
from engine.columns import Segment
from workbench.core.events import Events, Window
from workbench.core.pieces import Piece
from workbench.core.session import Session


def _untold(events: int, fraction: float | None) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Walk:
    """``open`` gives the events anew; ``path`` names the capture they are of, if they are one's;
    ``tick`` is told how many events were seen and how far that is (0 to 1, or None), and may raise
    to stop. ``notes``: what was missing or dropped, as the last whole walk found it."""

    open: Callable[[], Events]
    session: Session
    path: str | None = None
    tick: Callable[[int, float | None], None] = _untold
    notes: list[str] = field(default_factory=list)

    def windows(self) -> Iterator[Window]:
        events = self.open()
        seen = 0
        try:
            for window in events.windows():
                yield window
                seen += sum(map(len, window.values()))
                self.tick(seen, events.fraction())
            self.notes[:] = events.notes()
        finally:
            events.close()

    def segments(self, source: str) -> Iterator[tuple[Piece, Segment]]:
        """The events of one source."""
        made = self.session.plugins.event_source(source)
        for window in self.windows():
            piece = window.get(source)
            if piece is not None and len(piece):
                yield piece, piece.segment(made)


@dataclass(frozen=True, slots=True, eq=False)
class FoundEvent:
    """One event: the segment and the row it stands in."""

    number: int
    time: int
    source: str
    segment: Segment
    row: int


def find_events(walk: Walk, numbers: Sequence[int]) -> list[FoundEvent]:
    """Events by their numbers, ascending. Stops at the last one.

    Raises FalcowbError for a number that no event has.
    """
    left = sorted(set(numbers))
    found: list[FoundEvent] = []
    sources = walk.session.plugins
    last = 0
    for window in walk.windows():
        for name, piece in window.items():
            if not len(piece):
                continue
            last = max(last, int(piece.numbers[-1]))
            rows = np.flatnonzero(np.isin(piece.numbers, left))
            if len(rows):
                segment = piece.segment(sources.event_source(name)).take(rows)
                found += [
                    FoundEvent(int(piece.numbers[at]), int(piece.times[at]), name, segment, row)
                    for row, at in enumerate(rows.tolist())
                ]
        if not left or last >= left[-1]:
            break
    missing = set(left) - {each.number for each in found}
    if missing:
        raise FalcowbError(
            f"there is no event {min(missing)}",
            hint=f"The last event seen has number {last}; numbers are those of evt.num. Falco does "
            "not judge every event it reads, and those it leaves out are left out here too."
            if last
            else "There are no events.",
        )
    return sorted(found, key=lambda each: each.number)
