"""A capture that is ended on request, and goes on in another beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.manifest import SYSCALL, SourceInfo
from capture.writer import CaptureWriter
from workbench.core.feeds import Begin

#: The state of the host as it now is, and the events that make its containers known.
FreshState = Callable[[], tuple[Begin, EventBatch | None]]


class Captures:
    """Captures ``X.fcap``, ``X-2.fcap``, ``X-3.fcap`` …, each whole in itself: what is recorded
    goes to the last of them. Numbers of events go on from one to the next."""

    def __init__(
        self, path: Path, sources: Sequence[SourceInfo], *, overwrite: bool = False
    ) -> None:
        self.path = path
        self._first = path
        self._infos = tuple(sources)
        self._overwrite = overwrite
        self._count = 1
        self._done: dict[str, Counter[str]] = {}
        self._done_bytes = 0
        self._last_num = 0
        self._writer = CaptureWriter(path, sources, overwrite=overwrite)

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        now = self._writer.counts
        before = self._done
        return {
            name: (events + before[name]["events"], drops + before[name]["drops"])
            if name in before
            else (events, drops)
            for name, (events, drops) in now.items()
        }

    @property
    def size(self) -> int:
        return self._done_bytes + self._writer.size

    def begin_section(self, section: Section) -> None:
        self._writer.begin_section(section)

    def write(self, source: str, batch: pa.RecordBatch) -> None:
        self._writer.write(source, batch)
        self._note_last(batch)

    def write_events(self, batch: EventBatch) -> None:
        self._writer.write_events(batch)
        self._note_last(batch.batch)

    def drop(self, source: str, count: int, reason: str, when: int | None = None) -> None:
        self._writer.drop(source, count, reason, when)

    def note(self, text: str) -> None:
        self._writer.note(text)

    def remark(self, source: str, text: str) -> None:
        self._writer.remark(source, text)

    def tick(self) -> None:
        self._writer.tick()

    def close(self, *, complete: bool = True, reason: str = "") -> None:
        self._writer.close(complete=complete, reason=reason)

    def rotate(self, fresh: FreshState | None) -> Path:
        """End this capture and go on in the next; where that is. ``fresh`` gives the state that
        system calls go on from. Raises CaptureError where the next cannot be made."""
        path = self._next_path()
        # Events of before this moment that are yet to come are older than the state: it knows.
        begin = None if fresh is None else fresh()
        counts, size = self.counts, self.size
        self._writer.close(reason="rotated")
        self._writer = CaptureWriter(path, self._infos, overwrite=self._overwrite)
        self.path = path
        self._done = {
            name: Counter(events=events, drops=drops) for name, (events, drops) in counts.items()
        }
        self._done_bytes = size
        if begin is not None:
            state, containers = begin
            self._writer.begin_section(state.section)
            for note in state.notes:
                self._writer.remark(SYSCALL, note)
            if containers is not None:
                self._writer.write_events(_at(containers, self._last_num))
        elif any(info.name == SYSCALL for info in self._infos):
            raise CaptureError("the state of the host is not known")
        return path

    def _next_path(self) -> Path:
        while True:
            self._count += 1
            path = self._first.with_name(f"{self._first.stem}-{self._count}{self._first.suffix}")
            if self._overwrite or not path.exists():
                return path

    def _note_last(self, batch: pa.RecordBatch) -> None:
        if batch.num_rows:
            self._last_num = batch.column("num")[-1].as_py()


def _at(events: EventBatch, number: int) -> EventBatch:
    """Events that open a section, with the number before it."""
    batch = events.batch
    numbers = pa.array(np.full(batch.num_rows, number, np.uint64))
    same = pa.RecordBatch.from_arrays([numbers, *batch.columns[1:]], schema=batch.schema)
    return EventBatch(same, events.codes, events.type_ids, events.offsets, events.section)
