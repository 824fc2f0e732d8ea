"""The events to replay, from a capture or from what a plugin opens, one shape for both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from capture import batches as facts
from capture.errors import FalcowbError
from capture.manifest import SYSCALL
from capture.reader import Capture, open_capture
from capture.scap.sniff import is_scap
from plugins.host import Plugin, Source
from workbench.core.merged import merged
from workbench.core.pieces import Piece, PluginPiece
from workbench.core.scap_events import ScapEvents
from workbench.core.syscall_pieces import syscall_pieces

if TYPE_CHECKING:
    from workbench.core.session import Session

#: Events and bytes of payload that are judged at a time, where they can be chosen.
_EVENTS, _BYTES = 16384, 64 << 20
#: Bytes above which joining batches, which copies them, does not pay.
_JOINED_BYTES = 24 << 20
#: Seconds to fill a batch; a source that has nothing more for now gives what it has at once.
_BUDGET = 1.0

#: Events of one range of numbers, by source; every number is smaller than those of the next.
Window = Mapping[str, Piece]


class Events(Protocol):
    """Events of one or several sources, in order. To be closed.

    ``sources``: their names. ``name``: what a person calls them. ``notes()``: what is missing or
    was dropped, one sentence each; complete once the events have been read. ``fraction()``: how far
    reading is, from 0 to 1, or None where nobody knows.
    """

    name: str
    sources: tuple[str, ...]

    def windows(self) -> Iterator[Window]: ...

    def fraction(self) -> float | None: ...

    def notes(self) -> list[str]: ...

    def close(self) -> None: ...


class CaptureEvents:
    """The events of a capture, between two times (nanoseconds since the epoch; the end is out)."""

    def __init__(self, capture: Capture, start: int | None, stop: int | None) -> None:
        self.name = str(capture.path)
        self.sources = capture.sources
        self.capture = capture
        self._start, self._stop = start, stop
        self._seen = 0

    def windows(self) -> Iterator[Window]:
        for window in merged({name: self._pieces(name) for name in self.sources}):
            self._seen += sum(map(len, window.values()))
            yield window

    def _pieces(self, source: str) -> Iterator[Piece]:
        if source == SYSCALL:
            calls = self.capture.system_calls(self._stop)
            yield from syscall_pieces(calls, self._start, self._stop)
            return
        # A recorder of a quiet source flushes a few events at a time; judging likes many.
        batches = self.capture.batches(source, None, self._start, self._stop)
        for batch in facts.gathered(batches, _EVENTS, _JOINED_BYTES):
            yield PluginPiece(batch)

    def fraction(self) -> float | None:
        if self._start is not None or self._stop is not None or not self.capture.count:
            return None
        return self._seen / self.capture.count

    def notes(self) -> list[str]:
        said = [
            f"Source {info.name}: {info.drops:,} events were dropped at recording."
            for info in self.capture.manifest.sources
            if info.drops
        ]
        return [*self.capture.missing, *said]

    def close(self) -> None:
        self.capture.close()


class PluginEvents:
    """The events of what a plugin opens."""

    def __init__(self, plugin: Plugin, params: str, start: int | None, stop: int | None) -> None:
        self.name = params or f"{plugin.name}'s default source"
        self.sources: tuple[str, ...] = (plugin.event_source,)
        self._plugin = plugin
        self._start, self._stop = start, stop
        self._source: Source = plugin.open(params)

    def windows(self) -> Iterator[Window]:
        for batch in self._source.batches(_EVENTS, max_bytes=_BYTES, max_seconds=_BUDGET):
            kept = facts.between(batch, self._start, self._stop)
            yield {self._plugin.event_source: PluginPiece(kept)} if kept.num_rows else {}

    def fraction(self) -> float | None:
        told = self._source.progress()
        return told.fraction if told else None

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        self._source.close()


def is_capture(path: str) -> bool:
    """Whether a SOURCE names a capture, rather than something for a plugin: by its name, or by what
    it holds."""
    bare = path.rstrip("/")
    if bare.endswith((".fcap", ".scap", ".scap.gz", ".scap.zst")):
        return True
    return (Path(path) / "manifest.json").is_file() or is_scap(path)


def open_capture_events(session: Session, path: str, start: int | None, stop: int | None) -> Events:
    """A capture folder or a ``.scap``.

    Raises FalcowbError where there is no capture that can be read, or no plugin of the session
    knows the events of any of its sources.
    """
    if Path(path).is_file():
        return ScapEvents(path, session.plugins, start, stop)
    capture = open_capture(path)
    known = session.plugins.surroundings.catalogue.sources
    if capture.sources and not set(capture.sources) & set(known):
        needed = " ".join(
            f"--plugin {info.plugin.name or info.name}" for info in capture.manifest.sources
        )
        capture.close()
        raise FalcowbError(
            f"{path}: no loaded plugin knows the events of source {', '.join(capture.sources)}",
            hint=f"Name the plugin in a falco.yaml (-c falco.yaml), or with {needed}.",
        )
    return CaptureEvents(capture, start, stop)


def open_plugin_events(
    session: Session, params: str | None, start: int | None, stop: int | None
) -> PluginEvents:
    """What a plugin of the session opens: ``params``, or what the configuration says.

    The plugin is the first one asked for on the command line, else the only one that gives events.
    Raises FalcowbError.
    """
    if params is not None and not any(each.event_source for each in session.plugins.plugins):
        raise FalcowbError(
            f"{params}: this is no capture, and no plugin is loaded that could open it",
            hint="Name one under 'plugins' in a falco.yaml (-c falco.yaml), or a bundled one with "
            "--plugin NAME.",
        )
    plugin = session.plugins.sourcing(session.asked[0] if session.asked else None)
    if params is None:
        params = session.open_params(plugin.name)
    return PluginEvents(plugin, params, start, stop)
