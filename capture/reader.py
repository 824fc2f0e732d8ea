"""Reading a capture: what it is, what it holds, what is missing, and its events in batches."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa

from capture import batches as facts
from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.folder import FOLDED_FILE, GAPS_FILE, MANIFEST, Folder
from capture.ipc import Decoder, Frame
from capture.manifest import MAX_MANIFEST_BYTES, SYSCALL, Manifest, SegmentInfo, SourceInfo
from capture.manifest_reading import read_manifest
from capture.placed import At, read_at
from capture.recovery import rebuild_manifest, survey_source
from capture.schema import FOLDED, GAPS, PLUGIN_EVENTS
from capture.stored_calls import (
    call_decoders,
    count_state,
    count_types,
    placed_syscalls,
    read_syscalls,
    type_names,
)
from capture.streams import let_go_meanwhile, stream
from capture.times import format_span, format_time

#: Most damaged or missing files that are named one by one.
MAX_TOLD = 100


@dataclass(frozen=True, slots=True)
class Gap:
    """``count`` events lost between event ``after_num`` and the next; ``time`` in ns."""

    source: str
    after_num: int
    time: int
    count: int
    reason: str


class Capture:
    """An open capture; see :func:`open_capture`.

    ``manifest``: as read, with counts corrected by what is on disk. ``complete``: the recording
    has its end mark and nothing is missing. ``recording``: it is being written now. ``missing``:
    what is known to be missing, one sentence each; reading events may add to it.
    """

    def __init__(
        self, path: Path, folder: Folder, manifest: Manifest, recording: bool, missing: list[str]
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.recording = recording
        self.missing = missing
        self._folder = folder
        self._call_decoder = call_decoders()

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(source.name for source in self.manifest.sources)

    @property
    def complete(self) -> bool:
        return self.manifest.complete and not self.missing

    @property
    def count(self) -> int:
        """Events that can be read."""
        return self.manifest.events

    def source(self, name: str | None = None) -> SourceInfo:
        """A source by name; without one, the only source.

        Raises :class:`CaptureError` where there is no such source or no only one.
        """
        if name is not None:
            return self.manifest.source(name)
        if len(self.manifest.sources) != 1:
            raise CaptureError(
                f"{self.path} has {len(self.manifest.sources)} sources",
                hint=f"Name one of: {', '.join(self.sources)}",
            )
        return self.manifest.sources[0]

    def batches(
        self,
        source: str | None = None,
        columns: Sequence[str] | None = None,
        start_time: int | None = None,
        stop_time: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """The events of a source in order, a batch at a time.

        ``columns``: some of ``PLUGIN_EVENTS`` by name, in its order. ``start_time`` (included) and
        ``stop_time`` (left out): nanoseconds since the epoch. At most one batch is in memory. A
        batch that cannot be read is left out and noted in ``missing``. Every batch has been
        checked: offsets lie inside their buffers, columns are of one length, no value is null.

        Raises :class:`CaptureError` for an unknown source or column.
        """
        info = self.source(source)
        if info.name == SYSCALL:
            raise CaptureError(
                f"the events of source {SYSCALL} are no plugin's: system_calls() reads them"
            )
        if columns is not None and not set(columns) <= set(PLUGIN_EVENTS.names):
            raise CaptureError(
                f"unknown column in {list(columns)}; there are {PLUGIN_EVENTS.names}"
            )
        return self._batches(info, columns, start_time, stop_time)

    def system_calls(self, stop_time: int | None = None) -> Iterator[Section | EventBatch]:
        """Each section of the source ``syscall`` and then its batches of events, in order.

        ``stop_time``: batches whose events all come at or after it (nanoseconds) are left out;
        there is no start, since what processes and files are follows from all events before. At
        most one batch and the state of one section are in memory; every batch has been checked to
        be what ``capture.events.schema`` promises, one that is not is left out and noted in
        ``missing``. Nothing comes from a capture without that source.
        """
        info = next((each for each in self.manifest.sources if each.name == SYSCALL), None)
        if info is None:
            return iter(())
        return read_syscalls(
            self._folder, info, self._note, lambda frame: not _outside(frame, None, stop_time)
        )

    def placed_calls(self) -> Iterator[tuple[At | None, Section | EventBatch]]:
        """As :meth:`system_calls`, with the place of each batch."""
        info = next((each for each in self.manifest.sources if each.name == SYSCALL), None)
        return iter(()) if info is None else placed_syscalls(self._folder, info, self._note)

    def sections(self) -> list[Section]:
        """The sections of system calls, without their events; those whose state is lost are left
        out."""
        info = next((each for each in self.manifest.sources if each.name == SYSCALL), None)
        if info is None:
            return []
        found = placed_syscalls(self._folder, info, self._note, lambda _: False)
        return [item for _, item in found if isinstance(item, Section)]

    def placed_batches(self, source: str) -> Iterator[tuple[At, pa.RecordBatch]]:
        """As :meth:`batches`, with the place of each batch."""
        info = self.source(source)
        decoder = Decoder(PLUGIN_EVENTS)
        for segment in info.segments:
            found = stream(
                self._folder,
                info.folder,
                segment.file,
                lambda schema: decoder if schema.equals(PLUGIN_EVENTS) else None,
                self._note,
            )
            for frame, batch in found:
                yield At(segment.file, frame.offset), batch

    def read_at(self, source: str, at: At) -> pa.RecordBatch:
        """The batch of a source at a place that was told before. Raises CaptureError where it is
        there no more."""
        info = self.source(source)
        if source == SYSCALL:
            return read_at(self._folder, info.folder, at, self._call_decoder)
        return read_at(
            self._folder,
            info.folder,
            at,
            lambda schema: Decoder(PLUGIN_EVENTS) if schema.equals(PLUGIN_EVENTS) else None,
        )

    def syscall_codes(self) -> tuple[int, ...]:
        """The types of all system calls, ascending, as codes of ``capture.events.table``."""
        if SYSCALL not in self.sources:
            return ()
        return tuple(sorted(count_types(self._folder, self.source(SYSCALL))))

    def syscall_counts(self) -> dict[str, int]:
        """System calls by name, most frequent first, counted without reading them."""
        if SYSCALL not in self.sources:
            return {}
        counts = type_names(count_types(self._folder, self.source(SYSCALL)))
        return dict(counts.most_common())

    def state_count(self, table: str) -> int:
        """Rows of a table of the state that the sections of system calls begin with."""
        if SYSCALL not in self.sources:
            return 0
        return count_state(self._folder, self.source(SYSCALL), table)

    def gaps(self, source: str | None = None) -> Iterator[Gap]:
        """Where events were dropped at recording, in order."""
        info = self.source(source)
        for batch in self._stream(info, SegmentInfo(GAPS_FILE), GAPS, Decoder(GAPS), None, None):
            columns = (
                batch.column("after_num").to_pylist(),
                batch.column("time").cast(pa.int64()).to_pylist(),
                batch.column("count").to_pylist(),
                batch.column("reason").to_pylist(),
            )
            for after_num, when, count, reason in zip(*columns, strict=True):
                yield Gap(info.name, after_num, when, count, reason)

    def folded(self) -> Iterator[tuple[int, pa.RecordBatch]]:
        """What the import of a ``.scap`` folded away (``capture.schema.FOLDED``): sections, and
        batches of theirs in order. Nothing where the capture keeps none of it; what should be there
        and is not is noted in ``missing``."""
        info = next((each for each in self.manifest.sources if each.name == SYSCALL), None)
        if info is None:
            return
        decoder = Decoder(FOLDED)
        rows = 0
        for frame, batch in stream(
            self._folder,
            info.folder,
            FOLDED_FILE,
            lambda found: decoder if found.equals(FOLDED) else None,
            self._note,
        ):
            rows += batch.num_rows
            yield frame.section, batch
        origin = self.manifest.origin
        if origin is not None and rows < origin.folded_rows:
            lost = origin.folded_rows - rows
            self._note(f"{info.folder}/{FOLDED_FILE}: {lost} enter events of an old kind are lost")

    def hold(self) -> bool:
        """Keep others from removing it while it is open, those who ask. False where it is too late,
        or it is being recorded."""
        return self._folder.share()

    def close(self) -> None:
        self._folder.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _batches(
        self,
        info: SourceInfo,
        columns: Sequence[str] | None,
        start: int | None,
        stop: int | None,
    ) -> Iterator[pa.RecordBatch]:
        timed = start is not None or stop is not None
        wanted = PLUGIN_EVENTS.names if columns is None else list(columns)
        decoder = Decoder(PLUGIN_EVENTS, [*wanted, "time"] if timed else wanted)
        for segment in info.segments:
            if segment.closed and _outside(segment, start, stop):
                continue
            found = False
            for batch in self._stream(info, segment, PLUGIN_EVENTS, decoder, start, stop):
                found = True
                kept = facts.between(batch, start, stop) if timed else batch
                if kept.num_rows:
                    yield (
                        kept
                        if columns is None
                        else kept.select([name for name in PLUGIN_EVENTS.names if name in wanted])
                    )
            gone = None if found else let_go_meanwhile(self._folder, info.folder, segment)
            if gone:
                self._note(gone)

    def _stream(
        self,
        info: SourceInfo,
        segment: SegmentInfo,
        schema: pa.Schema,
        decoder: Decoder,
        start: int | None,
        stop: int | None,
    ) -> Iterator[pa.RecordBatch]:
        found = stream(
            self._folder,
            info.folder,
            segment.file,
            lambda found: decoder if found.equals(schema) else None,
            self._note,
            lambda frame: not _outside(frame, start, stop),
        )
        return (batch for _, batch in found)

    def _note(self, text: str) -> None:
        if text not in self.missing and len(self.missing) < 2 * MAX_TOLD:
            self.missing.append(text)


def open_capture(path: str | os.PathLike[str]) -> Capture:
    """Open a capture, whatever state it is in; nothing on disk is changed.

    Without a manifest its segments are used; of damaged segments, what comes before the damage.
    Raises :class:`CaptureError` where ``path`` is no capture, or one of a newer format.
    """
    path = Path(path)
    folder = Folder.open(path)
    try:
        recording = folder.is_locked()
        manifest, missing = _read_manifest(folder, recording)
        sources = []
        for source in manifest.sources:
            survey = survey_source(
                folder, source, recording=recording, ended=manifest.end is not None
            )
            sources.append(survey.source)
            missing.extend(_shortened(source.name, survey.missing))
        manifest = replace(manifest, sources=tuple(sources))
        missing.extend(manifest.notes)
        if not recording:
            missing[:0] = _end_in_words(manifest)
        return Capture(path, folder, manifest, recording, missing)
    except BaseException:
        folder.close()
        raise


def _read_manifest(folder: Folder, recording: bool) -> tuple[Manifest, list[str]]:
    try:
        text = folder.read_small(MANIFEST, MAX_MANIFEST_BYTES)
    except FileNotFoundError:
        return rebuild_manifest(folder), [f"{MANIFEST} is missing: what it said is lost"]
    except CaptureError as error:
        return rebuild_manifest(folder), [error.message]
    try:
        return read_manifest(text, str(folder.path / MANIFEST)), []
    except CaptureError as error:
        if "format version" in error.message:
            raise
        try:
            return rebuild_manifest(folder), [f"{MANIFEST}: {error.message}"]
        except CaptureError:
            raise error from None


def _shortened(source: str, missing: Sequence[str]) -> list[str]:
    """A crafted manifest can name any number of absent files: not all need be told."""
    if len(missing) <= MAX_TOLD:
        return list(missing)
    more = f"source {source}: and {len(missing) - MAX_TOLD} more of these"
    return [*missing[:MAX_TOLD], more]


def _end_in_words(manifest: Manifest) -> list[str]:
    """Why a recording has not run to its end; nothing for one that has."""
    if manifest.complete:
        return []
    if manifest.end is not None:
        lost = f"; {manifest.end.lost} events in hand were lost" if manifest.end.lost else ""
        return [f"The recording ended early: {manifest.end.reason or 'no reason given'}{lost}."]
    ends = [source.span.max_time for source in manifest.sources if source.span]
    after = f" after {format_time(max(ends))}" if ends else ""
    events, seconds = manifest.flush.get("events"), manifest.flush.get("seconds")
    bound = (
        f": at most {events:.0f} events or {format_span(int(seconds * 1e9))} of them"
        if events and seconds
        else ""
    )
    text = f"The recording was cut short, it has no end mark: what came{after} and was not yet"
    return [f"{text} written is missing{bound}."]


def _outside(part: SegmentInfo | Frame, start: int | None, stop: int | None) -> bool:
    """Whether a part says that all its events lie outside the asked times."""
    if part.span is None:
        return False
    return (start is not None and part.span.max_time < start) or (
        stop is not None and part.span.min_time >= stop
    )
