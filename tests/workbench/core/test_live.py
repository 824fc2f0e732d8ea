"""Alerts of what comes live are those that a replay of the same events gives."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from capture.manifest import ProbeInfo
from engine.ruleset.selection import Matching
from tests.conformance import cases
from tests.workbench.core.fake_probe import FakeLoss, FakeProbe, read_scap
from workbench.core.call_feed import CallFeed
from workbench.core.event_drops import DropConfig
from workbench.core.events import open_capture_events
from workbench.core.judge import Judge
from workbench.core.live import Alerting, Nowhere
from workbench.core.record import Recorder, capture_sink
from workbench.core.session import Session

SCAP = cases.UPSTREAM / "captures" / "live" / "intrusion.scap"
RULES = tuple(
    cases.UPSTREAM / "rules" / "falcosecurity-rules" / name
    for name in ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
)
pytestmark = pytest.mark.skipif(not SCAP.is_file(), reason=f"no {SCAP}")


def judge_of(session: Session, rules: Sequence[Path]) -> Judge:
    ruleset = session.load_rules(list(rules)).ruleset
    options = session.alert_options(as_json=True)
    return Judge(ruleset, session.plugins, Matching.FIRST, options)


def replayed(session: Session, path: Path) -> bytes:
    judge = judge_of(session, RULES)
    events = open_capture_events(session, str(path), None, None)
    try:
        return b"".join(bytes(text) for each in events.windows() for text in judge.lines(each))
    finally:
        events.close()


@pytest.mark.parametrize("rows", [37, 5000])
def test_live_says_what_a_replay_says(rows: int) -> None:
    state, batches = read_scap(SCAP, rows)
    stop = threading.Event()
    probe = FakeProbe(list(batches), [FakeLoss(1, 900)], done=stop.set)
    said: list[bytes] = []
    logged: list[str] = []
    with Session.open() as session:
        judge = judge_of(session, RULES)
        drops = DropConfig(frozenset({"log"}))
        watch = Alerting(judge, drops, lambda text: said.append(bytes(text)), logged.append)
        feed = CallFeed(ProbeInfo(), lambda: probe, lambda: state)
        recorder = Recorder(Nowhere, [feed], stop=stop, watch=watch)
        recorder.start()
        recorder.run()
        assert b"".join(said) == replayed(session, SCAP)
        assert watch.alerts == judge.tally.alerts.total() > 10
    assert logged == [
        "Falco internal: syscall event drop. 900 system calls dropped in last second."
    ]
    assert recorder.told.counts["syscall"] == (sum(each.num_rows for each in batches), 900)


def test_what_was_recorded_replays_as_the_scap(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP, 311)
    stop = threading.Event()
    probe = FakeProbe(list(batches), done=stop.set)
    feed = CallFeed(ProbeInfo(), lambda: probe, lambda: state)
    recorder = Recorder(capture_sink(tmp_path / "a.fcap", overwrite=False), [feed], stop=stop)
    recorder.start()
    recorder.run()
    with Session.open() as session:
        assert replayed(session, tmp_path / "a.fcap") == replayed(session, SCAP)
