"""What is left of a ring is judged as if nothing had been let go: the intrusion that Falco saw."""

from __future__ import annotations

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from capture.events.schema import EventBatch, cut
from capture.events.section import Section
from capture.reader import open_capture
from capture.ring import Ring, RingLimits
from capture.scap.reader import ScapReader
from capture.writer import FlushPolicy
from engine.alerts import iso_8601
from engine.state.machine import StateEngine
from tests.workbench.command import falcowb

from .cases import UPSTREAM, needs_shared

pytestmark = needs_shared

INTRUSION = UPSTREAM / "captures" / "live" / "intrusion.scap"
RULES = UPSTREAM / "rules" / "falcosecurity-rules"


@functools.cache
def _alerts(capture: Path) -> list[dict[str, str]]:
    files = [file for file in sorted(RULES.glob("falco*_rules.yaml")) if "depr" not in file.name]
    rules = [part for file in files for part in ("-r", file)]
    ran = falcowb("replay", capture, *rules, "--json", timeout=240)
    lines = [json.loads(line) for line in ran.out.splitlines() if line.startswith("{")]
    return [line for line in lines if "rule" in line]


@pytest.mark.skipif(not INTRUSION.is_file(), reason=f"no capture at {INTRUSION}")
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_alerts_of_the_rest_are_those_of_the_whole(part: float, tmp_path: Path) -> None:
    items: list[Section | EventBatch] = []
    with ScapReader(INTRUSION) as reader:
        items += reader
    whole = _alerts(INTRUSION)
    from_there = whole[int(len(whole) * part)]["time"]
    kept = int(np.datetime64(from_there.rstrip("Z"), "ns").astype(np.int64))
    ring = Ring(
        tmp_path / "a.fcap",
        ["syscall"],
        RingLimits(seconds=1.0),
        StateEngine,
        policy=FlushPolicy(events=1),
        background=False,
    )
    for item in items:
        if isinstance(item, Section):
            ring.begin_section(item)
            continue
        for start in range(0, item.num_rows, 100):
            ring.write_events(cut(item, start, min(start + 100, item.num_rows)))
            ring.rotate()
    # As if a ring of a second were looked at when that alert was a second old.
    assert ring.turn(kept + 1_000_000_000) > 0
    ring.close()
    with open_capture(tmp_path / "a.fcap") as capture:
        span = capture.source("syscall").span
        assert capture.complete and span is not None
        gone = capture.source("syscall").let_go
        assert gone is not None and gone.events
    expected = [alert for alert in whole if alert["time"] >= iso_8601(span.min_time)]
    assert 0 < len(expected) < len(whole)
    assert _alerts(tmp_path / "a.fcap") == expected
