"""The events of several feeds in one row, as they come, with one count of numbers."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture import batches as facts
from capture.errors import FalcowbError
from capture.events.schema import EventBatch, cut
from workbench.core.feeds import Came, Feed, Item

#: Batches that may wait to be taken; what comes beyond waits, or is lost and counted, in the feed.
_WAITING = 4
#: Seconds a feed may take to end once it is told to stop.
PATIENCE = 5.0
#: Seconds a feed may take to open before the others go on without it.
_OPENING = 30.0
#: Seconds without any sign of life after which a feed is said to hang.
_SILENT = 15.0


@dataclass(slots=True)
class _Runner:
    """One feed in a thread of its own."""

    feed: Feed
    thread: threading.Thread | None = None
    opened: bool = False
    ended: bool = False
    alive_at: float = 0.0
    told_silent: bool = False


class Incoming:
    """Runs feeds side by side. ``stop`` ends them all; it is also set when one fails.

    ``start`` opens them; ``items`` then gives what comes: everything has its number, ascending over
    all sources, from ``first_num`` on. ``hanging``: labels of feeds that did not answer; their
    threads are left behind.
    """

    def __init__(
        self, feeds: Sequence[Feed], *, stop: threading.Event | None = None, first_num: int = 1
    ) -> None:
        names = [feed.source for feed in feeds]
        if len(set(names)) != len(names):
            raise FalcowbError("two plugins give events of one source; record them one by one")
        self.feeds = tuple(feeds)
        self.stop = stop or threading.Event()
        self.next_num = first_num
        self.hanging: list[str] = []
        self._runners = [_Runner(feed) for feed in feeds]
        self._queue: queue.Queue[Item | _Runner] = queue.Queue(_WAITING)
        self._failure: BaseException | None = None
        self._last: int | None = None  # number of the last event that is wanted
        self._left = False  # nobody takes anything any more

    def start(self) -> list[str]:
        """Open all feeds; raises what the first one to fail raises, after closing the others.
        Gives the labels of those that are still opening after a long while."""
        for runner in self._runners:
            runner.alive_at = time.monotonic()
            runner.thread = threading.Thread(
                target=self._run, args=(runner,), name=runner.feed.label, daemon=True
            )
            runner.thread.start()
        deadline = time.monotonic() + _OPENING
        while time.monotonic() < deadline and not self.stop.is_set() and not self._failure:
            if all(runner.opened or runner.ended for runner in self._runners):
                break
            time.sleep(0.005)
        if self._failure:
            self.leave()
            raise self._failure
        return [each.feed.label for each in self._runners if not (each.opened or each.ended)]

    def items(self) -> Iterator[Item | None]:
        """What comes, until all feeds have ended, or a few seconds after ``stop``; None when
        nothing came for a moment. Raises what a feed raised, after the rest has been given."""
        stopped_at: float | None = None
        while not all(runner.ended for runner in self._runners):
            try:
                item = self._queue.get(timeout=0.1)
            except queue.Empty:
                item = None
            if self.stop.is_set():
                stopped_at = stopped_at or time.monotonic()
                if time.monotonic() - stopped_at > PATIENCE and item is None:
                    break
            if isinstance(item, _Runner):
                item.ended = True
                continue
            yield self._numbered(item) if isinstance(item, Came) else item
            if self._last is not None and self.next_num > self._last:
                break
        self.leave(PATIENCE if stopped_at is None else 0.2)
        if self._failure:
            raise self._failure

    def limit(self, events: int) -> None:
        """End after so many more events: what comes beyond is cut off."""
        self._last = self.next_num + events - 1

    def silent(self) -> list[str]:
        """Feeds that have shown no sign of life for long, each told once."""
        now = time.monotonic()
        found = []
        for runner in self._runners:
            waiting = runner.opened and not runner.ended and not self._queue.full()
            if waiting and now - runner.alive_at > _SILENT and not runner.told_silent:
                runner.told_silent = True
                found.append(runner.feed.label)
        return found

    def leave(self, patience: float = PATIENCE) -> None:
        """Nothing more is taken: feeds end, as soon as they notice."""
        self.stop.set()
        self._left = True
        deadline = time.monotonic() + patience
        for runner in self._runners:
            if runner.thread is not None:
                runner.thread.join(max(0.0, deadline - time.monotonic()))
                if runner.thread.is_alive() and runner.feed.label not in self.hanging:
                    self.hanging.append(runner.feed.label)

    def _numbered(self, came: Came) -> Came:
        """The events with their numbers, as many as are wanted."""
        rows = len(came)
        if self._last is not None:
            left = self._last + 1 - self.next_num
            if rows > left:
                rows, came = left, _first(came, left)
        numbered = Came(came.source, numbered_from(came.events, self.next_num))
        self.next_num += rows
        return numbered

    def _run(self, runner: _Runner) -> None:
        feed = runner.feed
        try:
            feed.open()
            runner.opened = True
            for item in feed.items(self.stop):
                runner.alive_at = time.monotonic()
                if item is not None and not self._put(item):
                    return
        except BaseException as error:
            self._failure = self._failure or error
            self.stop.set()
        finally:
            feed.close()
            self._put(runner)

    def _put(self, item: Item | _Runner) -> bool:
        while not self._left:
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False


def numbered_from(events: EventBatch | pa.RecordBatch, first: int) -> EventBatch | pa.RecordBatch:
    """The same events, numbered from ``first``."""
    if isinstance(events, EventBatch):
        batch = _numbered_from(events.batch, first)
        if batch is events.batch:
            return events
        return EventBatch(batch, events.codes, events.type_ids, events.offsets, events.section)
    return _numbered_from(events, first)


def _numbered_from(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    rows = batch.num_rows
    have = facts.numbers(batch)
    if rows and int(have[0]) == first and int(have[-1]) == first + rows - 1:
        return batch
    numbers = pa.array(np.arange(first, first + rows, dtype=np.uint64))
    return pa.RecordBatch.from_arrays([numbers, *batch.columns[1:]], schema=batch.schema)


def _first(came: Came, rows: int) -> Came:
    events = came.events
    if isinstance(events, EventBatch):
        return Came(came.source, cut(events, 0, rows))
    return Came(came.source, events.slice(0, rows))
