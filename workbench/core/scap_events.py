"""The events of a ``.scap`` file, read as it stands."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture.events.plugins import plugin_events
from capture.events.schema import EventBatch
from capture.events.table import event_table
from capture.scap.reader import Limits, ScapReader, Section
from engine.fields.catalogue import SYSCALL
from engine.state.machine import EventState, StateEngine
from engine.syscalls.segment import SyscallSegment, SyscallSource
from engine.syscalls.state import State
from workbench.core.ahead import ahead
from workbench.core.pieces import Piece, PluginPiece, SyscallPiece
from workbench.core.plugin_set import PluginSet

#: Batches are large, for each costs the same beside its events; the first is there soon.
_LIMITS = Limits(rows=1 << 18, bytes=64 << 20, first_rows=1 << 13)


class ScapEvents:
    """The events of a ``.scap``, between two times (nanoseconds since the epoch; the end is out).

    State follows all events, those outside the times included. Events that plugins gave go to the
    source of the loaded plugin of that id.
    """

    def __init__(
        self, path: str | Path, plugins: PluginSet, start: int | None, stop: int | None
    ) -> None:
        self.name = str(path)
        self._reader = ScapReader(path, _LIMITS)
        self._start, self._stop = start, stop
        self._by_id = {each.id: each.event_source for each in plugins.plugins if each.id}
        self._strangers: Counter[int] = Counter()
        self._plugin_code = event_table().by_key["PLUGINEVENT_E"].code
        self.sources: tuple[str, ...] = (SYSCALL, *dict.fromkeys(self._by_id.values()))

    def windows(self) -> Iterator[dict[str, Piece]]:
        source = SyscallSource()
        for item, state in ahead(self._states()):
            if isinstance(item, Section):
                source.begin(item)
                continue
            assert state is not None
            segment = self._wanted(source.segment(item, State.of(state)))
            window: dict[str, Piece] = {SYSCALL: SyscallPiece(segment)} if len(segment) else {}
            if self._plugin_code in item.codes:
                window |= self._plugin_pieces(item)
            yield window

    def _states(self) -> Iterator[tuple[Section | EventBatch, EventState | None]]:
        """What the file holds, and the state of its events. Reading runs ahead as well."""
        engine = StateEngine(containers=True)
        for item in ahead(self._reader, 1):
            if isinstance(item, Section):
                engine.begin(item)
                yield item, None
            else:
                yield item, engine.feed(item)

    def _wanted(self, segment: SyscallSegment) -> SyscallSegment:
        """The segment less the events of plugins, and those outside the times."""
        events = segment.events
        keep = events.type != self._plugin_code
        if self._start is not None:
            keep &= events.time >= self._start
        if self._stop is not None:
            keep &= events.time < self._stop
        return segment if keep.all() else segment.take(np.flatnonzero(keep))

    def _plugin_pieces(self, item: EventBatch) -> dict[str, Piece]:
        batch = plugin_events(item)
        times = batch.column("time").cast(pa.int64())
        if self._start is not None:
            batch = batch.filter(pc.greater_equal(times, self._start))
        if self._stop is not None:
            batch = batch.filter(pc.less(batch.column("time").cast(pa.int64()), self._stop))
        pieces: dict[str, Piece] = {}
        for plugin_id in pc.unique(batch.column("plugin_id")).to_pylist():
            own = batch.filter(pc.equal(batch.column("plugin_id"), plugin_id))
            source = self._by_id.get(plugin_id)
            if source is None:
                self._strangers[plugin_id] += own.num_rows
            else:
                pieces[source] = PluginPiece(own)
        return pieces

    def fraction(self) -> float | None:
        return None

    def notes(self) -> list[str]:
        notes = self._reader.notes()
        notes += [
            f"{count:,} events of a plugin with id {plugin_id} are not judged: no such plugin is "
            "loaded."
            for plugin_id, count in self._strangers.items()
        ]
        return notes

    def close(self) -> None:
        self._reader.close()
