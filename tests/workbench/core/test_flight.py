"""A ring and windows around alerts, as the command puts them together."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from capture.errors import CaptureError, FalcowbError
from capture.manifest import ProbeInfo
from capture.reader import open_capture
from tests.conformance import cases
from tests.workbench.core.fake_probe import FakeProbe, read_scap
from workbench.core.call_feed import CallFeed
from workbench.core.flight import Flight, ring_limits
from workbench.core.record import Recorder
from workbench.core.session import Session
from workbench.core.sizes import parse_seconds, parse_size, size_text

SCAP = cases.UPSTREAM / "captures" / "live" / "intrusion.scap"

SHADOW = """
- rule: Shadow Read
  desc: the file with passwords is opened
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/shadow
  output: "%proc.name reads %fd.name"
  priority: warning
"""


@pytest.mark.parametrize(
    ("text", "size", "seconds"),
    [
        ("2GB", 2_000_000_000, None),
        ("64MiB", 64 << 20, None),
        ("30m", None, 1800.0),
        ("1h30m", None, 5400.0),
        ("2GB,30m", 2_000_000_000, 1800.0),
        ("45s, 500 MB", 500_000_000, 45.0),
    ],
)
def test_a_ring_is_of_a_size_or_a_time(text: str, size: int | None, seconds: float | None) -> None:
    limits = ring_limits(text)
    assert (limits.bytes, limits.seconds) == (size, seconds)


@pytest.mark.parametrize("text", ["", "2", "2000000000", "soon", "2GB,soon", "-5GB", "1e9"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(FalcowbError, match="neither a size nor a time"):
        ring_limits(text)


def test_a_ring_may_be_too_small() -> None:
    with pytest.raises(CaptureError, match="at least"):
        ring_limits("10kB")


def test_sizes_and_times_in_words() -> None:
    assert [parse_size(each) for each in ("4096", "1.5GB", "2k")] == [4096, 1_500_000_000, 2000]
    assert [parse_seconds(each) for each in ("90", "5m", "250ms")] == [90.0, 300.0, 0.25]
    for wrong in ("", "many", "0", "1XB", "9" * 40):
        with pytest.raises(FalcowbError):
            parse_size(wrong)
    for wrong in ("", "soon", "0s", "-1"):
        with pytest.raises(FalcowbError):
            parse_seconds(wrong)
    assert [size_text(each) for each in (7, 1_500, 2_000_000_000)] == ["7 B", "1.5 kB", "2 GB"]


@pytest.mark.skipif(not SCAP.is_file(), reason=f"no {SCAP}")
def test_windows_around_alerts_are_captures_of_their_own(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP, 100)
    rules = tmp_path / "rules.yaml"
    rules.write_text(SHADOW, encoding="utf-8")
    stop = threading.Event()
    probe = FakeProbe(list(batches), done=stop.set)
    flight = Flight(ring_limits("64MB"))
    said: list[str] = []
    flight.say = said.append
    with Session.open() as session:
        flight.keep(session, session.load_rules([rules]).ruleset, "200ms", "100ms")
        assert flight.pinner is not None and flight.alerts == 0
        feed = CallFeed(ProbeInfo(), lambda: probe, lambda: state)
        sink = flight.sink(tmp_path / "a.fcap", overwrite=False)
        recorder = Recorder(sink, [feed], stop=stop, watch=flight.pinner)
        recorder.start()
        recorder.run()
    total = sum(each.num_rows for each in batches)
    assert recorder.told.counts == {"syscall": (total, 0)}
    assert flight.alerts and flight.pinner.pinned
    assert any("keeping the time around it" in text for text in said)
    for path in flight.pinner.pinned:
        with open_capture(path) as kept:
            pinned = kept.manifest.pinned
            assert pinned is not None and pinned.alerts[0].rule == "Shadow Read"
            assert 0 < kept.count < total
    with open_capture(tmp_path / "a.fcap") as ring:
        assert ring.complete and ring.count == total
