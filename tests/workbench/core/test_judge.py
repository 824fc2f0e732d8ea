"""Windows of events in, alerts or lines out: both say the same, in the order of events."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from engine.alerts import Alert
from engine.ruleset.selection import Matching
from workbench.core import judge as judging
from workbench.core.events import Window, open_plugin_events
from workbench.core.judge import Judge
from workbench.core.pieces import Piece, PluginPiece
from workbench.core.session import Session

ROOT = Path(__file__).resolve().parents[3]
LOG = ROOT / "samples" / "k8s_intrusion.jsonl"
RULES = ROOT / "rules" / "k8s_audit_rules.yaml"
#: A second source, that a second plugin might give: the same events, two rules.
OTHER = """
- rule: Any Event
  desc: every event
  condition: evt.num >= 0
  output: "seen (num=%evt.num)"
  priority: debug
  source: k8s_audit
"""


def windows(session: Session) -> list[Window]:
    events = open_plugin_events(session, str(LOG), None, None)
    try:
        return list(events.windows())
    finally:
        events.close()


def part(piece: Piece, start: int, rows: int) -> Piece:
    assert isinstance(piece, PluginPiece)
    return PluginPiece(piece.batch.slice(start, rows))


def cut(window: Window, rows: int) -> list[Window]:
    """The same events, ``rows`` at a time."""
    return [
        {name: part(piece, start, rows)}
        for name, piece in window.items()
        for start in range(0, len(piece), rows)
    ]


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("matching", list(Matching))
def test_lines_are_those_of_the_alerts(
    matching: Matching, as_json: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judging, "_SPAN", 7)
    more = tmp_path / "more.yaml"
    more.write_text(OTHER)
    with Session.open(plugins=["k8s_audit"]) as session:
        ruleset = session.load_rules([RULES, more]).ruleset
        options = session.alert_options(as_json=as_json)
        one, other = (Judge(ruleset, session.plugins, matching, options) for _ in range(2))
        alerts: list[Alert] = []
        lines = b""
        # The second time round, lines find their fields among those of the conditions.
        for whole in windows(session):
            for window in [*cut(whole, 60), whole]:
                alerts += one.window(window)
                lines += b"".join(piece.to_pybytes() for piece in other.lines(window))
    assert len(alerts) > 183
    assert lines.decode() == "".join(f"{one.formatter.line(alert)}\n" for alert in alerts)
    assert one.tally == other.tally
    assert sum(one.tally.alerts.values()) == len(alerts)
    numbers = [alert.num for alert in alerts[: len(alerts) // 2]]
    assert numbers == sorted(numbers)


def test_nothing_matches_nothing_is_said() -> None:
    with Session.open(plugins=["k8s_audit"]) as session:
        ruleset = session.load_rules([RULES]).ruleset
        ruleset.select("*", on=False)
        judge = Judge(
            ruleset, session.plugins, Matching.FIRST, session.alert_options(as_json=False)
        )
        for window in windows(session):
            assert list(judge.lines(window)) == []
            assert judge.window(window) == []
            empty: Window = {name: part(piece, 0, 0) for name, piece in window.items()}
            assert list(judge.lines(empty)) == []
        assert list(judge.lines({"unknown": PluginPiece(BATCH.slice(0, 0))})) == []


BATCH = pa.RecordBatch.from_arrays(
    [pa.array([1], pa.uint64()), pa.array([5], pa.timestamp("ns", "UTC"))], ["num", "time"]
)
