"""Alerts of upstream's three rule files on real captures: each line byte for byte as Falco's."""

from __future__ import annotations

from typing import Any

import pytest

from engine.ruleset.selection import Matching
from tests.conformance import cases
from workbench.core.events import open_capture_events
from workbench.core.judge import Judge
from workbench.core.session import Session

RULES = cases.UPSTREAM / "rules" / "falcosecurity-rules"
FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")


def answered() -> list[Any]:
    found = sorted((cases.CONFORMANCE / "alerts").glob("*.jsonl"))
    if not found:
        skip = pytest.mark.skip(reason=f"no conformance data at {cases.CONFORMANCE}")
        return [pytest.param(None, id="absent", marks=skip)]
    return [pytest.param(path, id=path.stem) for path in found]


@pytest.mark.parametrize("answers", answered())
def test_alerts_are_those_of_falco(answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALCO_HOSTNAME", "vm")  # the machine Falco ran on
    capture = next(cases.UPSTREAM.rglob(answers.stem))
    with Session.open() as session:
        ruleset = session.load_rules([RULES / name for name in FILES]).ruleset
        judge = Judge(ruleset, session.plugins, Matching.ALL, session.alert_options(as_json=True))
        events = open_capture_events(session, str(capture), None, None)
        try:
            lines = b"".join(
                piece.to_pybytes() for window in events.windows() for piece in judge.lines(window)
            )
        finally:
            events.close()
    assert len(ruleset.rules) == 93
    assert lines.decode() == answers.read_text(encoding="utf-8")
