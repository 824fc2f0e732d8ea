"""Alerts as they happen, from feeds, through the engine that judges captures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.manifest import SYSCALL, SourceInfo
from workbench.core.event_drops import DropConfig, DropMonitor, InternalAlert
from workbench.core.events import Window
from workbench.core.feeds import Item, Lost
from workbench.core.judge import Judge
from workbench.core.live_judge import LiveWindows
from workbench.core.rotating import FreshState


class Alerting:
    """Judges what comes and writes the alerts: a ``workbench.core.record.Watch``.

    ``write`` takes lines of UTF-8, each with its line end; ``log`` what Falco would log.
    """

    def __init__(
        self,
        judge: Judge,
        drops: DropConfig,
        write: Callable[[pa.Buffer | bytes], None],
        log: Callable[[str], None],
    ) -> None:
        self.judge = judge
        self.drops = DropMonitor(drops, self._internal, log)
        self._write = write
        self._windows = LiveWindows(self._window)

    @property
    def alerts(self) -> int:
        return self.judge.tally.alerts.total()

    def take(self, item: Item) -> None:
        if isinstance(item, Lost):
            self.drops.lost(item.count, item.what)
        self._windows.take(item)

    def tick(self) -> None:
        self._windows.tick()

    def close(self) -> None:
        """Judge what is left."""
        self._windows.flush()
        self.judge.end()

    def _window(self, window: Window) -> None:
        if SYSCALL in window:
            self.drops.events(window[SYSCALL].times)
        for text in self.judge.lines(window):
            self._write(text)

    def _internal(self, alert: InternalAlert) -> None:
        as_json = self.judge.formatter.options.json_output
        self._write(alert.line(as_json=as_json).encode() + b"\n")


class Nowhere:
    """What is watched and not recorded: a ``workbench.core.record.Sink`` that counts."""

    path = Path()
    size = 0

    def __init__(self, sources: Sequence[SourceInfo]) -> None:
        self._events: Counter[str] = Counter({info.name: 0 for info in sources})
        self._drops: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        return {name: (count, self._drops[name]) for name, count in self._events.items()}

    def begin_section(self, section: Section) -> None:
        pass

    def write(self, source: str, batch: pa.RecordBatch) -> None:
        self._events[source] += batch.num_rows

    def write_events(self, batch: EventBatch) -> None:
        self._events[SYSCALL] += batch.num_rows

    def drop(self, source: str, count: int, reason: str, when: int | None = None) -> None:
        self._drops[source] += count

    def note(self, text: str) -> None:
        pass

    def remark(self, source: str, text: str) -> None:
        pass

    def tick(self) -> None:
        pass

    def rotate(self, fresh: FreshState | None) -> Path:
        return self.path

    def close(self, *, complete: bool = True, reason: str = "") -> None:
        pass
