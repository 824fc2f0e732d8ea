"""``falcowb info``: what a capture holds, at a glance."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from capture.manifest import Pinned, SourceInfo
    from capture.reader import Capture, Gap
    from capture.validate import Finding

#: Most gaps and findings told to a person; ``--json`` has them all.
_MAX_SHOWN = 10
_MAX_GAPS = 100_000
#: Most types of events told to a person.
_MAX_TYPES = 12


def info(
    capture: Annotated[Path, typer.Argument(help="A capture: NAME.fcap, or a .scap.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Check every byte; exit code 1 if something is wrong.")
    ] = False,
) -> None:
    """Show what a capture holds: sources, span of time, events, drops, and what is missing."""
    from capture.validate import Level, validate
    from workbench.cli.opening import open_with_progress

    with open_with_progress(capture) as opened:
        gaps = {name: _gaps(opened, name) for name in opened.sources}
        findings = validate(opened.path) if full else None
        if as_json:
            data = {"path": str(capture), **_as_data(opened, gaps, findings)}
            json.dump(data, sys.stdout, indent=2)
            print()
        else:
            for line in _in_words(str(capture), opened, gaps, findings):
                print(line)
    if findings and any(finding.level is Level.ERROR for finding in findings):
        raise typer.Exit(1)


def _gaps(opened: Capture, source: str) -> list[Gap]:
    import itertools

    return list(itertools.islice(opened.gaps(source), _MAX_GAPS))


def _syscalls(opened: Capture) -> dict[str, Any] | None:
    """What there is of system calls: events by type, and rows of the state at the start."""
    from capture.events.state_schema import TABLES
    from capture.manifest import SYSCALL

    if SYSCALL not in opened.sources:
        return None
    return {
        "types": opened.syscall_counts(),
        "sections": opened.state_count("sections"),
        "state": {name: opened.state_count(name) for name in TABLES},
    }


def _as_data(
    opened: Capture, gaps: dict[str, list[Gap]], findings: list[Finding] | None
) -> dict[str, Any]:
    from dataclasses import asdict

    manifest = opened.manifest
    data: dict[str, Any] = {
        "complete": opened.complete,
        "recording": opened.recording,
        "missing": opened.missing,
        "events": opened.count,
        "drops": manifest.drops,
        "end": None if manifest.end is None else asdict(manifest.end),
        "host": asdict(manifest.host),
        "clocks": asdict(manifest.clocks),
        "format_version": manifest.version,
        "writer": manifest.writer,
        "origin": None if manifest.origin is None else asdict(manifest.origin),
        "pinned": None if manifest.pinned is None else asdict(manifest.pinned),
        "syscall": _syscalls(opened),
        "sources": [
            {
                "name": source.name,
                "plugin": asdict(source.plugin),
                "probe": None if source.probe is None else asdict(source.probe),
                "remarks": list(source.remarks),
                "events": source.events,
                "bytes": source.bytes,
                "payload_bytes": source.payload_bytes,
                "drops": source.drops,
                "let_go": None if source.let_go is None else asdict(source.let_go),
                "segments": len(source.segments),
                "span": None if source.span is None else asdict(source.span),
                "gaps": [
                    {name: getattr(gap, name) for name in ("after_num", "time", "count", "reason")}
                    for gap in gaps[source.name]
                ],
            }
            for source in manifest.sources
        ],
    }
    if findings is not None:
        data["findings"] = [
            {"level": finding.level.value, "where": finding.where, "text": finding.text}
            for finding in findings
        ]
    return data


def _in_words(
    path: str, opened: Capture, gaps: dict[str, list[Gap]], findings: list[Finding] | None
) -> list[str]:
    from capture.manifest import SYSCALL
    from capture.times import format_span, format_time

    manifest = opened.manifest
    host, clocks = manifest.host, manifest.clocks
    lines = [f"{_plain(path)}: {_state(opened)}"]
    machine = ", ".join(part for part in (host.name, host.kernel, host.machine) if part)
    if machine:
        lines.append(f"  recorded on   {_plain(machine)}")
    if clocks.start_time:
        length = format_span(max(clocks.last_boot - clocks.start_boot, 0))
        lines.append(f"  recorded at   {format_time(clocks.start_time)}, for {length}")
    origin = manifest.origin
    if origin is not None:
        packed = f", {origin.compression}" if origin.compression not in ("", "none") else ""
        digest = f", SHA-256 {origin.sha256[:16]}…" if origin.sha256 else ""
        lines.append(
            f"  imported from {_plain(origin.file + packed)}, {_size(origin.bytes)}{digest}"
        )
    if manifest.pinned is not None:
        lines += _pinned_in_words(manifest.pinned)
    lines.append(f"  events        {opened.count:,}, {manifest.drops:,} dropped")
    for source in manifest.sources:
        lines += ["", *_source_in_words(source, gaps[source.name])]
        if source.name == SYSCALL:
            lines += _syscalls_in_words(opened)
    if opened.missing:
        lines += ["", "Missing:", *_shortened(opened.missing)]
    if findings is not None:
        lines += ["", "Check of every byte:", *_shortened([str(each) for each in findings])]
        if not findings:
            lines.append("  all is as stated")
    if opened.recording:
        lines += ["", "It is being recorded now; what is written so far can be replayed."]
    elif opened.count:
        lines += ["", f"Judge it by rules: falcowb replay {_plain(path)} -r RULES.yaml"]
    return lines


def _pinned_in_words(pinned: Pinned) -> list[str]:
    """Why a capture was kept out of a ring."""
    from capture.times import format_span, format_time

    length = format_span(max(pinned.stop - pinned.start, 0))
    count = f"{pinned.count:,} alert{'s' * (pinned.count != 1)}"
    lines = [f"  kept of       {_plain(pinned.ring)}, {length} around {count}"]
    told = [
        f"{format_time(alert.time)}  {_plain(alert.priority)}  {_plain(alert.rule)}, event"
        f" {alert.num}"
        for alert in pinned.alerts[:_MAX_SHOWN]
    ]
    if pinned.count > len(told):
        told.append(f"and {pinned.count - len(told):,} more")
    return lines + [f"{' ' * 16}{text}" for text in told]


def _state(opened: Capture) -> str:
    end = opened.manifest.end
    if opened.recording:
        return "being recorded"
    if opened.complete:
        return f"complete ({_plain(end.reason)})" if end and end.reason else "complete"
    if opened.manifest.complete:
        return "damaged: some of it is missing"
    return "cut short" if end is None else "ended early"


def _source_in_words(source: SourceInfo, gaps: list[Gap]) -> list[str]:
    from capture.manifest import SYSCALL
    from capture.ring import let_go_in_words
    from capture.times import SECOND, format_span, format_time

    plugin = source.plugin
    lines = [f"source {_plain(source.name)}"]
    if plugin.name:
        api = f", plugin API {plugin.api_version}" if plugin.api_version else ""
        lines.append(f"  plugin        {_plain(plugin.name)} {_plain(plugin.version + api)}")
    if plugin.file:
        digest = f", SHA-256 {plugin.sha256[:16]}…" if plugin.sha256 else ""
        lines.append(f"  library       {_plain(plugin.file + digest)}")
    for label, text in (("config", plugin.config), ("opened", plugin.open_params)):
        if text:
            lines.append(f"  {label}        {_plain(text)[:200]}")
    lines += _probe_in_words(source)
    span = source.span
    if span is None:
        lines.append("  events        none")
    else:
        length = span.max_time - span.min_time
        rate = f", {source.events / (length / SECOND):,.3g} a second" if length else ""
        numbers = f"{span.first_num} to {span.last_num}"
        lines += [
            f"  events        {source.events:,} (numbers {numbers}){rate}",
            f"  from          {format_time(span.min_time)}",
            f"  to            {format_time(span.max_time)}  ({format_span(length)})",
        ]
    unpacked = "unpacked" if source.name == SYSCALL else "of payload"
    packed = f", {_size(source.payload_bytes)} {unpacked}" if source.payload_bytes else ""
    count = len(source.segments)
    lines.append(
        f"  on disk       {_size(source.bytes)} in {count} segment{'s' * (count != 1)}{packed}"
    )
    gone = let_go_in_words(source)
    if gone:
        lines.append(f"  let go        {gone}")
    if source.drops or gaps:
        lines.append(f"  dropped       {max(source.drops, sum(gap.count for gap in gaps)):,}")
        told = [
            f"{gap.count:,} after event {gap.after_num} ({gap.reason}), noticed"
            f" {format_time(gap.time)}"
            for gap in gaps
        ]
        lines += ["  " + line for line in _shortened(told)]
    return lines


def _probe_in_words(source: SourceInfo) -> list[str]:
    """What a live recording of system calls was told to record."""
    probe = source.probe
    if probe is None:
        return []
    kinds = "every system call" if probe.every else f"{len(probe.syscalls)} kinds of system calls"
    bounds = [
        f"{name} {', '.join(_plain(value) for value in values)}"
        for name, values in (
            ("processes", probe.pids),
            ("containers", probe.containers),
            ("users", probe.uids),
        )
        if values
    ]
    of = "; ".join(bounds) if bounds else "the whole host"
    if probe.command:
        of = f"the command {_plain(' '.join(probe.command))[:200]}"
    return [
        f"  recorded      {kinds} of {of}; {probe.snaplen} bytes of buffers",
        *(f"  not known     {_plain(text)}" for text in source.remarks[:_MAX_SHOWN]),
    ]


def _syscalls_in_words(opened: Capture) -> list[str]:
    held = _syscalls(opened)
    if held is None:
        return []
    state = held["state"]
    named = (
        ("threads", "threads"),
        ("fds", "open files"),
        ("users", "users"),
        ("groups", "groups"),
    )
    words = ", ".join(f"{state[name]:,} {word}" for name, word in named)
    sections = held["sections"]
    lines = [f"  at the start  {words}"]
    if sections > 1:
        lines[0] += f", in {sections:,} sections"
    types = list(held["types"].items())
    width = max((len(name) for name, _ in types[:_MAX_TYPES]), default=0)
    for place, (name, count) in enumerate(types[:_MAX_TYPES]):
        label = "  types         " if place == 0 else " " * 16
        lines.append(f"{label}{name:<{width}}  {count:>12,}")
    if len(types) > _MAX_TYPES:
        rest = sum(count for _, count in types[_MAX_TYPES:])
        more = f"{len(types) - _MAX_TYPES} more types"
        lines.append(f"{' ' * 16}{more:<{width}}  {rest:>12,}")
    return lines


def _shortened(texts: list[str]) -> list[str]:
    lines = [f"  {_plain(text)}" for text in texts[:_MAX_SHOWN]]
    if len(texts) > _MAX_SHOWN:
        lines.append(f"  and {len(texts) - _MAX_SHOWN} more (--json has them)")
    return lines


def _plain(text: object) -> str:
    """A capture's own texts, without anything a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(text))


def _size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    power = min((len(str(count)) - 1) // 3, 4)
    return f"{count / 1000**power:.3g} {('kB', 'MB', 'GB', 'TB')[power - 1]}"
