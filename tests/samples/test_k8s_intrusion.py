"""The sample log: made by its script, and told by its alerts as the walk-through says."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.alerts import Alert
from engine.ruleset.selection import Matching
from workbench.core.events import open_plugin_events
from workbench.core.judge import Judge
from workbench.core.session import Session

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
LOG = SAMPLES / "k8s_intrusion.jsonl"
OUTSIDE = "203.0.113.66"
PRIVILEGED = "Kubernetes Pod Created with Privileged Security Context"

#: The alerts of the command in README.md, in order: minute and second, rule.
TOLD = [
    ("02:44", "Shell Opened in a Pod"),
    ("04:12", "Anonymous Request Answered"),
    ("04:19", "Anonymous Request Refused"),
    ("06:14", "Service Account Asks for Its Rights"),
    ("06:29", "Service Account Asks for Its Rights"),
    ("06:36", "Service Account Asks for Its Rights"),
    ("06:52", "Service Account Refused"),
    ("06:58", "Service Account Refused"),
    ("07:11", "Secret Request Refused"),
    ("07:20", "Secret Request Refused"),
    ("07:27", "Service Account Refused"),
    ("07:38", "Service Account Used from Outside"),
    ("07:50", "Secrets of a Namespace Listed"),
    ("08:03", "Secret Read with a Command-Line Client"),
    ("08:11", "Secret Read with a Command-Line Client"),
    ("10:18", "Service Account Refused"),
    ("10:34", PRIVILEGED),
    ("10:51", "Shell Opened by a Service Account"),
    ("14:18", "Service Account Asks for Its Rights"),
    ("14:29", "All Secrets of the Cluster Listed"),
    ("14:44", "Secret of a System Namespace Read"),
    ("14:53", "Secret of a System Namespace Read"),
    ("16:02", "Cluster Administrator Role Granted"),
    ("16:47", "Kubernetes Token of a Pod Made Another Token"),
    ("17:01", "Service Account Used from Outside"),
    ("19:18", "Kubernetes Cron Job Calls Home"),
    ("21:31", "Service Account Used from Outside"),
    ("21:52", "Events Deleted"),
]


@functools.cache
def events() -> list[dict[str, Any]]:
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()]


def alerts(*rules: str, matching: Matching = Matching.FIRST) -> list[Alert]:
    with Session.open(SAMPLES / "falco.yaml") as session:
        loaded = session.load_rules([ROOT / name for name in rules])
        options = session.alert_options(as_json=False)
        judge = Judge(loaded.ruleset, session.plugins, matching, options)
        source = open_plugin_events(session, str(LOG), None, None)
        try:
            return [alert for window in source.windows() for alert in judge.window(window)]
        finally:
            source.close()


def told(found: list[Alert]) -> list[tuple[str, str]]:
    return [(staged(events()[alert.num - 1]).strftime("%M:%S"), alert.rule) for alert in found]


def staged(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["stageTimestamp"])


def test_the_script_makes_the_file() -> None:
    script = SAMPLES / "make_k8s_intrusion.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "k8s_intrusion.jsonl: as made here\n")


def test_alerts_of_the_walk_through() -> None:
    found = alerts("samples/rules.yaml", "rules/k8s_audit_rules.yaml")
    assert told(found) == TOLD


def test_only_the_intruder_is_told_of_once_tuned() -> None:
    found = alerts("samples/rules.yaml", "rules/k8s_audit_rules.yaml", "samples/tuning.yaml")
    assert told(found) == TOLD[1:]
    for alert in found:
        assert events()[alert.num - 1]["sourceIPs"] == [OUTSIDE]


def test_no_rule_fires_on_ordinary_work() -> None:
    found = alerts(
        "samples/rules.yaml",
        "rules/k8s_audit_rules.yaml",
        "rules/k8s_audit_path_rules.yaml",
        "samples/tuning.yaml",
        matching=Matching.ALL,
    )
    assert {events()[alert.num - 1]["sourceIPs"][0] for alert in found} == {OUTSIDE}
    privileged = {each.rule for each in found if "web-cache-warmer" in json.dumps(each.fields)}
    assert {
        PRIVILEGED,
        "Privileged Container Requested",
        "Sensitive Folder of the Node Mounted",
        "Process or IPC Namespace of the Node Shared",
    } <= privileged


def test_output_of_the_rule_for_privileged_pods() -> None:
    (alert,) = [each for each in alerts("samples/rules.yaml") if each.rule == PRIVILEGED]
    assert alert.output.endswith(
        "Critical Kubernetes pod created with privileged security context "
        "(user: system:serviceaccount:storefront:storefront-web, pod: web-cache-warmer, "
        "namespace: storefront)"
    )


def test_shape_of_the_log() -> None:
    """What an API server guarantees of its log: order, stages, ids, addresses, levels."""
    log = events()
    assert 150 <= len(log) <= 250
    assert LOG.stat().st_size < 400_000
    assert [staged(event) for event in log] == sorted(staged(event) for event in log)
    seen: dict[str, list[str]] = {}
    for event in log:
        assert (event["kind"], event["apiVersion"]) == ("Event", "audit.k8s.io/v1")
        assert datetime.fromisoformat(event["requestReceivedTimestamp"]) <= staged(event)
        assert event["annotations"]["authorization.k8s.io/decision"] in ("allow", "forbid")
        assert ("requestObject" in event) <= (event["level"] in ("Request", "RequestResponse"))
        assert ("responseObject" in event) <= (event["level"] == "RequestResponse")
        seen.setdefault(event["auditID"], []).append(event["stage"])
    assert {tuple(stages) for stages in seen.values()} == {
        ("ResponseComplete",),
        ("ResponseStarted", "ResponseComplete"),
    }


@pytest.mark.parametrize("char", "<>&")
def test_text_is_escaped_as_the_api_server_escapes_it(char: str) -> None:
    assert char not in LOG.read_text(encoding="utf-8")


def commands() -> list[str]:
    """The replays that README.md shows, those of the log itself."""
    lines = (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.startswith("    falcowb replay samples/k8s_")]


@pytest.mark.parametrize("command", commands())
def test_commands_of_the_walk_through_run(command: str) -> None:
    program = [sys.executable, "-c", "from workbench.cli import main; main()"]
    done = subprocess.run(
        [*program, *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    expected = {"-p error": 9, "--all": 6, "-p critical": 4, "tuning.yaml": 27}
    count = next((count for part, count in expected.items() if part in command), 28)
    assert len(done.stdout.splitlines()) == count
