"""Judging events as they come, in batches small enough to be timely."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from capture import batches as facts
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.events.shapes import fit, join
from capture.manifest import SYSCALL
from engine.state.machine import StateEngine
from engine.syscalls.segment import SyscallSource
from engine.syscalls.state import State
from workbench.core.events import Window
from workbench.core.feeds import Begin, Came, Item, Lost
from workbench.core.pieces import Piece, PluginPiece, SyscallPiece

#: Seconds that events are gathered. After judging there is a pause so many times longer than it
#: took, to leave the machine to others (two hundred rules take 30 ms for a first event), and never
#: so long that an alert is late.
_LEAST, _MOST, _SHARE = 0.1, 0.5, 8
#: Events that are judged without waiting for more.
_EVENTS = 1 << 15


class LiveWindows:
    """Gathers what comes into windows of events with their state.

    ``judge`` is called with each window; how long it takes decides how soon it is called again.
    ``walked``: number, time and section of the last system call whose state is known.
    """

    def __init__(self, judge: Callable[[Window], None]) -> None:
        self._judge = judge
        self._engine = StateEngine(containers=True)
        self._source = SyscallSource()
        self._calls: list[EventBatch] = []
        self._plugins: dict[str, list[pa.RecordBatch]] = {}
        self._events = 0
        self._due = 0.0  # when events that wait are judged
        self._rested = 0.0  # until when judging pauses
        self.walked: tuple[int, int, int] = (0, 0, 0)

    def take(self, item: Item) -> None:
        """What came; it may be judged at once."""
        match item:
            case Begin(section):
                self.flush()
                self._engine.begin(section)
                self.walked = *self.walked[:2], section.number
                self._source.begin(section)
            case Came(source, events):
                if isinstance(events, EventBatch):
                    if not fit([*self._calls, events]):
                        self.flush()
                    self._calls.append(events)
                else:
                    self._plugins.setdefault(source, []).append(events)
                if not self._events:
                    self._due = max(time.monotonic() + _LEAST, self._rested)
                self._events += len(item)
            case Lost():
                pass
        self.tick()

    def tick(self) -> None:
        """Let time pass: judge what has waited long enough."""
        if not self._events:
            return
        if self._events >= _EVENTS or time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Judge all that has come."""
        if not self._events:
            return
        started = time.monotonic()
        self._judge(dict(self._pieces()))
        ended = time.monotonic()
        self._rested = ended + min((ended - started) * _SHARE, _MOST)

    def snapshot(self) -> Section:
        """The state after the events that were judged last."""
        return self._engine.snapshot(self.walked[2])

    def _pieces(self) -> Iterator[tuple[str, Piece]]:
        calls, plugins = self._calls, self._plugins
        self._calls, self._plugins, self._events = [], {}, 0
        if calls:
            batch = join(calls)
            segment = self._source.segment(batch, State.of(self._engine.feed(batch)))
            last = batch.num_rows - 1
            number, when = (
                int(facts.numbers(batch.batch)[last]),
                int(facts.times(batch.batch)[last]),
            )
            self.walked = number, when, batch.section
            if len(segment):
                yield SYSCALL, SyscallPiece(segment)
        for source, batches in plugins.items():
            yield source, PluginPiece(_joined(batches))


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return facts.join(batches)
