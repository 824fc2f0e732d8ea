"""What is really there: segments found, measured and compared with what the manifest says.

Nothing is ever changed on disk: a damaged capture is evidence. Everything before damage is used,
and what is missing is said.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace

from capture.errors import CaptureError
from capture.folder import Folder, folder_source, segment_index, start_index
from capture.ipc import Damage, Span, frames, read_schema
from capture.kinds import Kind, kind_of
from capture.manifest import SYSCALL, LetGo, Manifest, PluginInfo, SegmentInfo, SourceInfo
from capture.segment import SCHEMA_KEY
from capture.state_tables import read_sections


@dataclass(frozen=True, slots=True)
class Measured:
    """What a segment file holds. ``events`` are in whole batches up to byte ``good``; ``damage``
    says why there is no more, "" at the end mark; ``lost`` is how many events the batch cut by the
    damage had, where that is known."""

    events: int
    good: int
    size: int
    span: Span | None
    damage: str = ""
    lost: int = 0


def measure(fd: int, kind: Kind) -> Measured:
    """Walk a segment's batch headers; its payloads are not read."""
    size = os.fstat(fd).st_size
    if size == 0:
        return Measured(0, 0, 0, None, "the file is empty")
    events, span = 0, None
    good = 0
    try:
        found, good = read_schema(fd, size)
        if not kind.accepts(found):
            return Measured(0, 0, size, None, "the file has another schema")
        for frame in frames(fd, size, good):
            events += frame.rows
            good = frame.end
            if frame.span is not None:
                span = frame.span.merge(span)
    except Damage as damage:
        reason = f"{damage.reason} at byte {damage.offset}"
        return Measured(events, good, size, span, reason, damage.rows)
    return Measured(events, good, size, span)


@dataclass(frozen=True, slots=True)
class Survey:
    """A source as found on disk: ``source`` with counts corrected, ``missing`` in words."""

    source: SourceInfo
    missing: tuple[str, ...]


def survey_source(root: Folder, source: SourceInfo, *, recording: bool, ended: bool) -> Survey:
    """Compare a source's folder with the manifest.

    Segments that are closed and of the stated size are believed; others are measured. ``ended``:
    the recording has its end mark; ``recording``: somebody is writing it now.
    """
    try:
        folder = root.subfolder(source.folder)
    except CaptureError as error:
        lost = f", with {source.events} events" if source.events else ""
        text = f"source {source.name}: its folder cannot be read{lost} ({error.message})"
        return Survey(replace(source, segments=()), (text,))
    with folder:
        # What a ring has let go may not be removed yet.
        first = source.let_go.segments if source.let_go else 0
        present = {name for name in folder.names() if (segment_index(name) or 0) >= first}
        present = {name for name in present if segment_index(name) is not None}
        stated = {segment.file: segment for segment in source.segments}
        segments, missing = [], []
        last = max(present, key=_index, default="")
        for name in sorted(present | set(stated), key=_index):
            segment, text = _survey_segment(folder, name, stated.get(name), kind_of(source.name))
            segments.append(segment)
            # While a recording runs, or where it was cut short, the last file has no end mark.
            expected = not ended and text == _NO_END_MARK and name == last
            if text and not (expected or recording):
                missing.append(f"{source.folder}/{name}: {text}")
    return Survey(replace(source, segments=tuple(segments)), tuple(missing))


_NO_END_MARK = "no end mark"


def _index(name: str) -> int:
    return segment_index(name) or 0


def _survey_segment(
    folder: Folder, name: str, stated: SegmentInfo | None, kind: Kind
) -> tuple[SegmentInfo, str]:
    known = stated or SegmentInfo(name)
    try:
        fd = folder.open_file(name)
    except FileNotFoundError:
        return replace(known, events=0, bytes=0, span=None), (
            f"the file is missing, with {known.events} events"
        )
    except CaptureError as error:
        return replace(known, events=0, bytes=0, span=None), error.message
    try:
        if known.closed and os.fstat(fd).st_size == known.bytes:
            return known, ""
        found = measure(fd, kind)
    finally:
        os.close(fd)
    segment = replace(
        known,
        events=found.events,
        bytes=found.size,
        # What the payloads come to is not known without reading them.
        payload_bytes=known.payload_bytes if found.events == known.events else 0,
        span=found.span or (known.span if found.events else None),
    )
    if not found.damage:
        return segment, ""
    lost = max(known.events - found.events, found.lost)
    if found.damage.startswith(_NO_END_MARK) and lost == 0:
        return segment, _NO_END_MARK
    return segment, f"{found.damage}: " + (
        f"{lost} events are lost" if lost else "what may follow is lost"
    )


def rebuild_manifest(root: Folder) -> Manifest:
    """A manifest from the segments alone, for a capture that has lost its own.

    Raises :class:`CaptureError` where there is no segment either.
    """
    sources = []
    for name in root.names(limit=100_000):
        source = folder_source(name)
        if source is None:
            continue
        try:
            folder = root.subfolder(name)
        except CaptureError:
            continue
        with folder:
            files = sorted(
                (file for file in folder.names() if segment_index(file) is not None), key=_index
            )
            if files:
                plugin = PluginInfo() if source == SYSCALL else _plugin_of(folder, files)
                let_go = _let_go(folder, files)
                first = let_go.segments if let_go else 0
                segments = tuple(SegmentInfo(file) for file in files if _index(file) >= first)
                sources.append(SourceInfo(source, name, plugin, segments=segments, let_go=let_go))
    if not sources:
        raise CaptureError(
            f"{root.path} is not a capture: no manifest.json and no segments of events",
            hint="A capture is a folder, NAME.fcap, made by falcowb capture.",
        )
    return Manifest(sources=tuple(sources[:64]))


def _let_go(folder: Folder, files: list[str]) -> LetGo | None:
    """What a ring had let go: the segments before the last whole state; what they were is lost."""
    starts = [name for name in folder.names() if start_index(name) is not None]
    for name in sorted(starts, key=lambda name: start_index(name) or 0, reverse=True):
        try:
            with folder.subfolder(name) as inside:
                for section, _ in read_sections(inside, lambda _: None):
                    return LetGo(start_index(name) or 0, state=name, section=section.number)
        except CaptureError:
            continue
    first = _index(files[0])
    return LetGo(first) if first else None


def _plugin_of(folder: Folder, files: list[str]) -> PluginInfo:
    """What the segments' own schemas say of the plugin."""
    for file in files[:16]:
        try:
            fd = folder.open_file(file)
        except (FileNotFoundError, CaptureError):
            continue
        try:
            schema, _ = read_schema(fd, os.fstat(fd).st_size)
            about = json.loads((schema.metadata or {}).get(SCHEMA_KEY, b"{}"))
            return PluginInfo(name=str(about["plugin"]), version=str(about["plugin_version"]))
        except (Damage, ValueError, KeyError, TypeError, RecursionError):
            continue
        finally:
            os.close(fd)
    return PluginInfo()
