"""Recording: batches of events from plugin sources into a capture folder.

What is promised while it runs:

- A flush hands a whole batch to the operating system. A recorder that is killed loses at most
  what was not flushed: ``events`` events, ``bytes`` of payload or ``seconds`` of them, whichever
  comes first.
- Every ``sync_seconds``, at the end of a segment and at the end of the recording, files are brought
  through to the disk; a machine that loses power loses at most that much more.
- A full disk (or any refusal of the system) ends the recording: files are cut back to the last
  whole batch, the end mark says why, and :class:`CaptureError` is raised.
"""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from capture import batches as facts
from capture import folder as names
from capture.create import make_folder
from capture.errors import CaptureError
from capture.folder import GAPS_FILE, MANIFEST, RESERVE_FILE, Folder
from capture.machine import clocks_at_start, clocks_now, this_host
from capture.manifest import End, Manifest, SegmentInfo, SourceInfo
from capture.redact import redact_text
from capture.schema import GAPS, PLUGIN_EVENTS
from capture.segment import SegmentFile

#: Largest payload of one event that is recorded; a larger one counts as dropped.
MAX_EVENT_BYTES = 64 << 20
_RESERVE_BYTES = 256 << 10
_WRITER = "falcowb 0.1.0"


@dataclass(frozen=True, slots=True)
class FlushPolicy:
    """When batches in hand are written, and when a segment is full (bytes on disk)."""

    events: int = 16384
    bytes: int = 16 << 20
    seconds: float = 1.0
    sync_seconds: float = 10.0
    segment_bytes: int = 256 << 20

    def __post_init__(self) -> None:
        if self.events < 1 or not 1 <= self.bytes <= MAX_EVENT_BYTES or self.segment_bytes < 1:
            raise CaptureError(
                f"a flush is of at least one event and of 1 to {MAX_EVENT_BYTES} bytes"
            )


class _Source:
    """A source while it is recorded."""

    def __init__(self, info: SourceInfo, folder: Folder) -> None:
        self.info = info
        self.folder = folder
        self.pending: list[pa.RecordBatch] = []
        self.pending_events = 0
        self.pending_bytes = 0
        self.last_num = 0
        self.segment: SegmentFile | None = None
        self.closed: list[SegmentInfo] = []
        self.gaps: dict[tuple[int, str], int] = {}
        self.gaps_file: SegmentFile | None = None
        self.drops = 0


class CaptureWriter:
    """Writes one capture. Use as a context manager: leaving it by an error marks the capture as
    ended by that error, leaving it in order marks it complete.

    ``sources``: names or :class:`SourceInfo` (folders and segments in them are ignored; secrets
    in ``config`` and ``open_params`` are taken out).
    Raises :class:`CaptureError` where ``path`` exists (unless ``overwrite``, and then only
    something that is a capture is replaced) or cannot be made. Methods may be called from
    several threads.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sources: Iterable[SourceInfo | str],
        *,
        policy: FlushPolicy | None = None,
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path)
        self.policy = policy or FlushPolicy()
        self._lock = threading.RLock()
        self._ended = False
        self._clocks = clocks_at_start()
        self._host = this_host()
        infos = [
            source if isinstance(source, SourceInfo) else SourceInfo(source) for source in sources
        ]
        named = [_as_new(info) for info in infos]
        if not named or len({info.folder for info in named}) != len(named):
            raise CaptureError("a capture needs at least one source, each named once")
        self._folder = make_folder(self.path, overwrite)
        try:
            self._reserve()
            self._sources = {
                info.name: _Source(info, self._folder.make_subfolder(info.folder)) for info in named
            }
            self._write_manifest(sync=True)
        except OSError as error:
            self._folder.close()
            raise CaptureError(
                f"{self.path}: cannot be written: {os.strerror(error.errno or 0)}"
            ) from None
        self._flushed_at = self._synced_at = self._noted_at = time.monotonic()

    # Recording

    def write(self, source: str, batch: pa.RecordBatch) -> None:
        """Take a batch of schema ``PLUGIN_EVENTS``; an empty one only lets time pass.

        Numbers must ascend within a source. Raises :class:`CaptureError` for a batch that cannot
        be recorded, and when the disk refuses (the recording has then ended).
        """
        with self._lock:
            state = self._state(source)
            if not batch.schema.equals(PLUGIN_EVENTS):
                raise CaptureError(f"source {source}: a batch of another schema: {batch.schema}")
            batch = self._without_oversized(state, batch)
            if batch.num_rows:
                num = facts.numbers(batch)
                if not facts.ascending(num, state.last_num):
                    raise CaptureError(
                        f"source {source}: event numbers do not ascend after {state.last_num}"
                    )
                state.last_num = int(num[-1])
                for part in facts.split(batch, self.policy.bytes):
                    self._take(state, part)
            self.tick()

    def record(self, source: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Take every batch of an iterable; how many events that was."""
        count = 0
        for batch in batches:
            self.write(source, batch)
            count += batch.num_rows
        return count

    def drop(self, source: str, count: int, reason: str) -> None:
        """Note that ``count`` events were lost after the last one written."""
        with self._lock:
            state = self._state(source)
            if count > 0:
                place = (state.last_num, reason[:1000])
                state.gaps[place] = state.gaps.get(place, 0) + count
                state.drops += count
                if len(state.gaps) >= 10_000:
                    self.flush()

    def tick(self) -> None:
        """Let time pass: flush and sync what is due. Call it while a source is quiet."""
        with self._lock:
            now = time.monotonic()
            if now - self._flushed_at >= self.policy.seconds:
                self.flush()
            if now - self._synced_at >= self.policy.sync_seconds and not self._ended:
                self._guarded(self._sync)

    def flush(self) -> None:
        """Hand everything in hand to the operating system."""
        with self._lock:
            self._refuse_if_ended()
            for state in self._sources.values():
                self._guarded(lambda state=state: self._flush_source(state))  # type: ignore[misc]
            self._flushed_at = time.monotonic()
            # The manifest only helps to say what is missing: once a second is often enough.
            if self._flushed_at - self._noted_at >= 1.0:
                self._guarded(lambda: self._write_manifest(sync=False))

    def close(self, *, complete: bool = True, reason: str = "") -> None:
        """Flush, write the end-of-recording mark, sync. Does nothing the second time.

        ``complete``: the source ended or somebody stopped it; otherwise ``reason`` says why the
        recording ended. Raises :class:`CaptureError` when the disk refuses.
        """
        with self._lock:
            if self._ended:
                return
            self.flush()
            self._guarded(lambda: self._finish(End(complete, reason), sync=True))

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        """Events and drops of each source so far, what is in hand included."""
        with self._lock:
            return {
                name: (self._info(state).events + state.pending_events, state.drops)
                for name, state in self._sources.items()
            }

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
        # The error under way says more than a second one from closing.
        with contextlib.suppress(CaptureError):
            self.close(complete=False, reason=str(error).partition("\n")[0] or type(error).__name__)

    # Inside

    def _state(self, source: str) -> _Source:
        self._refuse_if_ended()
        try:
            return self._sources[source]
        except KeyError:
            known = ", ".join(self._sources)
            raise CaptureError(f"not a source of this capture: {source!r} (has: {known})") from None

    def _refuse_if_ended(self) -> None:
        if self._ended:
            raise CaptureError(f"{self.path}: the recording has ended")

    def _take(self, state: _Source, batch: pa.RecordBatch) -> None:
        size = facts.payload_size(batch)
        if state.pending and state.pending_bytes + size > self.policy.bytes:
            self._guarded(lambda: self._flush_source(state))
        state.pending.append(batch)
        state.pending_events += batch.num_rows
        state.pending_bytes += size
        if state.pending_events >= self.policy.events or state.pending_bytes >= self.policy.bytes:
            self._guarded(lambda: self._flush_source(state))

    def _without_oversized(self, state: _Source, batch: pa.RecordBatch) -> pa.RecordBatch:
        if facts.payload_size(batch) <= MAX_EVENT_BYTES:
            return batch
        offsets = facts.payload_offsets(batch)
        fits = (offsets[1:] - offsets[:-1]) <= MAX_EVENT_BYTES
        if fits.all():
            return batch
        self.drop(
            state.info.name,
            int((~fits).sum()),
            f"payload larger than {MAX_EVENT_BYTES} bytes",
        )
        return batch.filter(pa.array(fits))

    def _flush_source(self, state: _Source) -> None:
        if state.pending:
            batch = facts.join(state.pending)
            if state.segment is None:
                name = names.segment_name(len(state.closed))
                state.segment = SegmentFile(
                    state.folder, name, PLUGIN_EVENTS, self._about(state, len(state.closed))
                )
            state.segment.append(batch, facts.span(batch), state.pending_bytes)
            state.pending, state.pending_events, state.pending_bytes = [], 0, 0
        if state.gaps:
            self._flush_gaps(state)
        if state.segment is not None and state.segment.size >= self.policy.segment_bytes:
            state.segment.close()
            state.closed.append(_segment_info(state.segment, closed=True))
            state.segment = None
            self._write_manifest(sync=True)

    def _flush_gaps(self, state: _Source) -> None:
        if state.gaps_file is None:
            state.gaps_file = SegmentFile(state.folder, GAPS_FILE, GAPS, self._about(state, 0))
        places = list(state.gaps)
        columns = [
            pa.array([num for num, _ in places], pa.uint64()),
            pa.array([time.time_ns()] * len(places), GAPS.field("time").type),
            pa.array(list(state.gaps.values()), pa.uint64()),
            pa.array([reason for _, reason in places], pa.string()),
        ]
        state.gaps_file.append(pa.record_batch(columns, schema=GAPS), None)
        state.gaps = {}

    def _about(self, state: _Source, index: int) -> dict[str, object]:
        plugin = state.info.plugin
        return {
            "format": self._manifest(None).version,
            "source": state.info.name,
            "plugin": plugin.name,
            "plugin_version": plugin.version,
            "segment": index,
        }

    def _sync(self) -> None:
        for state in self._sources.values():
            for file in (state.segment, state.gaps_file):
                if file is not None:
                    file.sync()
        self._synced_at = time.monotonic()

    def _info(self, state: _Source) -> SourceInfo:
        current = [] if state.segment is None else [_segment_info(state.segment, closed=False)]
        return replace(state.info, drops=state.drops, segments=(*state.closed, *current))

    def _manifest(self, end: End | None) -> Manifest:
        policy = asdict(self.policy)
        return Manifest(
            host=self._host,
            clocks=clocks_now(self._clocks),
            sources=tuple(self._info(state) for state in self._sources.values()),
            end=end,
            writer=_WRITER,
            flush={key: policy[key] for key in ("events", "bytes", "seconds")},
        )

    def _write_manifest(self, *, sync: bool, end: End | None = None) -> None:
        self._folder.replace_file(MANIFEST, self._manifest(end).to_json(), sync=sync)
        self._noted_at = time.monotonic()

    def _finish(self, end: End, *, sync: bool) -> None:
        for state in self._sources.values():
            for file in (state.segment, state.gaps_file):
                if file is not None:
                    file.close(sync=sync)
            if state.segment is not None:
                state.closed.append(_segment_info(state.segment, closed=True))
                state.segment = None
        with contextlib.suppress(FileNotFoundError):
            os.unlink(RESERVE_FILE, dir_fd=self._folder.fd)
        self._write_manifest(sync=sync, end=end)
        self._release()

    def _release(self) -> None:
        self._ended = True
        for state in self._sources.values():
            state.folder.close()
        self._folder.close()

    def _reserve(self) -> None:
        fd = self._folder.create_file(RESERVE_FILE)
        try:
            os.posix_fallocate(fd, 0, _RESERVE_BYTES)
        finally:
            os.close(fd)

    def _guarded(self, step: Callable[[], None]) -> None:
        """Run a step that writes; when the system refuses, end the recording in order."""
        try:
            step()
        except OSError as error:
            reason = (
                "the disk is full"
                if error.errno in (errno.ENOSPC, errno.EDQUOT)
                else f"writing failed: {os.strerror(error.errno or 0)}"
            )
            lost = self._give_up(reason)
            raise CaptureError(
                f"{self.path}: {reason}; the recording has ended, {lost} events in hand were lost",
                hint="What was recorded before is whole: falcowb info shows it.",
            ) from error

    def _give_up(self, reason: str) -> int:
        lost = sum(state.pending_events for state in self._sources.values())
        with contextlib.suppress(OSError):
            os.unlink(RESERVE_FILE, dir_fd=self._folder.fd)
        for state in self._sources.values():
            for file in (state.segment, state.gaps_file):
                if file is not None:
                    with contextlib.suppress(OSError):
                        file.close(sync=False)
            if state.segment is not None:
                state.closed.append(_segment_info(state.segment, closed=True))
                state.segment = None
        with contextlib.suppress(OSError):
            self._write_manifest(sync=True, end=End(False, reason, lost))
        self._release()
        return lost


def _as_new(info: SourceInfo) -> SourceInfo:
    plugin = replace(
        info.plugin,
        config=redact_text(info.plugin.config),
        open_params=redact_text(info.plugin.open_params),
    )
    return SourceInfo(info.name, names.source_folder(info.name), plugin)


def _segment_info(segment: SegmentFile, *, closed: bool) -> SegmentInfo:
    return SegmentInfo(
        file=segment.name,
        events=segment.events,
        bytes=segment.size,
        payload_bytes=segment.payload_bytes,
        closed=closed,
        span=segment.span,
    )
