"""Reading a manifest from anywhere: every type and range is checked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from capture.errors import CaptureError, Place
from capture.folder import MANIFEST, folder_source, segment_index, start_index
from capture.ipc import Span
from capture.manifest import (
    FORMAT,
    MAX_MANIFEST_BYTES,
    MAX_NOTE,
    MAX_NOTES,
    MAX_PINNED,
    MAX_SOURCES,
    VERSION,
    Clocks,
    End,
    Host,
    LetGo,
    Manifest,
    Origin,
    Pinned,
    PinnedAlert,
    PluginInfo,
    ProbeInfo,
    SegmentInfo,
    SourceInfo,
)

_MAX_COUNT = (1 << 63) - 1
#: Most system calls, processes and the like that a recording names.
_MAX_PROBED = 100_000


def read_manifest(text: bytes, file: str = MANIFEST) -> Manifest:
    """Raises :class:`CaptureError` for anything that is not a manifest this version reads."""
    try:
        if len(text) > MAX_MANIFEST_BYTES:
            raise ValueError(f"larger than {MAX_MANIFEST_BYTES} bytes")
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise ValueError("not the manifest of a falcowb capture")
        version = _number(data, "version", 1, _MAX_COUNT)
    except (ValueError, RecursionError) as error:
        raise CaptureError(f"unreadable manifest: {error}", place=Place(file)) from None
    if version > VERSION:
        raise CaptureError(
            f"the capture has format version {version}; this falcowb reads up to {VERSION}",
            place=Place(file),
            hint="Read it with a newer falcowb.",
        )
    try:
        return _manifest(data, version)
    except ValueError as error:
        raise CaptureError(f"unreadable manifest: {error}", place=Place(file)) from None


def _manifest(data: dict[str, Any], version: int) -> Manifest:
    sources = [_source(item) for item in _list(data, "sources", MAX_SOURCES)]
    if len({source.folder for source in sources}) != len(sources):
        raise ValueError("the same source twice")
    host, clocks, end = _map(data, "host"), _map(data, "clocks"), data.get("end")
    return Manifest(
        host=Host(
            name=_text(host, "name"),
            kernel=_text(host, "kernel"),
            machine=_text(host, "machine"),
            boot_id=_text(host, "boot_id"),
            cpus=_number(host, "cpus", 0, 1 << 20),
        ),
        clocks=Clocks(
            **{
                name: _number(clocks, name, 0, _MAX_COUNT)
                for name in ("start_time", "start_boot", "last_time", "last_boot")
            }
        ),
        sources=tuple(sources),
        end=None if end is None else _end(_map(data, "end")),
        writer=_text(data, "writer"),
        flush={
            name: value
            for name, value in _map(data, "flush").items()
            if isinstance(value, int | float) and not isinstance(value, bool)
        },
        origin=None if data.get("origin") is None else _origin(_map(data, "origin")),
        notes=tuple(_note(text) for text in _list(data, "notes", MAX_NOTES)),
        pinned=None if data.get("pinned") is None else _pinned(_map(data, "pinned")),
        version=version,
    )


def _origin(data: dict[str, Any]) -> Origin:
    return Origin(
        bytes=_number(data, "bytes", 0, _MAX_COUNT),
        folded=_number(data, "folded", 0, _MAX_COUNT),
        folded_rows=_number(data, "folded_rows", 0, _MAX_COUNT),
        **{key: _text(data, key) for key in ("file", "format", "sha256", "compression")},
    )


def _note(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("a note is not text")
    return text[:MAX_NOTE]


def _end(data: dict[str, Any]) -> End:
    return End(
        complete=_bool(data, "complete"),
        reason=_text(data, "reason"),
        lost=_number(data, "lost", 0, _MAX_COUNT),
    )


def _source(item: object) -> SourceInfo:
    if not isinstance(item, dict):
        raise ValueError("a source is not a map")
    name, folder = _text(item, "name"), _text(item, "folder")
    if folder_source(folder) != name:
        raise ValueError(f"a source whose folder is not its own: {folder[:80]!r}")
    plugin = _map(item, "plugin")
    segments = [_segment(part) for part in _list(item, "segments", 1_000_000)]
    if len({segment.file for segment in segments}) != len(segments):
        raise ValueError(f"source {name!r} names a segment twice")
    source = SourceInfo(
        name=name,
        folder=folder,
        plugin=PluginInfo(
            id=_number(plugin, "id", 0, 0xFFFFFFFF),
            **{
                key: _text(plugin, key)
                for key in (
                    "name", "version", "api_version", "file", "sha256", "config", "open_params",
                )
            },
        ),
        probe=None if item.get("probe") is None else _probe(_map(item, "probe")),
        remarks=tuple(_note(text) for text in _list(item, "remarks", MAX_NOTES)),
        drops=_number(item, "drops", 0, _MAX_COUNT),
        segments=tuple(segments),
        let_go=None if item.get("let_go") is None else _let_go(_map(item, "let_go")),
    )  # fmt: skip
    if max(source.events, source.bytes, source.payload_bytes) > _MAX_COUNT:
        raise ValueError(f"source {name!r} claims more events or bytes than can be")
    return source


def _probe(data: dict[str, Any]) -> ProbeInfo:
    return ProbeInfo(
        every=_bool(data, "every"),
        syscalls=_texts(data, "syscalls"),
        snaplen=_number(data, "snaplen", 0, _MAX_COUNT),
        pids=_numbers(data, "pids"),
        containers=_texts(data, "containers"),
        uids=_numbers(data, "uids"),
        command=_texts(data, "command"),
    )


def _segment(item: object) -> SegmentInfo:
    if not isinstance(item, dict):
        raise ValueError("a segment is not a map")
    file = _text(item, "file")
    if segment_index(file) is None:
        raise ValueError(f"not the name of a segment: {file[:80]!r}")
    return SegmentInfo(
        file=file,
        events=_number(item, "events", 0, _MAX_COUNT),
        bytes=_number(item, "bytes", 0, _MAX_COUNT),
        payload_bytes=_number(item, "payload_bytes", 0, _MAX_COUNT),
        closed=_bool(item, "closed"),
        span=_span(item),
    )


def _let_go(data: dict[str, Any]) -> LetGo:
    state = _text(data, "state")
    if state and start_index(state) is None:
        raise ValueError(f"not the name of a state: {state[:80]!r}")
    return LetGo(
        segments=_number(data, "segments", 0, _MAX_COUNT),
        events=_number(data, "events", 0, _MAX_COUNT),
        bytes=_number(data, "bytes", 0, _MAX_COUNT),
        span=_span(data),
        state=state,
        section=_number(data, "section", 0, _MAX_COUNT),
    )


def _pinned(data: dict[str, Any]) -> Pinned:
    alerts = []
    for item in _list(data, "alerts", MAX_PINNED):
        if not isinstance(item, dict):
            raise ValueError("an alert is not a map")
        alerts.append(
            PinnedAlert(
                num=_number(item, "num", 0, 1 << 64),
                time=_number(item, "time", -_MAX_COUNT, _MAX_COUNT),
                **{key: _text(item, key) for key in ("rule", "priority", "source", "output")},
            )
        )
    return Pinned(
        ring=_text(data, "ring"),
        start=_number(data, "start", -_MAX_COUNT, _MAX_COUNT),
        stop=_number(data, "stop", -_MAX_COUNT, _MAX_COUNT),
        count=_number(data, "count", 0, _MAX_COUNT),
        alerts=tuple(alerts),
    )


def _span(data: Mapping[str, Any]) -> Span | None:
    if data.get("span") is None:
        return None
    numbers = _map(data, "span")
    return Span(
        _number(numbers, "first_num", 0, 1 << 64),
        _number(numbers, "last_num", 0, 1 << 64),
        _number(numbers, "min_time", -_MAX_COUNT, _MAX_COUNT),
        _number(numbers, "max_time", -_MAX_COUNT, _MAX_COUNT),
    )


def _number(data: Mapping[str, Any], key: str, least: int, most: int) -> int:
    value = data.get(key, 0)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{key} is not a number from {least} to {most}")
    return value


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key, "")
    if not isinstance(value, str):
        raise ValueError(f"{key} is not text")
    return value


def _texts(data: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = _list(data, key, _MAX_PROBED)
    if not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key} is not a list of texts")
    return tuple(values)


def _numbers(data: Mapping[str, Any], key: str) -> tuple[int, ...]:
    values = _list(data, key, _MAX_PROBED)
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        raise ValueError(f"{key} is not a list of numbers")
    return tuple(values)


def _bool(data: Mapping[str, Any], key: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{key} is neither true nor false")
    return value


def _map(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = data.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{key} is not a map")
    return value


def _list(data: Mapping[str, Any], key: str, limit: int) -> list[Any]:
    value = data.get(key, [])
    if not isinstance(value, list) or len(value) > limit:
        raise ValueError(f"{key} is not a list of at most {limit}")
    return value
