"""Falco's own regression cases of Kubernetes audit logs: the same detections through our plugin.

Each case names rule files, a log and what Falco detects: how often each rule fires, how many alerts
there are of a priority, what is written to standard error.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from engine.alerts import Alert
from engine.ruleset.selection import Matching
from tests.conformance import cases
from tests.conformance.cases import Case
from workbench.core.events import open_plugin_events
from workbench.core.judge import Judge
from workbench.core.session import Session


def audit_cases() -> list[Any]:
    found = [
        case
        for case in cases.read_jsonl("regression_cases.jsonl")
        if case["mode"] == "detect" and "k8saudit" in (case.get("plugin") or {})
    ]
    return cases.parameters(found)


def rule_file(name: str) -> Path:
    folder = cases.CONFORMANCE if name.startswith("rules_cases/") else cases.UPSTREAM
    return folder / name


def detect(case: Case) -> list[Alert]:
    log = str(cases.UPSTREAM / case["capture"])
    with Session.open(plugins=["k8s_audit"]) as session:
        files = [rule_file(name) for name in case["rules"]]
        ruleset = session.load_rules(files).ruleset
        judge = Judge(
            ruleset, session.plugins, Matching.FIRST, session.alert_options(as_json=False)
        )
        events = open_plugin_events(session, log, None, None)
        try:
            return [alert for window in events.windows() for alert in judge.window(window)]
        finally:
            events.close()


@pytest.mark.parametrize("case", audit_cases())
def test_detections(case: Case, caplog: pytest.LogCaptureFixture) -> None:
    assert set(case["expect"]) <= _KNOWN, "an expectation that this test does not look at"
    with caplog.at_level(logging.WARNING):
        alerts = detect(case)
    expect = case["expect"]
    by_rule = Counter(alert.rule for alert in alerts)
    assert {name: by_rule[name] for name in expect.get("rules", {})} == expect.get("rules", {})
    if "detected" in expect:
        assert bool(alerts) == expect["detected"]
    if "detection_count" in expect:
        agree(len(alerts), expect["detection_count"])
    for wanted, count in expect.get("priority_counts", {}).items():
        # Priorities match by substring, without case.
        having = [each for each in alerts if wanted.lower() in each.priority.lower()]
        agree(len(having), count)
    for pattern in expect.get("stderr_regex", ()):
        assert re.search(pattern, caplog.text, re.DOTALL)


_KNOWN = {
    "detected", "detected_from", "detection_count", "exit", "exit_ok", "note", "priority_counts",
    "rules", "stderr_regex",
}  # fmt: skip


def agree(count: int, wanted: int | str) -> None:
    if isinstance(wanted, int):
        assert count == wanted
    else:
        assert wanted == ">0"
        assert count > 0
