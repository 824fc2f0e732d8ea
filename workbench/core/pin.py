"""One window of a ring, written into a capture of its own while the ring goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from capture.errors import CaptureError, FalcowbError
from capture.events.section import Section
from capture.folder import Folder, segment_index
from capture.ipc import Decoder
from capture.manifest import MAX_PINNED, SYSCALL, Pinned, PinnedAlert, SegmentInfo, SourceInfo
from capture.ring import Ring
from capture.schema import PLUGIN_EVENTS
from capture.stored_calls import call_decoders
from capture.tail import Tail
from capture.times import format_span
from capture.writer import CaptureWriter
from workbench.core.feeds import Lost
from workbench.core.pin_copy import Base, CallCopy, Copy, PluginCopy

#: Seconds between two looks at the ring.
_EVERY = 0.1


class Pin:
    """Copies what a ring holds from ``start`` to ``stop`` (nanoseconds since the epoch, both
    included) into a capture, in a thread of its own, and follows the ring until then.

    System calls begin with the state at the start, walked to from ``base``; ``sections`` are those
    that the ring may have begun since, by number. ``add`` moves the end as long as :meth:`finish`
    has not been called. ``failure``: what ended it early; ``full``: its size did. Raises
    CaptureError where the capture cannot be made.
    """

    def __init__(
        self,
        ring: Ring,
        path: Path,
        start: int,
        stop: int,
        base: Base,
        sections: Mapping[int, Section],
        *,
        max_bytes: int | None = None,
    ) -> None:
        self.path = path
        self.start = start
        self.stop = stop
        self.count = 0
        self.alerts: list[PinnedAlert] = []
        self.failure: FalcowbError | None = None
        self.full = False
        self._ring = ring
        self._max_bytes = max_bytes
        self._losses: list[Lost] = []
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._finishing = False
        self._reason = ""
        self._told = 0
        infos = ring.infos
        self._writer = CaptureWriter(
            path, [replace(info, segments=(), let_go=None, drops=0) for info in infos]
        )
        self._folder = Folder.open(ring.path)
        self._copies = [self._copy(info, base, sections) for info in infos]
        self._hold()
        self._note_start(infos, base)
        self._thread = threading.Thread(target=self._work, name="pin", daemon=True)
        self._thread.start()

    def add(self, alert: PinnedAlert, stop: int) -> None:
        """One more alert of the window, which ends no earlier than ``stop``."""
        with self._lock:
            self.count += 1
            if len(self.alerts) < MAX_PINNED:
                self.alerts.append(alert)
            self.stop = max(self.stop, stop)

    def lost(self, item: Lost) -> None:
        """Events of the window that never came."""
        with self._lock:
            self._losses.append(item)

    def finish(self, reason: str = "") -> None:
        """Copy what is there up to the end, and end. ``reason``: why it is before its time."""
        self._reason = self._reason or reason
        self._finishing = True
        self._changed.set()

    @property
    def ended(self) -> bool:
        return not self._thread.is_alive()

    @property
    def size(self) -> int:
        """Bytes on disk."""
        return self._writer.size

    def join(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        self._thread.join(seconds)
        return self.ended

    # In its thread

    def _work(self) -> None:
        try:
            while not self._turn():
                self._changed.wait(_EVERY)
            for copy in self._copies:
                copy.end()
                self._lose(copy.source, self.stop)
            self._tell()
            self._writer.close(reason=self._reason)
        except (FalcowbError, OSError) as error:
            # The recording goes on without it.
            self.failure = (
                error if isinstance(error, FalcowbError) else CaptureError(f"{self.path}: {error}")
            )
            with contextlib.suppress(FalcowbError, OSError):
                self._writer.close(complete=False, reason=str(error).partition("\n")[0])
        finally:
            self._ring.release(self)
            self._folder.close()

    def _turn(self) -> bool:
        """Copy what has come; whether that was all."""
        finishing = self._finishing
        self._tell()
        for copy in self._copies:
            self._skip(copy)
            copy.go_on(self.stop)
            self._hold()
        self._writer.tick()
        if self._max_bytes is not None and self._writer.size >= self._max_bytes:
            self.full = True
            self._reason = f"it has reached its largest size, {self._max_bytes:,} bytes"
        return finishing or self.full

    def _lose(self, source: str, until: int) -> None:
        """Note what was lost of a source up to a time."""
        with self._lock:
            due = [item for item in self._losses if item.source == source and item.when <= until]
            self._losses = [item for item in self._losses if item not in due]
        for item in due:
            self._writer.drop(item.source, item.count, item.reason, item.when)

    def _tell(self) -> None:
        """Bring the manifest up to date."""
        with self._lock:
            if self.count == self._told:
                return
            self._told = self.count
            pinned = Pinned(
                self._ring.path.name, self.start, self.stop, self.count, tuple(self.alerts)
            )
        self._writer.pinned(pinned)

    def _copy(self, info: SourceInfo, base: Base, sections: Mapping[int, Section]) -> Copy:
        calls = info.name == SYSCALL

        def begun(segment: SegmentInfo) -> bool:
            """Whether the segment holds something from the start on."""
            span = segment.span
            if span is None:
                return True
            return span.last_num > base.num if calls else span.max_time >= self.start

        index = info.let_go.segments if info.let_go else 0
        for segment in info.segments:
            index = segment_index(segment.file) or 0
            if begun(segment):
                break
        decoder = call_decoders() if calls else _plugin_decoder
        tail = Tail(self._folder, info.folder, index, decoder, self._writer.note)
        if calls:
            return CallCopy(tail, self._writer, self.start, base, sections, self._lose)
        return PluginCopy(info.name, tail, self._writer, self.start, self._lose)

    def _hold(self) -> None:
        for copy in self._copies:
            self._ring.hold(self, copy.source, copy.tail.index)

    def _skip(self, copy: Copy) -> None:
        """What the ring has let go cannot be had."""
        info = next(info for info in self._ring.infos if info.name == copy.source)
        if info.let_go is not None and copy.tail.skip_to(info.let_go.segments):
            self._writer.note(
                f"Source {info.name}: the ring let go of events before they were copied."
            )

    def _note_start(self, infos: Sequence[SourceInfo], base: Base) -> None:
        gone = [info.let_go.span.max_time for info in infos if info.let_go and info.let_go.span]
        late = max([*gone, base.time if base.num else self.start - 1])
        if late >= self.start:
            missing = format_span(late - self.start + 1)
            self._writer.note(f"The ring no longer held the first {missing} of the window.")


def _plugin_decoder(schema: object) -> Decoder | None:
    return Decoder(PLUGIN_EVENTS) if PLUGIN_EVENTS.equals(schema) else None
