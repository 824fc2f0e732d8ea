"""Some events of one source, whatever kind of source it is."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture import batches as facts
from engine.columns import Segment
from engine.segments import EventSource
from engine.syscalls.segment import SyscallSegment

Numbers = npt.NDArray[np.int64]


class Piece(Protocol):
    """``numbers`` and ``times`` (nanoseconds since the epoch) of the events: int64, shape (n,),
    numbers ascending."""

    def __len__(self) -> int: ...

    @property
    def numbers(self) -> Numbers: ...

    @property
    def times(self) -> Numbers: ...

    def part(self, start: int, stop: int) -> Piece:
        """The events from one place to another."""
        ...

    def segment(self, source: EventSource) -> Segment:
        """What gives the columns of these events; ``source`` knows the plugins of theirs."""
        ...


class PluginPiece:
    """Events of a plugin source: a batch of schema ``capture.schema.PLUGIN_EVENTS``."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.batch = batch

    def __len__(self) -> int:
        rows: int = self.batch.num_rows
        return rows

    @property
    def numbers(self) -> Numbers:
        return facts.numbers(self.batch).astype(np.int64)

    @property
    def times(self) -> Numbers:
        return facts.times(self.batch)

    def part(self, start: int, stop: int) -> PluginPiece:
        return PluginPiece(self.batch.slice(start, stop - start))

    def segment(self, source: EventSource) -> Segment:
        return source.segment(self.batch)


class SyscallPiece:
    """System call events, their state known."""

    def __init__(self, segment: SyscallSegment) -> None:
        self._segment = segment

    def __len__(self) -> int:
        return len(self._segment)

    @property
    def numbers(self) -> Numbers:
        return self._segment.events.num.astype(np.int64)

    @property
    def times(self) -> Numbers:
        return self._segment.events.time.astype(np.int64)

    def part(self, start: int, stop: int) -> SyscallPiece:
        return SyscallPiece(self._segment.take(np.arange(start, stop)))

    def segment(self, source: EventSource) -> Segment:
        return self._segment
