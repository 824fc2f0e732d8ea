"""What a capture says of itself: ``manifest.json``.

Written anew, whole, while a recording runs, so that it is always readable; what it says of the
segment being written lags behind the file, and readers look at the file. ``manifest_reading`` reads
it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from capture.errors import CaptureError
from capture.ipc import Span

FORMAT = "falcowb capture"
VERSION = 1
MAX_MANIFEST_BYTES = 16 << 20
MAX_SOURCES = 64
#: Most notes of a capture, and characters of one.
MAX_NOTES = 1000
MAX_NOTE = 1000
#: The source of system calls; all others are plugins'.
SYSCALL = "syscall"
#: Most alerts that a capture which was kept for them names.
MAX_PINNED = 1000


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """The plugin that gave a source's events. ``config`` and ``open_params`` are redacted texts;
    ``sha256`` is of the library file."""

    name: str = ""
    version: str = ""
    api_version: str = ""
    id: int = 0
    file: str = ""
    sha256: str = ""
    config: str = ""
    open_params: str = ""


@dataclass(frozen=True, slots=True)
class ProbeInfo:
    """How system calls were recorded. ``syscalls`` names those recorded, ascending; with
    ``every`` it is empty and all were. ``snaplen``: bytes kept of buffers. ``pids`` (with their
    descendants), ``containers`` (ids) and ``uids`` are what the recording was bound to, empty: not
    bound; ``command`` is the command that was run under it, redacted."""

    every: bool = False
    syscalls: tuple[str, ...] = ()
    snaplen: int = 0
    pids: tuple[int, ...] = ()
    containers: tuple[str, ...] = ()
    uids: tuple[int, ...] = ()
    command: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SegmentInfo:
    """One segment file. ``bytes`` is its size when the manifest was written; ``closed`` that the
    recorder had finished it; ``payload_bytes`` is the sum of its events' payloads."""

    file: str
    events: int = 0
    bytes: int = 0
    payload_bytes: int = 0
    closed: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class LetGo:
    """What a ring has let go of a source: the segments below number ``segments``, with so many
    ``events`` and ``bytes`` of this ``span``. What is found of them on disk does not count. The
    rest begins, of system calls, in section ``section`` with the state in the folder ``state``."""

    segments: int = 0
    events: int = 0
    bytes: int = 0
    span: Span | None = None
    state: str = ""
    section: int = 0


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """One event source of a capture. ``drops`` is how many events are known to be lost at
    recording; where and why is in ``gaps.arrow`` beside the segments. ``probe``: of system calls
    that were recorded live. ``remarks``: what could not be known when recording began, in words; no
    event is missing for it. ``let_go``: what of it a ring has let go, None for nothing."""

    name: str
    folder: str = ""
    plugin: PluginInfo = field(default_factory=PluginInfo)
    probe: ProbeInfo | None = None
    remarks: tuple[str, ...] = ()
    drops: int = 0
    segments: tuple[SegmentInfo, ...] = ()
    let_go: LetGo | None = None

    @property
    def events(self) -> int:
        return sum(segment.events for segment in self.segments)

    @property
    def bytes(self) -> int:
        return sum(segment.bytes for segment in self.segments)

    @property
    def payload_bytes(self) -> int:
        return sum(segment.payload_bytes for segment in self.segments)

    @property
    def span(self) -> Span | None:
        whole: Span | None = None
        for segment in self.segments:
            if segment.span is not None:
                whole = segment.span.merge(whole)
        return whole


@dataclass(frozen=True, slots=True)
class Host:
    """The machine that recorded."""

    name: str = ""
    kernel: str = ""
    machine: str = ""
    boot_id: str = ""
    cpus: int = 0


@dataclass(frozen=True, slots=True)
class Clocks:
    """When recording began and when the manifest was last written: nanoseconds since the epoch
    (``*_time``) and since boot (``*_boot``), so that steps of the wall clock show."""

    start_time: int = 0
    start_boot: int = 0
    last_time: int = 0
    last_boot: int = 0


@dataclass(frozen=True, slots=True)
class End:
    """The end-of-recording mark. ``complete`` when the source ended or recording was stopped;
    otherwise ``reason`` says what stopped it, and ``lost`` how many events in hand were lost."""

    complete: bool
    reason: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """The file that a capture was imported from: its name without folders, what it is (``scap``),
    its size and SHA-256, how it was packed (``none``, ``gzip``, ``zstd``), and how many enter
    events were folded into their exits; ``folded_rows``: so many rows of ``folded.arrow`` keep
    them."""

    file: str = ""
    format: str = ""
    bytes: int = 0
    sha256: str = ""
    compression: str = ""
    folded: int = 0
    folded_rows: int = 0


@dataclass(frozen=True, slots=True)
class PinnedAlert:
    """An alert for which a capture was kept; ``time`` in nanoseconds since the epoch."""

    rule: str = ""
    priority: str = ""
    source: str = ""
    num: int = 0
    time: int = 0
    output: str = ""


@dataclass(frozen=True, slots=True)
class Pinned:
    """A capture that was kept out of another, ``ring``, for its alerts: the first of them, and how
    many there were in all (``count``). From ``start`` to ``stop`` (nanoseconds since the epoch) was
    wanted; what of it could not be had is in the notes."""

    ring: str = ""
    start: int = 0
    stop: int = 0
    count: int = 0
    alerts: tuple[PinnedAlert, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """``end`` is None while recording, and for ever in a capture that was cut short. ``notes`` say
    what was missing or wrong in what was recorded or imported, one sentence each."""

    host: Host = field(default_factory=Host)
    clocks: Clocks = field(default_factory=Clocks)
    sources: tuple[SourceInfo, ...] = ()
    end: End | None = None
    writer: str = ""
    flush: Mapping[str, float] = field(default_factory=dict)
    origin: Origin | None = None
    notes: tuple[str, ...] = ()
    pinned: Pinned | None = None
    version: int = VERSION

    @property
    def events(self) -> int:
        return sum(source.events for source in self.sources)

    @property
    def drops(self) -> int:
        return sum(source.drops for source in self.sources)

    @property
    def complete(self) -> bool:
        return self.end is not None and self.end.complete

    def source(self, name: str) -> SourceInfo:
        """Raises :class:`CaptureError` where the capture has no such source."""
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources) or "none"
        raise CaptureError(f"this capture has no source {name!r}; its sources: {known}")

    def with_source(self, source: SourceInfo) -> Manifest:
        return replace(
            self, sources=tuple(source if s.name == source.name else s for s in self.sources)
        )

    def to_json(self) -> bytes:
        data: dict[str, Any] = {"format": FORMAT, "version": self.version}
        data.update(asdict(self) | {"version": self.version})
        for source, info in zip(data["sources"], self.sources, strict=True):
            source["events"] = info.events
        data["events"] = self.events
        data["drops"] = self.drops
        return json.dumps(data, indent=1).encode() + b"\n"
