"""Feeds: what a recording is made of. A feed gives the events of one source as they come."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.manifest import PluginInfo, SourceInfo
from plugins.host import Plugin
from plugins.host.source import Source

#: Seconds a plugin may go on giving the events that it has taken in, once it is told to stop.
_LAST_EVENTS = 2.5
#: Seconds between two calls of a plugin.
_TURN = 0.0005


@dataclass(frozen=True, slots=True)
class Begin:
    """System calls go on from this state; ``notes``: what of it could not be read."""

    section: Section
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Came:
    """Events: an ``EventBatch`` of system calls, or a batch of ``PLUGIN_EVENTS``."""

    source: str
    events: EventBatch | pa.RecordBatch

    def __len__(self) -> int:
        return int(self.events.num_rows)


@dataclass(frozen=True, slots=True)
class Lost:
    """``count`` events that never came, at about ``when`` (nanoseconds since the epoch).
    ``what``: the name of the events, or their category; ``where``: ``kernel`` or ``user``."""

    source: str
    count: int
    where: str
    what: str
    when: int

    @property
    def reason(self) -> str:
        place = "the kernel's buffer was full" if self.where == "kernel" else "lost in falcowb"
        return f"{place}: {self.what}" if self.what else place


@dataclass(frozen=True, slots=True)
class Remark:
    """What could not be known of the events of a source, in words; none is missing for it."""

    source: str
    text: str


Item = Begin | Came | Lost | Remark


class Feed(Protocol):
    """``source``: the name of its source. ``label``: what messages call it."""

    source: str
    label: str

    def info(self) -> SourceInfo:
        """What a capture says of the source."""
        ...

    def about(self) -> str:
        """What is listened to, for a person."""
        ...

    def open(self) -> None:
        """Begin to listen; raises FalcowbError. Called in the thread that ``items`` runs in."""
        ...

    def items(self, stop: threading.Event) -> Iterator[Item | None]:
        """What comes, until there is no more or soon after ``stop`` is set; None now and then while
        nothing comes."""
        ...

    def close(self) -> None: ...


class PluginFeed:
    """What a plugin opens; ``config`` is its init configuration. Events are gathered for
    ``gather`` seconds."""

    def __init__(
        self, plugin: Plugin, open_params: str = "", config: str = "", *, gather: float = 0.25
    ) -> None:
        self.plugin = plugin
        self.source = plugin.event_source
        self.label = f"plugin {plugin.name}"
        self.open_params = open_params
        self._config = config
        self._gather = gather
        self._opened: Source | None = None

    def info(self) -> SourceInfo:
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
                config=self._config,
                open_params=self.open_params,
            ),
        )

    def about(self) -> str:
        return self.open_params or "its default source"

    def open(self) -> None:
        self._opened = self.plugin.open(self.open_params)

    def items(self, stop: threading.Event) -> Iterator[Item | None]:
        assert self._opened is not None
        while not stop.is_set():
            batch = self._opened.next_batch(max_seconds=self._gather)
            if batch is None:
                return
            yield self._item(batch)
            # A plugin does one thing at a time: who judges its events gets a turn.
            time.sleep(_TURN)
        # What the plugin has already taken in (and told its sender so) is not left behind.
        deadline = time.monotonic() + _LAST_EVENTS
        while time.monotonic() < deadline:
            batch = self._opened.next_batch(max_seconds=0.05)
            if not batch:
                return
            yield self._item(batch)

    def _item(self, batch: pa.RecordBatch) -> Came | None:
        return Came(self.source, batch) if batch.num_rows else None

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()
