"""A capture as a ring: the newest segments are kept, the oldest are let go.

    ring = Ring("host.fcap", sources, RingLimits(bytes=2 << 30), StateEngine)

It is recorded into as into a ``CaptureWriter``. Once it is full, a thread walks the system calls of
its oldest segments, writes down the state in which they leave the machine, and only then lets them
go: the rest opens with that state as if recording had begun there. The steps are such that a
recorder which is killed between any two of them leaves a capture that opens whole:

1. the state goes into a folder of its own that nothing refers to yet (``start-NNNNN``);
2. the manifest, replaced in one step, says what is let go and which state the rest begins with;
3. the segments and the state before are removed. What is left of them is never read.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import pyarrow as pa

from capture.errors import CaptureError, FalcowbError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.folder import Folder, segment_index, start_index
from capture.manifest import SYSCALL, SegmentInfo, SourceInfo
from capture.state_tables import write_start
from capture.stored_calls import call_decoders
from capture.streams import stream
from capture.times import format_time
from capture.writer import RESERVE_BYTES, CaptureWriter, FlushPolicy

#: Into how many segments a ring is cut, and what one of them may be.
_PARTS = 16
_LEAST_SEGMENT, _MOST_SEGMENT = 64 << 10, 64 << 20
#: The smallest ring: a batch in hand and a state must have their place in it.
LEAST_BYTES = 1 << 20
LEAST_SECONDS = 1.0
#: How far holding may let a ring grow beyond its size.
_HELD_SHARE = 0.5
#: Seconds between two looks at the ring.
_EVERY = 0.25


class Roller(Protocol):
    """Walks events and knows the state after them; ``engine.state.machine.StateEngine`` is one."""

    def begin(self, start: Section) -> None: ...
    def feed(self, batch: EventBatch) -> object: ...
    def snapshot(self, number: int) -> Section: ...


@dataclass(frozen=True, slots=True)
class RingLimits:
    """How much is kept: bytes on disk, seconds of events, or whichever is less."""

    bytes: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if self.bytes is None and self.seconds is None:
            raise CaptureError("a ring is of a size or of a time")
        if self.bytes is not None and self.bytes < LEAST_BYTES:
            raise CaptureError(f"a ring is of {LEAST_BYTES:,} bytes at least")
        if self.seconds is not None and self.seconds < LEAST_SECONDS:
            raise CaptureError(f"a ring is of {LEAST_SECONDS:.0f} second at least")

    @property
    def segment_bytes(self) -> int:
        """Size of one segment."""
        if self.bytes is None:
            return _MOST_SEGMENT
        return min(max(self.bytes // _PARTS, _LEAST_SEGMENT), _MOST_SEGMENT)

    @property
    def segment_seconds(self) -> float:
        """Age at which a segment is finished."""
        return float("inf") if self.seconds is None else max(self.seconds / _PARTS, 0.25)


class Ring:
    """Records like ``capture.writer.CaptureWriter`` (which see for what is not told here), and
    keeps the newest. To be closed.

    ``roller`` makes what walks the system calls that are let go. ``background``: let go in a thread
    of its own; otherwise :meth:`turn` is to be called now and then.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sources: Iterable[SourceInfo | str],
        limits: RingLimits,
        roller: Callable[[], Roller],
        *,
        policy: FlushPolicy | None = None,
        overwrite: bool = False,
        background: bool = True,
    ) -> None:
        self.limits = limits
        policy = replace(policy or FlushPolicy(), segment_bytes=limits.segment_bytes)
        self.writer = CaptureWriter(path, sources, policy=policy, overwrite=overwrite)
        self.path = self.writer.path
        self._folder = Folder.open(self.path)
        self._make_roller = roller
        self._roller: Roller | None = None
        self._sections: deque[Section] = deque()  # begun, and not yet walked into
        self._section = 0
        self._rolled_num = 0
        self._state_bytes = 0
        self._held: dict[object, dict[str, int]] = {}
        self._lock = threading.Lock()
        self._turning = threading.Lock()
        self._ended_at = time.monotonic()
        self._stop = threading.Event()
        self._failure: FalcowbError | None = None
        self._thread: threading.Thread | None = None
        if background:
            self._thread = threading.Thread(target=self._work, name="ring", daemon=True)
            self._thread.start()

    # Recording

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Events and drops of each source so far, those let go included."""
        gone = {info.name: info.let_go.events for info in self.infos if info.let_go}
        return {
            name: (events + gone.get(name, 0), drops)
            for name, (events, drops) in self.writer.counts.items()
        }

    @property
    def size(self) -> int:
        """Bytes on disk: segments, gaps, states, and what is set aside for the end mark."""
        return self.writer.disk_bytes + self._state_bytes + RESERVE_BYTES

    @property
    def infos(self) -> tuple[SourceInfo, ...]:
        """The sources as the manifest has them."""
        return self.writer.infos

    def begin_section(self, section: Section) -> None:
        self.writer.begin_section(section)
        with self._lock:
            self._sections.append(section)

    def write(self, source: str, batch: pa.RecordBatch) -> None:
        self._refuse_if_failed()
        self.writer.write(source, batch)
        self._wait_for_room()

    def write_events(self, batch: EventBatch) -> None:
        self._refuse_if_failed()
        self.writer.write_events(batch)
        self._wait_for_room()

    def drop(self, source: str, count: int, reason: str, when: int | None = None) -> None:
        self.writer.drop(source, count, reason, when)

    def note(self, text: str) -> None:
        self.writer.note(text)

    def remark(self, source: str, text: str) -> None:
        self.writer.remark(source, text)

    def flush(self) -> None:
        self.writer.flush()

    def tick(self) -> None:
        """Let time pass: flush what is due, finish segments that are old."""
        self.writer.tick()
        now = time.monotonic()
        if now - self._ended_at >= self.limits.segment_seconds:
            self._ended_at = now
            self.writer.end_segments()

    def rotate(self, _fresh: object = None) -> Path:
        """Finish the segments being written: what was recorded until now can be copied."""
        self.writer.end_segments()
        return self.path

    def close(self, *, complete: bool = True, reason: str = "") -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self.writer.close(complete=complete, reason=reason)
        finally:
            self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):
            self.close(reason="stopped by hand" if error else "")
            return
        with contextlib.suppress(CaptureError):
            self.close(complete=False, reason=str(error).partition("\n")[0] or type(error).__name__)

    # Who still reads

    def hold(self, who: object, source: str, first: int) -> None:
        """Segments of a source from number ``first`` on are still read by ``who`` and are not let
        go, as long as the ring does not outgrow its size by half."""
        with self._lock:
            self._held.setdefault(who, {})[source] = first

    def release(self, who: object) -> None:
        with self._lock:
            self._held.pop(who, None)

    # Letting go

    def turn(self, now: int | None = None) -> int:
        """Let go what is over the limits; how many segments. ``now``: nanoseconds since the epoch.

        Raises CaptureError when the disk refuses (the recording has then ended)."""
        with self._turning:
            over = self._over(time.time_ns() if now is None else now)
            for source, count in over.items():
                info = next(info for info in self.infos if info.name == source)
                if source == SYSCALL:
                    self._let_go_calls(info, count)
                else:
                    self.writer.let_go(source, count)
            return sum(over.values())

    def _wait_for_room(self) -> None:
        """On a host too busy for the thread to keep up, who writes waits for it: the size holds."""
        limit = self.limits.bytes
        if self._thread is not None and limit is not None and self.size > limit:
            self.turn()

    def _refuse_if_failed(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _work(self) -> None:
        while not self._stop.wait(_EVERY):
            try:
                self.tick()
                self.turn()
            except FalcowbError as error:
                # A disk that refuses has ended the recording: whoever writes next hears of it.
                self._failure = error
                return

    def _over(self, now: int) -> dict[str, int]:
        """How many of the oldest segments of each source have to go."""
        limits = self.limits
        infos = self.infos
        heads = {info.name: deque(_finished(info)) for info in infos}
        size = self.size
        # What is written while the oldest is walked must have its place.
        most = float("inf") if limits.bytes is None else limits.bytes - 1.5 * limits.segment_bytes
        oldest = -(1 << 63) if limits.seconds is None else now - int(limits.seconds * 1e9)
        with self._lock:
            held = list(self._held.values())
        over: dict[str, int] = {}
        while True:
            ready = [(_until(segments[0]), name) for name, segments in heads.items() if segments]
            if not ready:
                return over
            until, name = min(ready)
            if size <= most and until >= oldest:
                return over
            first = _number(heads[name][0])
            least = min((each.get(name, first + 1) for each in held), default=first + 1)
            if first >= least and size <= most * (1 + _HELD_SHARE):
                heads[name].clear()
                continue
            size -= heads[name].popleft().bytes
            over[name] = over.get(name, 0) + 1

    def _let_go_calls(self, info: SourceInfo, count: int) -> None:
        """Walk system calls into the state that the rest begins with, then let them go."""
        roller = self._roller or self._make_roller()
        self._roller = roller
        decoder = call_decoders()
        for segment in info.segments[:count]:
            frames = stream(self._folder, info.folder, segment.file, decoder, self.note)
            for frame, batch in frames:
                self._enter(roller, frame.section)
                roller.feed(EventBatch.of(batch, frame.section))
                if frame.span is not None:
                    self._rolled_num = frame.span.last_num
        with self._folder.subfolder(info.folder) as folder:
            index = _number(info.segments[count - 1]) + 1
            try:
                section = roller.snapshot(self._section)
                state, size = write_start(folder, index, section, self._rolled_num)
            except OSError as error:
                # Nothing refers to it yet; the writer meets the same disk soon enough.
                _remove_starts(folder, index)
                self.note(f"A state could not be written, nothing was let go: {error.strerror}")
                return
        self.writer.let_go(SYSCALL, count, state, self._section)
        self._state_bytes = size

    def _enter(self, roller: Roller, section: int) -> None:
        while True:
            with self._lock:
                if not self._sections or self._sections[0].number > section:
                    return
                begun = self._sections.popleft()
            roller.begin(begun)
            self._section = begun.number


def let_go_in_words(info: SourceInfo) -> str | None:
    """What a ring has let go of a source; None for nothing."""
    gone = info.let_go
    if gone is None:
        return None
    count = f"{gone.events:,} events" if gone.events else "events"
    if gone.span is None:
        return f"{count} from before what is here"
    return f"{count} from {format_time(gone.span.min_time)} to {format_time(gone.span.max_time)}"


def _finished(info: SourceInfo) -> list[SegmentInfo]:
    """The finished segments, up to the first that is not."""
    found = []
    for segment in info.segments:
        if not segment.closed:
            break
        found.append(segment)
    return found


def _until(segment: SegmentInfo) -> int:
    return segment.span.max_time if segment.span is not None else 0


def _number(segment: SegmentInfo) -> int:
    return segment_index(segment.file) or 0


def _remove_starts(folder: Folder, index: int) -> None:
    with contextlib.suppress(OSError, CaptureError):
        for name in folder.names():
            if start_index(name) == index:
                folder.remove_subfolder(name)
