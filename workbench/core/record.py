"""Recording what plugins emit into a capture."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from capture.errors import FalcowbError
from capture.manifest import PluginInfo, SourceInfo
from capture.writer import CaptureWriter
from plugins.host import Plugin

#: How long a plugin may take to give its last events once the recording is stopped.
_PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Recording:
    """One plugin and what to open with it; ``config`` is its init configuration."""

    plugin: Plugin
    open_params: str = ""
    config: str = ""

    def source_info(self) -> SourceInfo:
        plugin = self.plugin
        return SourceInfo(
            plugin.event_source,
            plugin=PluginInfo(
                name=plugin.name,
                version=plugin.version,
                api_version=plugin.required_api_version,
                id=plugin.id,
                file=plugin.path.name,
                sha256=plugin.file_sha256(),
                config=self.config,
                open_params=self.open_params,
            ),
        )


@dataclass(frozen=True, slots=True)
class Limits:
    """When a recording ends by itself; None: not for that reason."""

    events: int | None = None
    seconds: float | None = None


class Recorder:
    """Records several plugins side by side, one thread each, until they end or ``stop`` is set.

    ``counts`` tells events and drops of each source so far. Use once: ``run`` blocks.
    """

    def __init__(
        self,
        path: str | Path,
        recordings: Sequence[Recording],
        limits: Limits | None = None,
        *,
        overwrite: bool = False,
        stop: threading.Event | None = None,
    ) -> None:
        names = [each.plugin.event_source for each in recordings]
        if len(set(names)) != len(names):
            raise FalcowbError("two plugins give events of one source; record them one by one")
        self._recordings = recordings
        self._limits = limits or Limits()
        self._stop = stop or threading.Event()
        self._lock = threading.Lock()
        self._next_num = 1
        self._full = False  # the wanted number of events is there
        self._failure: BaseException | None = None
        self._sources = [each.plugin.open(each.open_params) for each in recordings]
        try:
            self._writer = CaptureWriter(
                path, [each.source_info() for each in recordings], overwrite=overwrite
            )
        except BaseException:
            for source in self._sources:
                source.close()
            raise

    @property
    def counts(self) -> dict[str, tuple[int, int]]:
        return self._writer.counts

    def run(self) -> None:
        """Record to the end. Raises what a plugin or the disk raised, after closing the capture,
        which then says that it ended early and why."""
        threads = [
            threading.Thread(target=self._record, args=(index,), daemon=True)
            for index in range(len(self._recordings))
        ]
        started = time.monotonic()
        with self._writer:
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads) and not self._stop.is_set():
                self._stop.wait(0.1)
                if (
                    self._limits.seconds is not None
                    and time.monotonic() - started >= self._limits.seconds
                ):
                    self._stop.set()
            self._stop.set()
            hanging = self._await(threads)
            if self._failure is not None:
                raise self._failure
            if hanging:
                raise FalcowbError(
                    f"plugin {', '.join(hanging)} gave no answer within {_PATIENCE_SECONDS:.0f} s "
                    "of being asked to stop",
                    hint="The capture holds all events that it gave before.",
                )

    def _await(self, threads: Sequence[threading.Thread]) -> list[str]:
        """Names of the plugins that do not end in time."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        hanging = []
        for thread, recording in zip(threads, self._recordings, strict=True):
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                hanging.append(recording.plugin.name)
        return hanging

    def _record(self, index: int) -> None:
        source, name = self._sources[index], self._recordings[index].plugin.event_source
        try:
            while not self._stop.is_set():
                batch = source.next_batch()
                if batch is None:
                    return
                self._take(name, batch)
            # What the plugin has already taken in (and told its sender so) is not left behind.
            deadline = time.monotonic() + _PATIENCE_SECONDS / 2
            while not self._full and time.monotonic() < deadline:
                batch = source.next_batch(max_seconds=0.05)
                if not batch:
                    return
                self._take(name, batch)
        except BaseException as error:
            self._failure = self._failure or error
            self._stop.set()
        finally:
            source.close()

    def _take(self, name: str, batch: pa.RecordBatch) -> None:
        with self._lock:
            left = None if self._limits.events is None else self._limits.events + 1 - self._next_num
            if left is not None and batch.num_rows >= left:
                batch = batch.slice(0, max(left, 0))
                self._full = True
                self._stop.set()
            self._writer.write(name, _numbered(batch, self._next_num))
            self._next_num += batch.num_rows


def _numbered(batch: pa.RecordBatch, first: int) -> pa.RecordBatch:
    """The batch with numbers from ``first``: one count for all sources of a capture."""
    numbers = pa.array(np.arange(first, first + batch.num_rows, dtype=np.uint64))
    return pa.RecordBatch.from_arrays([numbers, *batch.columns[1:]], schema=batch.schema)
