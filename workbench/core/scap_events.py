"""The events of a ``.scap`` file, read as it stands.

Commands that go once through a capture from front to end (``replay``, ``events``) read a ``.scap``
so: the first answer is there at once, and nothing of it is written a second time. Those that count
it up first, or look here and there (``info``, ``export``, the screens), import it into the cache,
see ``workbench.core.scap_cache``. Either way the events are the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from capture.events.plugins import PLUGIN_EVENT, plugin_events, source_of
from capture.events.schema import EventBatch
from capture.scap.reader import Limits, ScapReader
from engine.fields.catalogue import SYSCALL
from workbench.core.ahead import ahead
from workbench.core.pieces import Piece, PluginPiece, SyscallPiece
from workbench.core.plugin_set import PluginSet
from workbench.core.syscall_pieces import calls_between, walked

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
        self.sources: tuple[str, ...] = (SYSCALL, *dict.fromkeys(self._by_id.values()))

    def windows(self) -> Iterator[dict[str, Piece]]:
        # Reading runs ahead of state as well.
        for item, segment in walked(ahead(self._reader, 1)):
            calls = calls_between(segment, self._start, self._stop)
            window: dict[str, Piece] = {SYSCALL: SyscallPiece(calls)} if len(calls) else {}
            if PLUGIN_EVENT in item.codes:
                window |= self._plugin_pieces(item)
            yield window

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
        return self._reader.fraction()

    def notes(self) -> list[str]:
        notes = self._reader.notes()
        notes += [
            f"{count:,} event{'s' * (count != 1)} of source {source_of(plugin_id)} left out: no "
            f"plugin with id {plugin_id} is loaded (--plugin NAME)."
            for plugin_id, count in self._strangers.items()
        ]
        return notes

    def close(self) -> None:
        self._reader.close()
