"""The events of a window of time, copied source by source from a ring that is being written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa

from capture import batches as facts
from capture.events.schema import EventBatch, cut
from capture.events.section import Section
from capture.manifest import SYSCALL
from capture.tail import Tail
from capture.writer import CaptureWriter
from engine.state.machine import StateEngine


@dataclass(frozen=True, slots=True)
class Base:
    """The state after event ``num`` (0: before the first) of ``time``, nanoseconds since the epoch,
    from which the state at the start of a window is walked to; None where it is not known."""

    num: int
    time: int
    section: Section | None


#: Notes the events of a source that were lost up to a time.
Losses = Callable[[str, int], None]


class Copy(Protocol):
    """One source. ``tail`` is where it is read."""

    source: str
    tail: Tail

    def go_on(self, stop: int) -> None:
        """Copy what there is of up to ``stop`` (included)."""
        ...

    def end(self) -> None:
        """Nothing more comes."""
        ...


class PluginCopy:
    """A plugin's events from ``start`` on."""

    def __init__(
        self, source: str, tail: Tail, writer: CaptureWriter, start: int, losses: Losses
    ) -> None:
        self.source = source
        self._losses = losses
        self.tail = tail
        self._writer = writer
        self._start = start
        self._rest: pa.RecordBatch | None = None

    def go_on(self, stop: int) -> None:
        if self._rest is not None:
            rest, self._rest = self._rest, None
            self._take(rest, stop)
        if self._rest is not None:
            return
        for _, batch in self.tail.read():
            self._take(facts.between(batch, self._start, None), stop)
            if self._rest is not None:
                return

    def end(self) -> None:
        """There is nothing to do."""

    def _take(self, batch: pa.RecordBatch, stop: int) -> None:
        later = np.flatnonzero(facts.times(batch) > stop)
        rows = int(later[0]) if len(later) else batch.num_rows
        if rows:
            self._losses(self.source, int(facts.times(batch)[0]))
            self._writer.write(self.source, batch.slice(0, rows))
        if rows < batch.num_rows:
            self._rest = batch.slice(rows)


class CallCopy:
    """System calls from ``start`` on, in a section with the state at the first of them.

    ``sections``: those that may have begun since ``base``, by number.
    """

    source = SYSCALL

    def __init__(
        self,
        tail: Tail,
        writer: CaptureWriter,
        start: int,
        base: Base,
        sections: Mapping[int, Section],
        losses: Losses,
    ) -> None:
        self.tail = tail
        self._losses = losses
        self._writer = writer
        self._start = start
        self._after = base.num
        self._sections = sections
        self._engine: StateEngine | None = StateEngine(base.section)
        self._section = base.section.number if base.section is not None else 0
        self._rest: EventBatch | None = None

    def go_on(self, stop: int) -> None:
        if self._rest is not None:
            rest, self._rest = self._rest, None
            self._take(rest, stop)
        if self._rest is not None:
            return
        for frame, batch in self.tail.read():
            if frame.span is not None and frame.span.last_num <= self._after:
                continue
            self._come(EventBatch.of(batch, frame.section), stop)
            if self._rest is not None:
                return

    def end(self) -> None:
        """Without an event in the window there is still the state."""
        self._begin()

    def _come(self, events: EventBatch, stop: int) -> None:
        if events.section != self._section:
            self._enter(events.section)
        known = int(np.searchsorted(facts.numbers(events.batch), self._after, side="right"))
        if known:
            events = cut(events, known, events.num_rows)
        if self._engine is not None:
            later = np.flatnonzero(facts.times(events.batch) >= self._start)
            first = int(later[0]) if len(later) else events.num_rows
            if first:
                self._engine.feed(cut(events, 0, first))
            if first == events.num_rows:
                return
            self._begin()
            events = cut(events, first, events.num_rows)
        self._take(events, stop)

    def _begin(self) -> None:
        """The window begins: with the state as it now is."""
        if self._engine is not None:
            self._writer.begin_section(self._engine.snapshot(self._section))
            self._engine = None

    def _enter(self, number: int) -> None:
        """Events go on from another state."""
        self._section = number
        section = self._sections.get(number)
        if section is None:
            self._writer.note(f"The state that section {number} begins with is not known.")
            section = Section.of(number)
        if self._engine is not None:
            self._engine.begin(section)
        else:
            self._writer.begin_section(section)

    def _take(self, events: EventBatch, stop: int) -> None:
        later = np.flatnonzero(facts.times(events.batch) > stop)
        rows = int(later[0]) if len(later) else events.num_rows
        if rows:
            self._losses(SYSCALL, int(facts.times(events.batch)[0]))
            self._writer.write_events(cut(events, 0, rows))
        if rows < events.num_rows:
            self._rest = cut(events, rows, events.num_rows)
