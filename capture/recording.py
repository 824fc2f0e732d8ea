"""Sources while they are recorded: what is in hand, the segment being written, what was lost.

Methods raise OSError when the system refuses; ``capture.writer`` then ends the recording.
"""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace

import pyarrow as pa

from capture import batches as facts
from capture.errors import CaptureError
from capture.events.schema import MAX_TYPES, EventBatch, event_schema, widen
from capture.events.section import Section
from capture.events.shapes import all_codes, fit, join, narrow, split
from capture.events.walked_state import WALKED
from capture.folder import FOLDED_FILE, GAPS_FILE, Folder, segment_name
from capture.kinds import in_order, kind_of
from capture.layout import MAX_BATCH_BYTES
from capture.manifest import LetGo, SegmentInfo, SourceInfo
from capture.schema import FOLDED, GAPS, PLUGIN_EVENTS
from capture.segment import SegmentFile
from capture.state_tables import (
    MAX_SECTIONS,
    SECTIONS_FILE,
    STATE_FILES,
    section_row,
    table_file,
    table_frames,
)

#: Largest payload of one event that is recorded; a larger one counts as dropped.
MAX_EVENT_BYTES = 64 << 20
#: Most bytes of a batch of system calls, with room for what the layout adds on disk.
_MAX_SYSCALL_BYTES = MAX_BATCH_BYTES - (16 << 20)


class Recorded(ABC):
    """One source while it is recorded. ``pending_*`` is what is in hand, not yet written."""

    def __init__(
        self, info: SourceInfo, folder: Folder, about: Mapping[str, object], compression: str
    ) -> None:
        self.name = info.name
        self.folder = folder
        self.pending_events = 0
        self.pending_bytes = 0
        self.last_num = 0
        self.drops = 0
        self._info = info
        self._about = {"source": info.name, **about}
        self._compression = compression
        self._kind = kind_of(info.name)
        self._segment: SegmentFile | None = None
        self._closed: list[SegmentInfo] = []
        self._next_index = 0
        self._let_go: LetGo | None = None
        self._others: dict[str, SegmentFile] = {}
        self._gaps: dict[tuple[int, str], tuple[int, int]] = {}

    @abstractmethod
    def flush(self, segment_bytes: int) -> bool:
        """Write all that is in hand; whether a segment was finished by that."""

    @property
    def info(self) -> SourceInfo:
        """The source as the manifest has it, up to what is written."""
        current = [] if self._segment is None else [_segment_info(self._segment, closed=False)]
        return replace(
            self._info,
            drops=self.drops,
            segments=(*self._closed, *current),
            let_go=self._let_go,
        )

    @property
    def disk_bytes(self) -> int:
        """Bytes on disk of what is written, with the files beside the segments."""
        segments = sum(segment.bytes for segment in self._closed)
        return segments + sum(file.size for file in self._files())

    def let_go(self, count: int, state: str = "", section: int = 0) -> tuple[str, ...]:
        """Forget the first ``count`` finished segments; their files, which the caller removes once
        the manifest no longer has them. ``state`` and ``section``: as in ``LetGo``."""
        gone, self._closed = self._closed[:count], self._closed[count:]
        before = self._let_go or LetGo()
        span = before.span
        for segment in gone:
            span = segment.span.merge(span) if segment.span is not None else span
        self._let_go = LetGo(
            segments=before.segments + len(gone),
            events=before.events + sum(segment.events for segment in gone),
            bytes=before.bytes + sum(segment.bytes for segment in gone),
            span=span,
            state=state,
            section=section,
        )
        return tuple(segment.file for segment in gone)

    def end_segment(self) -> None:
        """Finish the segment being written, with what is on disk of it."""
        self._end_segment()

    def drop(self, count: int, reason: str, when: int | None = None) -> bool:
        """Note events lost after the last one, at ``when`` (nanoseconds since the epoch; None:
        now); whether it is time to write the notes."""
        place = (self.last_num, reason[:1000])
        before, first = self._gaps.get(place, (0, time.time_ns() if when is None else when))
        self._gaps[place] = (before + count, first)
        self.drops += count
        return len(self._gaps) >= 10_000

    def remark(self, text: str) -> None:
        """What could not be known when recording began."""
        self._info = replace(self._info, remarks=(*self._info.remarks, text))

    def sync(self) -> None:
        """Bring what is written through to the disk."""
        for file in self._files():
            file.sync()

    def close(self, *, sync: bool) -> None:
        """Write the end marks. Every file is closed, even when one fails."""
        failure: OSError | None = None
        for file in self._files():
            try:
                file.close(sync=sync)
            except OSError as error:
                failure = failure or error
        if self._segment is not None:
            self._closed.append(_segment_info(self._segment, closed=True))
            self._segment = None
        if failure is not None:
            raise failure

    def _note_numbers(self, batch: pa.RecordBatch) -> None:
        num = facts.numbers(batch)
        if not in_order(self._kind, num, self.last_num):
            raise CaptureError(
                f"source {self.name}: event numbers do not ascend after {self.last_num}"
            )
        if len(num):
            self.last_num = int(num[-1])

    def _files(self) -> list[SegmentFile]:
        segments = [] if self._segment is None else [self._segment]
        return [*segments, *self._others.values()]

    def _other(self, name: str, schema: pa.Schema) -> SegmentFile:
        """A file beside the segments, made when it is first needed."""
        if name not in self._others:
            self._others[name] = SegmentFile(self.folder, name, schema, self._about)
        return self._others[name]

    def _current(self, schema: pa.Schema) -> SegmentFile:
        """The segment that is being written."""
        if self._segment is None:
            index = self._next_index
            self._next_index += 1
            about = {**self._about, "segment": index}
            self._segment = SegmentFile(
                self.folder, segment_name(index), schema, about, self._compression
            )
        return self._segment

    def _end_segment(self) -> None:
        if self._segment is not None:
            self._segment.close()
            self._closed.append(_segment_info(self._segment, closed=True))
            self._segment = None

    def _end_if_full(self, segment_bytes: int) -> bool:
        full = self._segment is not None and self._segment.size >= segment_bytes
        if full:
            self._end_segment()
        return full

    def _flush_gaps(self) -> None:
        if not self._gaps:
            return
        places = list(self._gaps)
        columns = [
            pa.array([num for num, _ in places], pa.uint64()),
            pa.array([when for _, when in self._gaps.values()], GAPS.field("time").type),
            pa.array([count for count, _ in self._gaps.values()], pa.uint64()),
            pa.array([reason for _, reason in places], pa.string()),
        ]
        self._other(GAPS_FILE, GAPS).append(pa.record_batch(columns, schema=GAPS), None)
        self._gaps = {}


class RecordedPlugin(Recorded):
    """A plugin's source: batches of ``PLUGIN_EVENTS``."""

    def __init__(
        self, info: SourceInfo, folder: Folder, about: Mapping[str, object], compression: str
    ) -> None:
        plugin = {"plugin": info.plugin.name, "plugin_version": info.plugin.version}
        super().__init__(info, folder, {**about, **plugin}, compression)
        self._pending: list[pa.RecordBatch] = []

    def parts(self, batch: pa.RecordBatch, max_bytes: int) -> list[pa.RecordBatch]:
        """A batch in pieces that can be taken. Raises :class:`CaptureError` for a wrong one."""
        if not batch.schema.equals(PLUGIN_EVENTS):
            raise CaptureError(f"source {self.name}: a batch of another schema: {batch.schema}")
        batch = self._without_oversized(batch)
        self._note_numbers(batch)
        return list(facts.split(batch, max_bytes))

    def size(self, part: pa.RecordBatch) -> int:
        """Bytes of payload of a piece."""
        return facts.payload_size(part)

    def take(self, part: pa.RecordBatch) -> None:
        self._pending.append(part)
        self.pending_events += part.num_rows
        self.pending_bytes += self.size(part)

    def flush(self, segment_bytes: int) -> bool:
        if self._pending:
            batch = facts.join(self._pending)
            segment = self._current(PLUGIN_EVENTS)
            segment.append(batch, facts.span(batch), self.pending_bytes)
            self._pending, self.pending_events, self.pending_bytes = [], 0, 0
        self._flush_gaps()
        return self._end_if_full(segment_bytes)

    def _without_oversized(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        if facts.payload_size(batch) <= MAX_EVENT_BYTES:
            return batch
        offsets = facts.payload_offsets(batch)
        fits = (offsets[1:] - offsets[:-1]) <= MAX_EVENT_BYTES
        if fits.all():
            return batch
        self.drop(int((~fits).sum()), f"payload larger than {MAX_EVENT_BYTES} bytes")
        return batch.filter(pa.array(fits))


class RecordedSyscalls(Recorded):
    """System calls: batches of ``capture.events.schema`` and the state their sections begin with.

    A segment's schema is that of the types seen until it begins; a new type begins another one.
    """

    def __init__(
        self, info: SourceInfo, folder: Folder, about: Mapping[str, object], compression: str
    ) -> None:
        super().__init__(info, folder, about, compression)
        self._pending: list[EventBatch] = []
        self._codes: tuple[int, ...] = ()
        self.section = -1

    def begin(self, section: Section) -> None:
        """A section begins; what is in hand must have been written.

        Raises :class:`CaptureError` for one out of order.
        """
        if not self.section < section.number < MAX_SECTIONS:
            raise CaptureError(f"section {section.number} after section {self.section}")
        self.section = section.number
        for name in ("machine", "interfaces", "users", "groups", "threads", "fds", *WALKED):
            for frame in table_frames(section, name):
                file = self._other(table_file(name), STATE_FILES[table_file(name)])
                file.append(frame, None)
        row = section_row(section, self.last_num)
        # Last, so that a section that is there has its state.
        self._other(SECTIONS_FILE, STATE_FILES[SECTIONS_FILE]).append(row, None)

    @property
    def folded_rows(self) -> int:
        """Rows of folded blocks on disk."""
        file = self._others.get(FOLDED_FILE)
        return 0 if file is None else file.events

    def fold(self, batch: pa.RecordBatch, section: int) -> None:
        """Write what conversion folded away of a section (``capture.schema.FOLDED``)."""
        self._other(FOLDED_FILE, FOLDED).append(batch, facts.span(batch), section=section)

    def forget_states(self) -> None:
        """Remove the files with the states of sections, if the last that has begun is now in a
        folder of its own (see ``LetGo``). Raises OSError."""
        if self._let_go is None or self._let_go.section < self.section:
            return
        for name in [name for name in self._others if name in STATE_FILES]:
            self._others.pop(name).abandon()
            os.unlink(name, dir_fd=self.folder.fd)

    def parts(self, batch: EventBatch, max_bytes: int) -> list[EventBatch]:
        """A batch in pieces that can be taken. Raises :class:`CaptureError` for a wrong one."""
        if batch.section != self.section:
            raise CaptureError(f"events of section {batch.section} in section {self.section}")
        self._note_numbers(batch.batch)
        pieces = []
        for part in split(batch, facts.MAX_ROWS, max(max_bytes, 1)):
            if part.batch.nbytes > _MAX_SYSCALL_BYTES:
                self.drop(part.num_rows, f"parameters larger than {_MAX_SYSCALL_BYTES} bytes")
            elif part.num_rows:
                pieces.append(narrow(part))
        return pieces

    def fits(self, part: EventBatch) -> bool:
        """Whether a piece can join what is in hand."""
        return fit([*self._pending, part])

    def size(self, part: EventBatch) -> int:
        """Bytes of a piece in memory."""
        return int(part.batch.nbytes)

    def take(self, part: EventBatch) -> None:
        self._pending.append(part)
        self.pending_events += part.num_rows
        self.pending_bytes += self.size(part)

    def flush(self, segment_bytes: int) -> bool:
        ended = False
        if self._pending:
            batch = join(self._pending)
            if not set(batch.codes) <= set(self._codes):
                ended = self._segment is not None
                self._end_segment()
                seen = sorted({*self._codes, *batch.codes})
                self._codes = tuple(seen) if len(seen) <= MAX_TYPES else all_codes([batch])
            segment = self._current(event_schema(self._codes))
            wide = widen(batch, self._codes).batch
            segment.append(wide, facts.span(wide), self.pending_bytes, batch.section)
            self._pending, self.pending_events, self.pending_bytes = [], 0, 0
        self._flush_gaps()
        return self._end_if_full(segment_bytes) or ended


def _segment_info(segment: SegmentFile, *, closed: bool) -> SegmentInfo:
    return SegmentInfo(
        file=segment.name,
        events=segment.events,
        bytes=segment.size,
        payload_bytes=segment.payload_bytes,
        closed=closed,
        span=segment.span,
    )
