"""The index of a capture: built once while it is already asked, then found in the cache."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from capture.events.section import Section
from capture.placed import At
from capture.reader import Capture
from engine.columns import Segment
from engine.segments import EventSource
from engine.syscalls.segment import SyscallSegment
from workbench.backend.index import folder as folders
from workbench.backend.index.batches import Batch, Context, StoredSegments, state_name
from workbench.backend.index.moments import state_at, write_moment
from workbench.backend.index.numbers import Growing, mapped
from workbench.backend.index.rows import Located, Rows, Window
from workbench.backend.index.states import write_state
from workbench.backend.index.walk import Walked, walk
from workbench.core.merged import merged

FORMAT = 2
_MANIFEST, _NUMBERS, _TIMES, _ORDER = "index.json", "numbers.bin", "times.bin", "order.bin"
#: How often who waits for more looks whether it still should (seconds).
_LOOK = 0.1

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some events of a walked batch, as ``merged`` wants them."""

    batch: int
    start: int
    numbers: Ints
    times: Ints

    def __len__(self) -> int:
        return len(self.numbers)

    def part(self, start: int, stop: int) -> _Piece:
        return _Piece(
            self.batch, self.start + start, self.numbers[start:stop], self.times[start:stop]
        )

    def segment(self, source: EventSource) -> Segment:
        raise NotImplementedError("pieces of an index have no segment")


class EventIndex:
    """Rows of a capture's events, in order of their numbers, and their segments.

    ``event_source`` gives what makes segments of a plugin's source. One thread builds
    (``build``); any number may read what is there (``count`` rows so far) at the same time, and
    wait for more (``windows``). To be closed when no thread uses it any more.
    """

    def __init__(self, capture: Capture, event_source: Callable[[str], EventSource]) -> None:
        self.capture = capture
        self.sources = capture.sources
        self.complete = False
        self.rows = Rows()
        self._event_source = event_source
        self._batches: list[Batch] = []
        self._numbers, self._times = Growing(), Growing()
        self._mapped: tuple[Ints, Ints] | None = None
        self._orders = Growing()
        self._grown = threading.Condition()
        self._sections: dict[int, Section] | None = None
        self._made: dict[str, EventSource] = {}
        self.notes: list[str] = []
        found = None if capture.recording else folders.find(capture.path)
        if found is not None:
            self.folder = found
            self._segments = self._stored()
            try:
                self._load()
                return
            except (OSError, ValueError, KeyError, TypeError, IndexError):
                folders.discard(found)
                self.rows, self._batches = Rows(), []
        self.folder = folders.make(capture.path, lasting=not capture.recording)
        self._segments = self._stored()

    def _stored(self) -> StoredSegments:
        return StoredSegments(self.capture, self.folder.path, self._section, self._source)

    def _source(self, name: str) -> EventSource:
        """Of one capture all segments of a source count from the same first event."""
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = self._event_source(name)
        return made

    # What is there.

    @property
    def count(self) -> int:
        """Rows so far."""
        return min(self.rows.count, len(self.times), len(self.numbers))

    @property
    def numbers(self) -> Ints:
        """Event numbers by row: int64, ascending in a sound capture."""
        return self._mapped[0] if self._mapped else self._numbers.values

    @property
    def times(self) -> Ints:
        """Nanoseconds since the epoch, by row."""
        return self._mapped[1] if self._mapped else self._times.values

    def source_of(self, batch: int) -> str:
        return self._batches[batch].source

    def segment(self, batch: int) -> Segment:
        """Raises CaptureError where the batch can be read no more."""
        return self._segments.segment(self._batches[batch])

    def locate(self, rows: Ints) -> Iterator[Located]:
        """See ``Rows.locate``."""
        return self.rows.locate(rows)

    def state_at(self, row: int) -> Section | None:
        """Every thread and open file as they were after the event of a row; None for an event that
        is no system call. Takes some tenths of a second. Raises CaptureError."""
        located = next(self.locate(np.array([row], np.int64)))
        batch = self._batches[located.batch]
        segment = self.segment(located.batch)
        if not isinstance(segment, SyscallSegment):
            return None
        place = int(segment.events.rows[located.places[0]])
        if self._sections is None:
            self._section(batch.at.section)
        sections = self._sections or {}
        return state_at(
            self.folder.path, self.capture, self._batches, sections, batch.number, place
        )

    def row_of_number(self, number: int) -> int | None:
        """The row of an event, or of the first after it; None where all come before."""
        row = int(np.searchsorted(self.numbers[: self.count], number))
        return row if row < self.count else None

    def row_of_time(self, time: int) -> int | None:
        """The first row at or after a time (ns)."""
        # Times rise but for small steps back between processors: good enough to find a place.
        row = int(np.searchsorted(self.times[: self.count], time))
        return row if row < self.count else None

    def rows_of_numbers(self, numbers: npt.NDArray[Any]) -> Ints:
        """The rows of events by their numbers (ascending); what is not there is left out."""
        known = self.numbers[: self.count]
        wanted = numbers.astype(np.int64)
        found = np.searchsorted(known, wanted)
        there = found < len(known)
        there[there] = known[found[there]] == wanted[there]
        return found[there]

    def windows(self, check: Callable[[], None], start: int = 0) -> Iterator[Window]:
        """All windows from one on, waiting for those to come. ``check`` is called before each, and
        now and then while waiting; what it raises ends the wait."""
        at = start
        while True:
            check()
            windows = self.rows.windows
            if at < len(windows):
                yield windows[at]
                at += 1
                continue
            with self._grown:
                if self.complete and at >= len(self.rows.windows):
                    return
                self._grown.wait(_LOOK)

    # Building.

    def build(self, check: Callable[[], None], grown: Callable[[], None]) -> None:
        """Walk the capture, if that was not done. ``grown`` is called after each window."""
        if self.complete:
            return
        try:
            streams = {name: self._pieces(name) for name in self.sources}
            for window in merged(streams):
                check()
                pieces = list(window.values())
                assert all(isinstance(piece, _Piece) for piece in pieces)
                self._add([piece for piece in pieces if isinstance(piece, _Piece)])
                grown()
            self.notes = list(self.capture.missing)
            self._save()
        finally:
            with self._grown:
                self.complete = True
                self._grown.notify_all()

    def _pieces(self, source: str) -> Iterator[_Piece]:
        for walked in walk(self.capture, source, self._source):
            number = self._note(walked)
            yield _Piece(number, 0, walked.numbers, walked.times)

    def _note(self, walked: Walked) -> int:
        number = len(self._batches)
        batch = Batch(number, walked.source, walked.at, walked.rows, walked.context)
        if walked.state is not None:
            assert isinstance(walked.segment, SyscallSegment)
            path = self.folder.path / state_name(number)
            try:
                write_state(path, walked.state, walked.segment.ordered)
                if walked.moment is not None:
                    write_moment(self.folder.path, number, walked.moment)
            except OSError as error:
                raise FalcowbError(
                    f"the index of {self.capture.path} cannot be written: {error.strerror}",
                    hint="It is kept under XDG_CACHE_HOME (~/.cache/falcowb); make room there.",
                ) from None
        self._batches.append(batch)
        self._segments.put(number, walked.segment)
        return number

    def _add(self, pieces: Sequence[_Piece]) -> None:
        numbers = np.concatenate([piece.numbers for piece in pieces])
        times = np.concatenate([piece.times for piece in pieces])
        order = None
        if len(pieces) > 1:
            order = np.argsort(numbers, kind="stable").astype(np.int64)
            numbers, times = numbers[order], times[order]
            self._orders.extend(order)
        self._numbers.extend(numbers)
        self._times.extend(times)
        with self._grown:
            self.rows.add(
                [(each.batch, each.start, each.start + len(each)) for each in pieces], order
            )
            self._grown.notify_all()

    def _section(self, number: int) -> Section:
        if self._sections is None:
            self._sections = {each.number: each for each in self.capture.sections()}
        return self._sections.get(number) or Section.of(number)

    # The folder.

    def _save(self) -> None:
        """Numbers, times and where everything is; without room for them the index lasts as long
        as this process."""
        told = {
            "format": FORMAT,
            "count": self.rows.count,
            "notes": self.notes,
            "orders": len(self._orders.values),
            "batches": [_as_json(batch) for batch in self._batches],
            "windows": [
                [[part.batch, part.start, part.stop] for part in window.parts]
                for window in self.rows.windows
            ],
        }
        path = self.folder.path
        try:
            self._numbers.values.tofile(path / _NUMBERS)
            self._times.values.tofile(path / _TIMES)
            self._orders.values.tofile(path / _ORDER)
            (path / _MANIFEST).write_text(json.dumps(told), encoding="utf-8")
            self._map(path, self.rows.count)
        except (OSError, ValueError):
            return
        self.folder.complete()

    def _map(self, path: Path, count: int) -> None:
        self._mapped = mapped(path / _NUMBERS, count), mapped(path / _TIMES, count)
        self._numbers, self._times, self._orders = Growing(), Growing(), Growing()

    def _load(self) -> None:
        path = self.folder.path
        told = json.loads((path / _MANIFEST).read_bytes())
        if told["format"] != FORMAT:
            raise ValueError("another format")
        orders = mapped(path / _ORDER, told["orders"])
        self._batches = [_from_json(number, each) for number, each in enumerate(told["batches"])]
        at = 0
        for parts in told["windows"]:
            order = None
            if len(parts) > 1:
                count = sum(stop - start for _, start, stop in parts)
                order = np.array(orders[at : at + count])
                at += count
            self.rows.add([tuple(part) for part in parts], order)
        if self.rows.count != told["count"]:
            raise ValueError("rows are missing")
        self._map(path, told["count"])
        self.notes = told["notes"]
        self.complete = True

    def close(self) -> None:
        self.folder.close()


def _as_json(batch: Batch) -> list[object]:
    at = batch.at
    context = None if batch.context is None else asdict(batch.context)
    return [batch.source, at.file, at.offset, at.section, batch.rows, context]


def _from_json(number: int, told: Sequence[Any]) -> Batch:
    source, file, offset, section, rows, context = told
    made = None if context is None else Context(**context)
    return Batch(number, source, At(file, offset, section), rows, made)
