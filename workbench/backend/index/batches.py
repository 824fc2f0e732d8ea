"""Where each batch of a capture is, and the segment that it makes; the last few are kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.placed import At
from capture.reader import Capture
from engine.columns import Segment
from engine.fields.catalogue import SYSCALL
from engine.segments import EventSource
from engine.syscalls.segment import SyscallSource
from engine.syscalls.state import State
from workbench.backend.index.states import Told, read_state

#: Batches whose segments, with the columns made of them, stay in memory.
KEPT = 6


@dataclass(frozen=True, slots=True)
class Context:
    """What a batch of system calls follows on: the fields of ``SyscallSource`` before it."""

    first_num: int | None
    first_time: int | None
    last_time: int
    count: int

    @classmethod
    def of(cls, source: SyscallSource) -> Context:
        return cls(source.first_num, source.first_time, source.last_time, source.count)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch: the ``number``-th of the index. ``rows`` counts all its events, judged or not;
    ``context`` is None for a plugin's."""

    number: int
    source: str
    at: At
    rows: int
    context: Context | None


class Segments(Protocol):
    """Gives the segment of a batch: the same object while it is among the last few asked for."""

    def segment(self, batch: Batch) -> Segment: ...


class StoredSegments:
    """Segments read from the capture and the folder of the index."""

    def __init__(
        self,
        capture: Capture,
        folder: Path,
        sections: Callable[[int], Section],
        sources: Callable[[str], EventSource],
        kept: int = KEPT,
    ) -> None:
        self._capture = capture
        self._folder = folder
        self._sections = sections
        self._sources = sources
        self._kept = kept
        self._known: OrderedDict[int, Segment] = OrderedDict()
        self._lock = threading.Lock()

    def segment(self, batch: Batch) -> Segment:
        """Raises CaptureError where it can be read no more."""
        with self._lock:
            known = self._known.get(batch.number)
            if known is not None:
                self._known.move_to_end(batch.number)
                return known
        made = self._made(batch)
        self.put(batch.number, made)
        return made

    def put(self, number: int, segment: Segment) -> None:
        """A segment that was just made, by whoever walks the capture."""
        with self._lock:
            self._known[number] = segment
            self._known.move_to_end(number)
            while len(self._known) > self._kept:
                self._known.popitem(last=False)

    def _made(self, batch: Batch) -> Segment:
        events: pa.RecordBatch = self._capture.read_at(batch.source, batch.at)
        if batch.context is None:
            return self._sources(batch.source).segment(events)
        path = self._folder / state_name(batch.number)
        try:
            state, ordered = read_state(path, batch.rows)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CaptureError(f"the index of the capture is damaged: {error}") from None
        section = self._sections(batch.at.section)
        context = batch.context
        source = SyscallSource(
            first_num=context.first_num,
            first_time=context.first_time,
            last_time=context.last_time,
            count=context.count,
            carried=Told(ordered),
        )
        source.begin(section)
        return source.segment(EventBatch.of(events, batch.at.section), State.of(state))


def state_name(number: int) -> str:
    """The file of a batch's state."""
    return f"state-{number:06}.arrow"


def is_syscall(batch: Batch) -> bool:
    return batch.source == SYSCALL
