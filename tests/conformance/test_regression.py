"""Falco's own regression cases: the same detections, of system calls and of Kubernetes audit logs.

Each case names rule files, a capture or a log, options, and what Falco then detects: how often each
rule fires, how many alerts there are of a priority, what is printed.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capture.errors import FalcowbError
from engine.alerts import Alert
from engine.ruleset.selection import Match, RuleSet
from tests.conformance import cases
from tests.conformance.cases import Case
from workbench.core.events import Events, open_capture_events, open_plugin_events
from workbench.core.judge import Judge
from workbench.core.session import Session

_KNOWN = {
    "detected", "detected_from", "detection_count", "exit", "exit_ok", "file_output_exact", "note",
    "not_stdout_regex", "output_json_lines_file", "output_lines_file", "priority_counts", "rules",
    "stderr_regex", "stdout_regex",
}  # fmt: skip


def detections() -> list[Any]:
    """The cases that judge events. Those of ``aws_cloudtrail`` wait for that plugin, those that
    simulate dropped events for live capture."""
    found = [
        case
        for case in cases.read_jsonl("regression_cases.jsonl")
        if case["mode"] == "detect"
        and "cloudtrail" not in (case.get("plugin") or {})
        and not (case.get("config") or "").startswith("configs/Drops")
    ]
    return cases.parameters(found)


@dataclass(frozen=True, slots=True)
class Outcome:
    alerts: list[Alert]
    lines: list[str]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def run(case: Case) -> Outcome:
    arguments = case["args"]
    options = [each for each in arguments if "=" in each and "computed" not in each]
    config = case.get("config")
    audit = "k8saudit" in (case.get("plugin") or {})
    with Session.open(
        cases.CONFORMANCE / config if config and not audit else None,
        options,
        ["k8s_audit"] if audit else [],
    ) as session:
        files = [_rule_file(name) for name in case["rules"]]
        ruleset = session.load_rules(files, priority=case.get("min_priority")).ruleset
        _select(ruleset, case)
        judge = Judge(
            ruleset,
            session.plugins,
            session.config.rule_matching,
            session.alert_options(as_json=bool(case.get("json_output"))),
        )
        path = str(cases.UPSTREAM / case["capture"])
        events: Events = (
            open_plugin_events(session, path, None, None)
            if audit
            else open_capture_events(session, path, None, None)
        )
        try:
            alerts = [alert for window in events.windows() for alert in judge.window(window)]
        finally:
            events.close()
        return Outcome(alerts, [judge.formatter.line(alert) for alert in alerts])


def _rule_file(name: str) -> Path:
    folder = cases.CONFORMANCE if name.startswith("rules_cases/") else cases.UPSTREAM
    return folder / name


def _select(ruleset: RuleSet, case: Case) -> None:
    for name in case.get("disabled_rules", ()):
        ruleset.select(name, Match.SUBSTRING, on=False)
    for tag in case.get("disabled_tags", ()):
        ruleset.select_tags([tag], on=False)
    if "enabled_tags" in case:
        ruleset.select("", Match.SUBSTRING, on=False)
        for tag in case["enabled_tags"]:
            ruleset.select_tags([tag])


@pytest.mark.parametrize("case", detections())
def test_detections(
    case: Case, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    expect = case["expect"]
    assert set(expect) <= _KNOWN, "an expectation that this test does not look at"
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    if expect.get("exit"):
        with pytest.raises(FalcowbError) as refused:
            run(case)
        for pattern in expect.get("stderr_regex", ()):
            assert re.search(pattern, str(refused.value), re.DOTALL)
        return
    with caplog.at_level(logging.WARNING):
        outcome = run(case)
    by_rule = Counter(alert.rule for alert in outcome.alerts)
    assert {name: by_rule[name] for name in expect.get("rules", {})} == expect.get("rules", {})
    if "detected" in expect:
        assert bool(outcome.alerts) == expect["detected"]
    if "detection_count" in expect:
        _agree(len(outcome.alerts), expect["detection_count"])
    for wanted, count in expect.get("priority_counts", {}).items():
        # Priorities match by substring, without case.
        having = [each for each in outcome.alerts if wanted.lower() in each.priority.lower()]
        _agree(len(having), count)
    _printed(case, outcome)
    if "k8saudit" in (case.get("plugin") or {}):  # what Falco itself logs is not ours to repeat
        for pattern in expect.get("stderr_regex", ()):
            assert re.search(pattern, caplog.text, re.DOTALL)


def _printed(case: Case, outcome: Outcome) -> None:
    expect = case["expect"]
    for pattern in expect.get("stdout_regex", ()):
        assert re.search(pattern, outcome.text)
    for pattern in expect.get("not_stdout_regex", ()):
        assert not re.search(pattern, outcome.text)
    if "output_lines_file" in expect:
        wanted = (cases.CONFORMANCE / expect["output_lines_file"]).read_text(encoding="utf-8")
        assert set(wanted.splitlines()) <= set(outcome.lines)
    if "output_json_lines_file" in expect:
        wanted = (cases.CONFORMANCE / expect["output_json_lines_file"]).read_text(encoding="utf-8")
        assert [json.loads(each) for each in outcome.lines] == [
            json.loads(each) for each in wanted.splitlines()
        ]


def _agree(count: int, wanted: int | str) -> None:
    if isinstance(wanted, int):
        assert count == wanted
    else:
        assert wanted == ">0"
        assert count > 0
