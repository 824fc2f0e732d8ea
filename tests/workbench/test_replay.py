"""``falcowb replay`` on the bundled sample and on captures of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.workbench.command import SAMPLES, falcowb

LOG = SAMPLES / "k8s_intrusion.jsonl"
RULES = SAMPLES / "rules.yaml"
OPTIONS = ("-r", RULES, "--plugin", "k8s_audit")

PRIVILEGED = (
    "Kubernetes pod created with privileged security context "
    "(user: system:serviceaccount:storefront:storefront-web, "
    "pod: web-cache-warmer, namespace: storefront)"
)


@pytest.fixture(scope="module")
def capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("capture") / "log.fcap"
    ran = falcowb("capture", "--plugin", "k8s_audit", "--open", LOG, "-o", path)
    assert ran.code == 0, ran.err
    assert "183 events recorded" in ran.err
    return path


def test_the_privileged_pod_of_the_sample_fires() -> None:
    ran = falcowb("replay", LOG, *OPTIONS)
    assert ran.code == 0
    assert f"Critical {PRIVILEGED}" in ran.out
    assert "183 events, 3 alerts" in ran.err


def test_a_capture_gives_the_alerts_of_the_source_it_recorded(capture: Path) -> None:
    live, replayed = (falcowb("replay", each, *OPTIONS, "--json") for each in (LOG, capture))
    assert replayed.out == live.out
    assert len(live.out.splitlines()) == 3


def test_json_alerts_have_the_shape_of_falco() -> None:
    ran = falcowb("replay", LOG, *OPTIONS, "--json", env={"FALCO_HOSTNAME": "here"})
    alerts = [json.loads(line) for line in ran.out.splitlines()]
    pod = next(each for each in alerts if "Privileged" in each["rule"])
    assert pod["hostname"] == "here"
    assert pod["output"].endswith(PRIVILEGED)
    assert pod["output_fields"]["k8s.audit.response.metadata.name"] == "web-cache-warmer"
    assert list(pod) == sorted(pod)


def test_the_configuration_of_the_sample_is_complete() -> None:
    ran = falcowb("replay", LOG, "-c", SAMPLES / "falco.yaml")
    assert ran.code == 0, ran.err
    assert PRIVILEGED in ran.out


def test_a_part_of_the_time(capture: Path) -> None:
    for source in (LOG, capture):
        ran = falcowb(
            "replay", source, *OPTIONS, "--from", "2026-05-19T14:10Z", "--to", "2026-05-19 14:15"
        )
        assert [PRIVILEGED in line for line in ran.out.splitlines()] == [True]


def test_all_rules_alert_or_the_first_alone(tmp_path: Path) -> None:
    rules = tmp_path / "two.yaml"
    rules.write_text(
        "".join(
            f"- rule: {name}\n  desc: d\n  condition: ka.verb = create\n  output: {name}\n"
            f"  priority: INFO\n  source: k8s_audit\n"
            for name in ("one", "two")
        ),
        encoding="utf-8",
    )
    first = falcowb("replay", LOG, "-r", rules, "--plugin", "k8s_audit")
    every = falcowb("replay", LOG, "-r", rules, "--plugin", "k8s_audit", "--all")
    lines = [line.split()[-1] for line in every.out.splitlines()]
    assert "two" not in first.out
    assert lines[::2] == ["one"] * (len(lines) // 2)
    assert lines[1::2] == ["two"] * (len(lines) // 2)
    assert len(first.out.splitlines()) * 2 == len(lines) > 0


def test_selecting_rules() -> None:
    assert falcowb("replay", LOG, *OPTIONS, "-D", "Kubernetes Pod*").out.count("\n") == 2
    assert falcowb("replay", LOG, *OPTIONS, "-p", "critical").out.count("\n") == 2
    assert falcowb("replay", LOG, *OPTIONS, "-t", "no such tag").out == ""


def test_events_without_a_rule_are_counted_and_said(tmp_path: Path) -> None:
    rules = tmp_path / "syscall.yaml"
    rules.write_text(
        "- rule: r\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n",
        encoding="utf-8",
    )
    ran = falcowb("replay", LOG, "-r", rules, "--plugin", "k8s_audit")
    assert ran.code == 0
    assert "183 events of source k8s_audit met no rule" in ran.err
