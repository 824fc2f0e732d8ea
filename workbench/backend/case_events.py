"""The events of an open capture as those who walk want them: all, some windows, or some rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.columns import Segment
from engine.segments import EventSource
from workbench.authoring.walk import Walk
from workbench.backend.desk import Case
from workbench.backend.index.event_index import EventIndex
from workbench.backend.index.rows import Window as Rows
from workbench.core.events import Window
from workbench.core.session import Session

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class IndexPiece:
    """Events at ``places`` of a batch's segment, which is made when it is asked for."""

    index: EventIndex
    batch: int
    places: Ints
    numbers: Ints
    times: Ints

    def __len__(self) -> int:
        return len(self.places)

    def part(self, start: int, stop: int) -> IndexPiece:
        cut = slice(start, stop)
        return IndexPiece(
            self.index, self.batch, self.places[cut], self.numbers[cut], self.times[cut]
        )

    def segment(self, source: EventSource) -> Segment:
        segment = self.index.segment(self.batch)
        return segment if len(self) == len(segment) else segment.take(self.places)


class IndexEvents:
    """See the module. ``check`` is called before each window."""

    def __init__(
        self,
        index: EventIndex,
        check: Callable[[], None],
        *,
        windows: Sequence[Rows] | None = None,
        rows: Ints | None = None,
    ) -> None:
        self.name = str(index.capture.path)
        self.sources: tuple[str, ...] = index.sources
        self._index, self._check = index, check
        self._windows, self._rows = windows, rows

    def windows(self) -> Iterator[Window]:
        if self._rows is not None:
            for located in self._index.locate(self._rows):
                self._check()
                yield self._piece(located.batch, located.places, self._rows[located.asked])
            return
        chosen = self._index.windows(self._check) if self._windows is None else self._windows
        for window in chosen:
            self._check()
            found: dict[str, IndexPiece] = {}
            for part in window.parts:
                places = np.arange(part.start, part.stop, dtype=np.int64)
                found |= self._piece(part.batch, places, part.all_rows())
            yield found

    def _piece(self, batch: int, places: Ints, rows: Ints) -> dict[str, IndexPiece]:
        index = self._index
        numbers = index.numbers[rows].astype(np.int64)
        piece = IndexPiece(index, batch, places, numbers, index.times[rows])
        return {index.source_of(batch): piece}

    def fraction(self) -> float | None:
        return None

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        """The index is somebody else's."""


def walk_of(
    case: Case,
    session: Session,
    check: Callable[[], None],
    *,
    path: str | None = None,
    windows: Sequence[Rows] | None = None,
    rows: Ints | None = None,
) -> Walk:
    """``path``: to be named where the capture is; not to be given where only some events are
    walked and hits are looked for, for what comes of that is kept under the path."""
    return Walk(lambda: IndexEvents(case.index, check, windows=windows, rows=rows), session, path)
