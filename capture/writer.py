"""Recording: batches of events into a capture folder, live or imported.

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
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from capture import folder as names
from capture.create import make_folder
from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.folder import MANIFEST, RESERVE_FILE
from capture.machine import clocks_at_start, clocks_now, this_host
from capture.manifest import (
    MAX_NOTE,
    MAX_NOTES,
    MAX_SOURCES,
    SYSCALL,
    VERSION,
    Clocks,
    End,
    Host,
    Manifest,
    Origin,
    Pinned,
    SourceInfo,
)
from capture.recording import MAX_EVENT_BYTES, Recorded, RecordedPlugin, RecordedSyscalls
from capture.redact import redact_text
from capture.segment import COMPRESSION

#: Set aside on disk for the end mark of a recording that fills it.
RESERVE_BYTES = 256 << 10
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


class CaptureWriter:
    """Writes one capture. Use as a context manager: leaving it by an error marks the capture as
    ended by that error, leaving it in order marks it complete.

    ``sources``: names or :class:`SourceInfo` (folders and segments in them are ignored; secrets
    in ``config`` and ``open_params`` are taken out). The one named ``syscall`` takes sections and
    system calls, all others a plugin's events. ``compression`` of segments: ``zstd``, ``lz4`` or
    ``uncompressed``.
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
        compression: str = COMPRESSION,
    ) -> None:
        self.path = Path(path)
        self.policy = policy or FlushPolicy()
        self._compression = compression
        self._lock = threading.RLock()
        self._ended = False
        self._clocks = clocks_at_start()
        self._host = this_host()
        self._imported: tuple[Origin, Host, Clocks] | None = None
        self._notes: list[str] = []
        self._pinned: Pinned | None = None
        infos = [_as_info(source) for source in sources]
        if not infos or len({info.folder for info in infos}) != len(infos):
            raise CaptureError("a capture needs at least one source, each named once")
        new = make_folder(self.path, overwrite)
        self._folder = new.folder
        self._sources: dict[str, Recorded] = {}
        self._flushed_at = self._synced_at = self._noted_at = time.monotonic()
        try:
            self._reserve()
            for info in infos:
                self._sources[info.name] = self._recorded(info)
            self._write_manifest(sync=True)
            new.publish()
        except CaptureError:
            new.abandon()
            raise
        except OSError as error:
            new.abandon()
            raise CaptureError(
                f"{self.path}: cannot be written: {os.strerror(error.errno or 0)}"
            ) from None

    # Recording

    def add_source(self, source: SourceInfo | str) -> None:
        """One more source, found while recording. Raises :class:`CaptureError`."""
        with self._lock:
            self._refuse_if_ended()
            info = _as_info(source)
            if info.name in self._sources or len(self._sources) >= MAX_SOURCES:
                raise CaptureError(f"source {info.name} cannot be added to this capture")

            def add() -> None:
                self._sources[info.name] = self._recorded(info)
                self._write_manifest(sync=False)

            self._guarded(add)

    def write(self, source: str, batch: pa.RecordBatch) -> None:
        """Take a batch of schema ``PLUGIN_EVENTS``; an empty one only lets time pass.

        Numbers must ascend within a source. Raises :class:`CaptureError` for a batch that cannot
        be recorded, and when the disk refuses (the recording has then ended).
        """
        with self._lock:
            state = self._state(source)
            if not isinstance(state, RecordedPlugin):
                raise CaptureError(f"source {source} takes system calls, not a plugin's events")
            for part in state.parts(batch, self.policy.bytes):
                self._make_room(state, state.size(part))
                state.take(part)
                self._flush_if_due(state)
            self.tick()

    def begin_section(self, section: Section) -> None:
        """System calls go on from a new state: Falco forgets what was before.

        To be called before the first events. ``section.number`` must ascend. Raises as
        :meth:`write`.
        """
        with self._lock:
            state = self._syscalls()
            self._guarded(lambda: self._flush_source(state))
            self._guarded(lambda: state.begin(section))

    def write_events(self, batch: EventBatch) -> None:
        """Take system calls of the section that was last begun. Raises as :meth:`write`."""
        with self._lock:
            state = self._syscalls()
            for part in state.parts(batch, self.policy.bytes):
                self._make_room(state, state.size(part), fits=state.fits(part))
                state.take(part)
                self._flush_if_due(state)
            self.tick()

    def write_folded(self, batch: pa.RecordBatch, section: int) -> None:
        """Keep what conversion folded away of a section, of schema ``FOLDED``; before the events it
        belongs to. Raises as :meth:`write`."""
        with self._lock:
            state = self._syscalls()
            self._guarded(lambda: state.fold(batch, section))

    @property
    def folded_rows(self) -> int:
        """Rows of :meth:`write_folded` so far."""
        with self._lock:
            states = [s for s in self._sources.values() if isinstance(s, RecordedSyscalls)]
            return sum(state.folded_rows for state in states)

    def note(self, text: str) -> None:
        """Something that is missing or wrong in what is recorded, for the manifest."""
        with self._lock:
            if len(self._notes) < MAX_NOTES:
                self._notes.append(text[:MAX_NOTE])

    def remark(self, source: str, text: str) -> None:
        """Something that could not be known when recording of a source began, for the manifest; no
        event is missing for it."""
        with self._lock:
            state = self._state(source)
            if len(state.info.remarks) < MAX_NOTES:
                state.remark(text[:MAX_NOTE])

    def imported(self, origin: Origin, host: Host, clocks: Clocks) -> None:
        """The events come from a file that was recorded elsewhere and at another time."""
        with self._lock:
            self._imported = (origin, host, clocks)

    def pinned(self, pinned: Pinned) -> None:
        """The events were kept out of another capture for their alerts; may be said again."""
        with self._lock:
            self._refuse_if_ended()
            self._pinned = pinned
            self._guarded(lambda: self._write_manifest(sync=False))

    def end_segments(self) -> None:
        """Finish the segments being written; what comes goes into others."""
        with self._lock:
            self.flush()

            def end() -> None:
                for state in self._sources.values():
                    state.end_segment()
                self._write_manifest(sync=True)

            self._guarded(end)

    def let_go(self, source: str, count: int, state: str = "", section: int = 0) -> None:
        """Remove the first ``count`` finished segments of a source.

        ``state``: the folder with the state that the rest begins with
        (``capture.state_tables.write_start``), which belongs to ``section``. The manifest says
        first what is gone: whenever this is cut short, the capture is as it was before or as it
        is after. Raises as :meth:`write`.
        """
        with self._lock:
            recorded = self._state(source)
            before = recorded.info.let_go

            def remove() -> None:
                files = recorded.let_go(count, state, section)
                self._write_manifest(sync=True)
                for file in files:
                    os.unlink(file, dir_fd=recorded.folder.fd)
                if before is not None and before.state:
                    recorded.folder.remove_subfolder(before.state)
                if state and isinstance(recorded, RecordedSyscalls):
                    recorded.forget_states()

            self._guarded(remove)

    def record(self, source: str, batches: Iterable[pa.RecordBatch]) -> int:
        """Take every batch of an iterable; how many events that was."""
        count = 0
        for batch in batches:
            self.write(source, batch)
            count += batch.num_rows
        return count

    def drop(self, source: str, count: int, reason: str, when: int | None = None) -> None:
        """Note that ``count`` events were lost after the last one written, at ``when``
        (nanoseconds since the epoch; None: now)."""
        with self._lock:
            state = self._state(source)
            if count > 0 and state.drop(count, reason, when):
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
                self._guarded(partial(self._flush_source, state))
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
                name: (state.info.events + state.pending_events, state.drops)
                for name, state in self._sources.items()
            }

    @property
    def infos(self) -> tuple[SourceInfo, ...]:
        """The sources as the manifest has them, up to what is written."""
        with self._lock:
            return tuple(state.info for state in self._sources.values())

    @property
    def disk_bytes(self) -> int:
        """Bytes on disk so far, with gaps and states, without the manifest."""
        with self._lock:
            return sum(state.disk_bytes for state in self._sources.values())

    @property
    def size(self) -> int:
        """Bytes on disk so far, of the segments."""
        with self._lock:
            return sum(state.info.bytes for state in self._sources.values())

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

    def _state(self, source: str) -> Recorded:
        self._refuse_if_ended()
        try:
            return self._sources[source]
        except KeyError:
            known = ", ".join(self._sources)
            raise CaptureError(f"not a source of this capture: {source!r} (has: {known})") from None

    def _refuse_if_ended(self) -> None:
        if self._ended:
            raise CaptureError(f"{self.path}: the recording has ended")

    def _syscalls(self) -> RecordedSyscalls:
        state = self._state(SYSCALL)
        assert isinstance(state, RecordedSyscalls)
        return state

    def _recorded(self, info: SourceInfo) -> Recorded:
        kind = RecordedSyscalls if info.name == SYSCALL else RecordedPlugin
        folder = self._folder.make_subfolder(info.folder)
        return kind(info, folder, {"format": VERSION}, self._compression)

    def _make_room(self, state: Recorded, size: int, *, fits: bool = True) -> None:
        if state.pending_events and (not fits or state.pending_bytes + size > self.policy.bytes):
            self._guarded(lambda: self._flush_source(state))

    def _flush_if_due(self, state: Recorded) -> None:
        if state.pending_events >= self.policy.events or state.pending_bytes >= self.policy.bytes:
            self._guarded(lambda: self._flush_source(state))

    def _flush_source(self, state: Recorded) -> None:
        if state.flush(self.policy.segment_bytes):
            self._write_manifest(sync=True)

    def _sync(self) -> None:
        for state in self._sources.values():
            state.sync()
        self._synced_at = time.monotonic()

    def _manifest(self, end: End | None) -> Manifest:
        policy = asdict(self.policy)
        origin, host, clocks = self._imported or (None, self._host, clocks_now(self._clocks))
        return Manifest(
            host=host,
            clocks=clocks,
            sources=tuple(state.info for state in self._sources.values()),
            end=end,
            writer=_WRITER,
            flush={key: policy[key] for key in ("events", "bytes", "seconds")},
            origin=origin,
            notes=tuple(self._notes),
            pinned=self._pinned,
        )

    def _write_manifest(self, *, sync: bool, end: End | None = None) -> None:
        self._folder.replace_file(MANIFEST, self._manifest(end).to_json(), sync=sync)
        self._noted_at = time.monotonic()

    def _finish(self, end: End, *, sync: bool) -> None:
        for state in self._sources.values():
            state.close(sync=sync)
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
            os.posix_fallocate(fd, 0, RESERVE_BYTES)
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
            with contextlib.suppress(OSError):
                state.close(sync=False)
        with contextlib.suppress(OSError):
            self._write_manifest(sync=True, end=End(False, reason, lost))
        self._release()
        return lost


def _as_info(source: SourceInfo | str) -> SourceInfo:
    """A source as it begins: no events, secrets taken out."""
    info = source if isinstance(source, SourceInfo) else SourceInfo(source)
    plugin = replace(
        info.plugin,
        config=redact_text(info.plugin.config),
        open_params=redact_text(info.plugin.open_params),
    )
    probe = info.probe and replace(
        info.probe, command=tuple(redact_text(word) for word in info.probe.command)
    )
    return SourceInfo(info.name, names.source_folder(info.name), plugin, probe)
