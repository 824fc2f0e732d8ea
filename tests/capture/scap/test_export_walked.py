"""A capture that begins in the middle, as a ring's does, becomes a ``.scap`` of its own."""

from __future__ import annotations

import json
from pathlib import Path

from capture.events.containers import container_events
from capture.events.section import Section
from capture.reader import open_capture
from capture.scap.exporter import export_scap
from capture.scap.reader import ScapReader
from capture.writer import CaptureWriter
from engine.state.machine import StateEngine
from tests.capture.ringing import ROWS, START, calls
from tests.engine.state.support import clone
from tests.engine.syscalls.made import batch

CONTAINER = "a" * 64
TOLD = json.dumps({"container": {"id": CONTAINER[:12], "name": "box", "type": 0}}).encode()


def test_containers_are_told_again(tmp_path: Path) -> None:
    engine = StateEngine(START)
    opening = container_events([TOLD], 1)
    assert opening is not None
    engine.feed(opening)
    cgroups = f"cpu=/docker/{CONTAINER}\0".encode()
    engine.feed(batch([clone(500, 0, ptid=100, cgroups=cgroups)], 2))
    first = 1 + ROWS
    with CaptureWriter(tmp_path / "a.fcap", ["syscall"]) as writer:
        writer.begin_section(engine.snapshot())
        writer.write_events(calls(first))
        writer.write_events(batch([clone(501, 0, ptid=500, cgroups=cgroups)], first + ROWS))
    with open_capture(tmp_path / "a.fcap") as capture:
        exported = export_scap(capture, tmp_path / "a.scap", enters=False)
        assert not exported.notes
    walked = StateEngine()
    seen: list[tuple[bytes, int]] = []
    with ScapReader(tmp_path / "a.scap") as reader:
        for item in reader:
            if isinstance(item, Section):
                assert not item.walked
                walked.begin(item)
                continue
            state = walked.feed(item)
            rows = state.tables.lineages.numbers["container"][state.lineage[-1]]
            seen.append((state.tables.containers[rows] if rows >= 0 else b"", len(state)))
    assert seen[-1][0] == TOLD


def test_the_exported_state_is_that_of_the_walk(tmp_path: Path) -> None:
    engine = StateEngine(START)
    for turn in range(5):
        engine.feed(calls(1 + turn * ROWS))
    section = engine.snapshot()
    with CaptureWriter(tmp_path / "a.fcap", ["syscall"]) as writer:
        writer.begin_section(section)
        writer.write_events(calls(1 + 5 * ROWS))
    with open_capture(tmp_path / "a.fcap") as capture:
        [read] = capture.sections()
        export_scap(capture, tmp_path / "a.scap")
    for name in section.walked:
        assert section.walked[name].equals(read.walked[name]), name
    with ScapReader(tmp_path / "a.scap") as reader:
        given = next(item for item in reader if isinstance(item, Section))
    assert given.threads.column("tid").equals(section.threads.column("tid"))
    assert given.fds.column("name").equals(section.fds.column("name"))
    assert given.threads.column("exepath").equals(section.threads.column("exepath"))
