"""Recording what feeds give into a capture."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from capture.errors import FalcowbError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.manifest import SYSCALL, SourceInfo
from workbench.core.call_feed import CallFeed
from workbench.core.feeds import Begin, Came, Feed, Item, Lost, Remark
from workbench.core.incoming import PATIENCE, Incoming
from workbench.core.rotating import Captures, FreshState

#: Seconds between two warnings that events are lost.
_WARN_EVERY = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """When a recording ends by itself; None: not for that reason. ``bytes`` are those on disk;
    ``seconds`` count from when the state of the host is known, where system calls are recorded."""

    events: int | None = None
    seconds: float | None = None
    bytes: int | None = None


class Sink(Protocol):
    """What is recorded into. ``path`` is where; it may change with ``rotate``, which ends the part
    being written and begins another. ``counts`` are events and drops by source."""

    @property
    def path(self) -> Path: ...

    @property
    def counts(self) -> dict[str, tuple[int, int]]: ...
    @property
    def size(self) -> int: ...
    def begin_section(self, section: Section) -> None: ...
    def write(self, source: str, batch: pa.RecordBatch) -> None: ...
    def write_events(self, batch: EventBatch) -> None: ...
    def drop(self, source: str, count: int, reason: str, when: int | None = None) -> None: ...
    def note(self, text: str) -> None: ...
    def remark(self, source: str, text: str) -> None: ...
    def tick(self) -> None: ...
    def rotate(self, fresh: FreshState | None) -> Path: ...
    def close(self, *, complete: bool = True, reason: str = "") -> None: ...


class Watch(Protocol):
    """Looks at everything that is recorded, after it was written."""

    def take(self, item: Item) -> None: ...
    def tick(self) -> None:
        """Nothing came for a moment."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Told:
    """What has been recorded so far: ``counts`` are events and drops by source, ``lost`` events
    by what they were; ``notes`` are what went wrong and did not end the recording."""

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    bytes: int = 0


class Recorder:
    """Records several feeds side by side, one thread each, until they end or ``stop`` is set.

    ``make_sink`` makes what is recorded into, from the sources. ``watch`` sees all that is
    recorded. ``exit_on_drop``: the first event that is lost ends the recording. Whenever ``rotate``
    is set, the sink is rotated. Use once: ``start`` opens the feeds, ``run`` blocks.
    """

    def __init__(
        self,
        make_sink: Callable[[Sequence[SourceInfo]], Sink],
        feeds: Sequence[Feed],
        limits: Limits | None = None,
        *,
        stop: threading.Event | None = None,
        rotate: threading.Event | None = None,
        watch: Watch | None = None,
        exit_on_drop: bool = False,
    ) -> None:
        self.told = Told()
        self._limits = limits or Limits()
        self._incoming = Incoming(feeds, stop=stop)
        self._stop = self._incoming.stop
        self._rotate = rotate or threading.Event()
        self._fresh = next((each.read_state for each in feeds if isinstance(each, CallFeed)), None)
        self._watch = watch
        self._exit_on_drop = exit_on_drop
        self._say: Callable[[str], None] = lambda _text: None
        self.feeds = tuple(feeds)
        self._make_sink = make_sink
        self._sink: Sink | None = None
        self._ended_by_drop = ""
        self._warn_at = 0.0

    @property
    def hanging(self) -> list[str]:
        """Feeds that were left behind because they do not answer; their threads still run."""
        return self._incoming.hanging

    def start(self, say: Callable[[str], None] = lambda _text: None) -> None:
        """Open the feeds, then make the capture; ``say`` is told at once what a person should know,
        from now on. Raises what one of the feeds raises."""
        self._say = say
        if self._limits.events is not None:
            self._incoming.limit(self._limits.events)
        opening = self._incoming.start()
        try:
            self._sink = self._make_sink([feed.info() for feed in self._incoming.feeds])
        except BaseException:
            self._incoming.leave()
            raise
        for label in opening:
            self._note(f"{_capital(label)} has not opened within 30 s; recording goes on.")

    def run(self) -> None:
        """Record to the end. Raises what a feed or the disk raised, after closing the capture,
        which then says that it ended early and why."""
        sink = self._sink
        assert sink is not None, "start comes first"
        try:
            self._record(sink)
            if self._watch is not None:
                self._watch.close()
        except BaseException as error:
            self._incoming.leave()
            # An error under way says more than a second one from closing.
            with contextlib.suppress(FalcowbError, OSError):
                if self._watch is not None:
                    self._watch.close()
            self.told.counts = sink.counts
            with contextlib.suppress(FalcowbError):
                _close_early(sink, error)
            raise
        sink.close()
        self.told.counts = sink.counts

    def _record(self, sink: Sink) -> None:
        started = time.monotonic()
        looked = started
        limits = self._limits
        for item in self._incoming.items():
            if isinstance(item, Begin):
                started = time.monotonic()  # from now on everything is known that happens
            if item is None:
                sink.tick()
            else:
                self._take(sink, item)
            if self._watch is not None:
                self._watch.tick() if item is None else self._watch.take(item)
            if self._rotate.is_set():
                self._rotate.clear()
                self._say(f"Writing {sink.rotate(self._fresh)}.")
            now = time.monotonic()
            if limits.seconds is not None and now - started >= limits.seconds:
                self._stop.set()
            if now - looked >= 0.25:
                looked = now
                self.told.counts, self.told.bytes = sink.counts, sink.size
                if limits.bytes is not None and self.told.bytes >= limits.bytes:
                    self._stop.set()
                for label in self._incoming.silent():
                    self._note(f"{_capital(label)} has given no sign of life for a while.")
        if self._incoming.hanging:
            raise FalcowbError(
                f"{', '.join(self._incoming.hanging)} gave no answer within {PATIENCE:.0f} s of "
                "being asked to stop",
                hint="The capture holds all events that it gave before.",
            )
        if self._ended_by_drop:
            raise FalcowbError(
                f"the recording was ended because events were lost ({self._ended_by_drop})",
                hint="Record fewer calls (--rules, --pid), give a larger --buffer, or let it go on "
                "with --on-drop warn.",
            )

    def _take(self, sink: Sink, item: Item) -> None:
        match item:
            case Begin(section, notes):
                sink.begin_section(section)
                for note in notes:
                    sink.remark(SYSCALL, note)
                self.told.notes += notes
            case Came(source, events):
                if isinstance(events, EventBatch):
                    sink.write_events(events)
                else:
                    sink.write(source, events)
            case Remark(source, text):
                sink.remark(source, text)
                self.told.notes.append(text)
            case Lost():
                sink.drop(item.source, item.count, item.reason, item.when)
                self.told.lost[item.reason] += item.count
                self._warn_of_losses()
                if self._exit_on_drop and not self._ended_by_drop:
                    self._ended_by_drop = f"{item.count:,}, {item.reason}"
                    self._stop.set()

    def _warn_of_losses(self) -> None:
        """Say at once that events are lost, and then now and then how many."""
        now = time.monotonic()
        if now >= self._warn_at:
            self._warn_at = now + _WARN_EVERY
            self._say(f"Events are being lost: {self.told.lost.total():,} so far.")

    def _note(self, text: str) -> None:
        assert self._sink is not None
        self._sink.note(text)
        self.told.notes.append(text)
        self._say(text)


def _close_early(sink: Sink, error: BaseException) -> None:
    """Close, saying why."""
    by_hand = isinstance(error, KeyboardInterrupt)
    reason = str(error).partition("\n")[0] or type(error).__name__
    sink.close(complete=by_hand, reason="stopped by hand" if by_hand else reason)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def capture_sink(path: str | Path, *, overwrite: bool) -> Callable[[Sequence[SourceInfo]], Sink]:
    """Makes a plain capture."""
    return lambda sources: Captures(Path(path), sources, overwrite=overwrite)
