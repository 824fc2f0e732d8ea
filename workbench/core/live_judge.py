"""Judging events as they come, in batches small enough to be timely."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pyarrow as pa

from capture import batches as facts
from capture.events.schema import EventBatch
from capture.events.shapes import fit, join
from capture.manifest import SYSCALL
from engine.state.machine import StateEngine
from engine.syscalls.segment import SyscallSource
from engine.syscalls.state import State
from workbench.core.events import Window
from workbench.core.feeds import Begin, Came, Item, Lost
from workbench.core.pieces import Piece, PluginPiece, SyscallPiece

#: Seconds that events are gathered: longer where judging takes long, so that it leaves the machine
#: to others (a set of two hundred rules takes 30 ms for its first event), and never so long that
#: an alert is late.
_LEAST, _MOST, _SHARE = 0.1, 0.5, 8
#: Events that are judged without waiting for more.
_EVENTS = 1 << 15


class LiveWindows:
    """Gathers what comes into windows of events with their state.

    ``judge`` is called with each window; how long it takes decides how long the next is gathered.
    """

    def __init__(self, judge: Callable[[Window], None]) -> None:
        self._judge = judge
        self._engine = StateEngine(containers=True)
        self._source = SyscallSource()
        self._calls: list[EventBatch] = []
        self._plugins: dict[str, list[pa.RecordBatch]] = {}
        self._events = 0
        self._since = 0.0
        self._gather = _LEAST

    def take(self, item: Item) -> None:
        """What came; it may be judged at once."""
        match item:
            case Begin(section):
                self.flush()
                self._engine.begin(section)
                self._source.begin(section)
            case Came(source, events):
                if isinstance(events, EventBatch):
                    if not fit([*self._calls, events]):
                        self.flush()
                    self._calls.append(events)
                else:
                    self._plugins.setdefault(source, []).append(events)
                if not self._events:
                    self._since = time.monotonic()
                self._events += len(item)
            case Lost():
                pass
        self.tick()

    def tick(self) -> None:
        """Let time pass: judge what has waited long enough."""
        if not self._events:
            return
        if self._events >= _EVENTS or time.monotonic() - self._since >= self._gather:
            self.flush()

    def flush(self) -> None:
        """Judge all that has come."""
        if not self._events:
            return
        started = time.monotonic()
        self._judge(dict(self._pieces()))
        took = time.monotonic() - started
        self._gather = min(max(took * _SHARE, _LEAST), _MOST)

    def _pieces(self) -> Iterator[tuple[str, Piece]]:
        calls, plugins = self._calls, self._plugins
        self._calls, self._plugins, self._events = [], {}, 0
        if calls:
            batch = join(calls)
            segment = self._source.segment(batch, State.of(self._engine.feed(batch)))
            if len(segment):
                yield SYSCALL, SyscallPiece(segment)
        for source, batches in plugins.items():
            yield source, PluginPiece(_joined(batches))


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return facts.join(batches)
