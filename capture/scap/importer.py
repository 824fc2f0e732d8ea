"""Import of a ``.scap`` into a capture folder.

System calls keep their numbers, sections and state; events that plugins gave go to the sources of
those plugins. What could not be read is noted in the manifest.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from capture import batches as facts
from capture.errors import CaptureError
from capture.events.plugins import PLUGIN_EVENT, plugin_events, source_of
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.events.shapes import without
from capture.ipc import Span
from capture.machine import file_sha256
from capture.manifest import MAX_SOURCES, SYSCALL, Clocks, Host, Origin, PluginInfo, SourceInfo
from capture.scap.reader import ScapReader
from capture.segment import COMPRESSION
from capture.state_tables import MAX_SECTIONS
from capture.writer import CaptureWriter, FlushPolicy

#: Batches as large as the reader makes them; nothing is flushed for the clock's sake.
_POLICY = FlushPolicy(events=65_536, bytes=64 << 20, seconds=60.0, sync_seconds=600.0)


@dataclass(frozen=True, slots=True)
class Imported:
    """What came of an import: events by source, sections, what is missing, in words; ``damaged``:
    the file could not be read to its end."""

    events: dict[str, int]
    sections: int
    notes: tuple[str, ...]
    damaged: bool


def import_scap(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    compression: str = COMPRESSION,
    digest: bool = True,
    folded: bool = True,
    progress: Callable[[int, float | None], None] = lambda _events, _fraction: None,
) -> Imported:
    """Import ``source`` into a new capture ``target``.

    ``progress`` is told the events so far and how far the file has been read (0 to 1, or None);
    what it raises stops the import, and the capture then says that it was. ``digest``: keep the
    SHA-256 of the file. ``folded``: keep beside the events what conversion to today's events folds
    away, so that an export gives it back. Memory does not grow with the file. A damaged file is
    imported up to the damage. Raises CaptureError where ``source`` cannot be read as a ``.scap`` at
    all, or ``target`` cannot be written.
    """
    work: _Import

    def fold(batch: pa.RecordBatch, section: int) -> None:
        work.folded(batch, section)

    with ScapReader(source, folded=fold if folded else None) as reader:
        work = _Import(reader, Path(target), overwrite, compression)
        try:
            for item in reader:
                if isinstance(item, Section):
                    if not work.section(item):
                        break
                else:
                    work.events(item)
                progress(reader.progress.events, reader.fraction())
            return work.finish(digest)
        except BaseException as error:
            work.stopped(error)
            raise


class _Import:
    """An import under way. The capture is made at its first event, when its sources are known."""

    def __init__(self, reader: ScapReader, target: Path, overwrite: bool, compression: str) -> None:
        self._reader = reader
        self._target = target
        self._overwrite = overwrite
        self._compression = compression
        self._writer: CaptureWriter | None = None
        self._sources: set[str] = set()
        self._waiting: Section | None = None
        self._sections = 0
        self._span: Span | None = None
        self._host = Host()
        self._more_notes: list[str] = []
        self._left_out = 0

    def section(self, section: Section) -> bool:
        """A section begins; False when there are too many to go on."""
        self._sections += 1
        if section.number >= MAX_SECTIONS:
            self._opened().note(
                f"There are more than {MAX_SECTIONS:,} sections; the rest is left out."
            )
            return False
        if self._host == Host() and section.machine.num_rows:
            machine = section.machine.to_pylist()[0]
            name = (machine["hostname"] or b"").decode("utf-8", "replace")
            self._host = Host(name=name, cpus=min(machine["num_cpus"] or 0, 1 << 20))
        if SYSCALL in self._sources:
            self._opened().begin_section(section)
        else:
            self._waiting = section  # Of plugin events alone no state is kept.
        return True

    def events(self, batch: EventBatch) -> None:
        span = facts.span(batch.batch)
        if span is not None:
            self._span = span.merge(self._span)
        if PLUGIN_EVENT in batch.codes:
            self._plugin_events(plugin_events(batch))
        calls = without(batch, PLUGIN_EVENT)
        if calls is not None and calls.num_rows:
            self._syscalls().write_events(calls)

    def folded(self, batch: pa.RecordBatch, section: int) -> None:
        """What stood before the events that come next, in the section that was last begun."""
        self._syscalls().write_folded(batch, section)

    def finish(self, digest: bool) -> Imported:
        if not self._sources:
            self._syscalls()
        writer = self._opened()
        if self._left_out:
            text = f"{self._left_out:,} events of plugins are left out: there are too many plugins."
            self._more_notes.append(text)
        notes = [*self._reader.notes(), *self._more_notes]
        for note in notes:
            writer.note(note)
        self._describe(writer, digest)
        damaged = self._reader.progress.damaged
        writer.close(
            complete=not damaged,
            reason="the imported file is damaged or cut short" if damaged else "",
        )
        events = {name: count for name, (count, _) in writer.counts.items()}
        return Imported(events, self._sections, tuple(notes), damaged)

    def stopped(self, error: BaseException) -> None:
        """Close what has been imported so far, saying why there is no more."""
        if self._writer is None:
            return
        said = str(error).partition("\n")[0] or type(error).__name__
        why = "stopped by hand" if isinstance(error, KeyboardInterrupt) else said
        try:
            self._describe(self._writer, False)
            self._writer.close(complete=False, reason=f"the import was not finished: {why}")
        except CaptureError:
            return  # The first error says more.

    def _describe(self, writer: CaptureWriter, digest: bool) -> None:
        path = self._reader.path
        origin = Origin(
            file=path.name,
            format="scap",
            bytes=path.stat().st_size,
            sha256=file_sha256(path) if digest else "",
            compression=self._reader.progress.compression,
            folded=self._reader.progress.dropped,
            folded_rows=writer.folded_rows,
        )
        span = self._span or Span(0, 0, 0, 0)
        first, last = max(span.min_time, 0), max(span.max_time, 0)
        writer.imported(origin, self._host, Clocks(first, 0, last, last - first))

    def _opened(self) -> CaptureWriter:
        if self._writer is None:
            self._syscalls()
        assert self._writer is not None
        return self._writer

    def _syscalls(self) -> CaptureWriter:
        writer = self._with_source(SourceInfo(SYSCALL))
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            writer.begin_section(waiting)
        return writer

    def _with_source(self, info: SourceInfo) -> CaptureWriter:
        if self._writer is None:
            self._writer = CaptureWriter(
                self._target,
                [info],
                policy=_POLICY,
                overwrite=self._overwrite,
                compression=self._compression,
            )
        elif info.name not in self._sources:
            self._writer.add_source(info)
        self._sources.add(info.name)
        return self._writer

    def _plugin_events(self, batch: pa.RecordBatch) -> None:
        for plugin_id in pc.unique(batch.column("plugin_id")).to_pylist():
            own = batch.filter(pc.equal(batch.column("plugin_id"), plugin_id))
            name = source_of(plugin_id)
            if name not in self._sources and len(self._sources) >= MAX_SOURCES - 1:
                self._left_out += own.num_rows
                continue
            info = SourceInfo(name, plugin=PluginInfo(name=name, id=plugin_id))
            self._with_source(info).write(name, own)
