"""Alerts gained and lost, against replays of either side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.cases import UPSTREAM, needs_shared
from tests.workbench.command import SAMPLES, Ran, falcowb

FALCO = UPSTREAM / "rules" / "falcosecurity-rules" / "falco_rules.yaml"
CAPTURE = UPSTREAM / "captures" / "live" / "intrusion.scap"

OLD = """
- rule: Secrets
  desc: d
  source: k8s_audit
  priority: NOTICE
  output: secret %ka.target.name by %ka.user.name
  condition: ka.target.resource = secrets
- rule: Everything Read
  desc: d
  source: k8s_audit
  priority: NOTICE
  output: read %ka.target.resource
  condition: ka.verb in (get, list)
- rule: Same
  desc: d
  source: k8s_audit
  priority: NOTICE
  output: watch %ka.target.resource
  condition: ka.verb = watch
"""
LOG = SAMPLES / "k8s_intrusion.jsonl"
CONFIG = ("-c", SAMPLES / "falco.yaml")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def alerts(ran: Ran) -> dict[str, list[str]]:
    """Outputs by rule."""
    found: dict[str, list[str]] = {}
    for line in ran.out.splitlines():
        alert = json.loads(line)
        found.setdefault(alert["rule"], []).append(alert["output"])
    return found


@pytest.mark.parametrize("every", [(), ("--all",)])
def test_against_replays_of_either_side(tmp_path: Path, every: tuple[str, ...]) -> None:
    old = written(tmp_path, "old.yaml", OLD)
    new = written(tmp_path, "new.yaml", OLD.replace("= secrets", "in (secrets, pods)"))
    ran = falcowb("rules", "diff", old, new, LOG, *CONFIG, "--json", "-n", "10000", *every)
    assert ran.code == 3, ran.err
    found = json.loads(ran.out)
    before, after = (
        alerts(falcowb("replay", LOG, *CONFIG, "-r", each, "--json", "-q", *every))
        for each in (old, new)
    )
    told = {each["rule"]: each for each in found["rules"]}
    assert set(told) == ({"Secrets"} if every else {"Secrets", "Everything Read", "Same"})
    for name, each in told.items():
        assert (each["before"], each["after"]) == (len(before[name]), len(after[name]))
        assert len(each["gained"]) - len(each["lost"]) == each["after"] - each["before"]
        outputs = [one["output"] for one in each["examples"] if one["change"] == "gained"]
        assert set(outputs) <= set(after[name]) and len(outputs) == len(each["gained"])
    assert told["Secrets"]["edited"] and told["Secrets"]["gained"]
    if not every:
        lost = told["Everything Read"]
        assert not lost["edited"] and lost["lost"]
        assert lost["alerts_instead"] == {"Secrets": len(lost["lost"])}


def test_the_same_rules(tmp_path: Path) -> None:
    old = written(tmp_path, "old.yaml", OLD)
    ran = falcowb("rules", "diff", old, old, LOG, *CONFIG)
    assert ran.code == 0
    assert ran.out.startswith("The same alerts on ")


def test_rules_that_come_and_go(tmp_path: Path) -> None:
    old = written(tmp_path, "old.yaml", OLD)
    new = written(tmp_path, "new.yaml", OLD.replace("rule: Same", "rule: Watched"))
    ran = falcowb("rules", "diff", old, new, LOG, *CONFIG, "-n", "1")
    assert ran.code == 3
    assert "Watched  0 → " in ran.out and "(new)" in ran.out
    assert "→ 0  (gone, or off)" in ran.out and "'Same' alerted before" in ran.out


@needs_shared
def test_system_calls_first_read_and_then_from_what_was_kept(tmp_path: Path) -> None:
    text = FALCO.read_text()
    assert "items: [/etc/shadow, /etc/sudoers," in text
    new = written(
        tmp_path,
        "new.yaml",
        text.replace("items: [/etc/shadow, /etc/sudoers,", "items: [/etc/passwd, /etc/sudoers,"),
    )
    env = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = falcowb("rules", "diff", FALCO, new, CAPTURE, "--json", env=env)
    again = falcowb("rules", "diff", FALCO, new, CAPTURE, "--json", env=env)
    assert first.code == again.code == 3
    assert first.out == again.out
    assert list((tmp_path / "cache" / "falcowb" / "opened").iterdir())
    told = {each["rule"]: each for each in json.loads(first.out)["rules"]}
    assert len(told["Read sensitive file untrusted"]["lost"]) == 1
    assert len(told["Create Hardlink Over Sensitive Files"]["gained"]) == 1
    quiet = told["Read sensitive file trusted after startup"]
    assert quiet["edited"] and not quiet["gained"] and not quiet["lost"]


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    old = written(tmp_path, "old.yaml", OLD)
    bad = written(tmp_path, "bad.yaml", OLD.replace("ka.verb = watch", "ka.verb = "))
    ran = falcowb("rules", "diff", old, bad, LOG, *CONFIG)
    assert ran.code == 1 and "bad.yaml" in ran.err
    ran = falcowb("rules", "diff", old, old, tmp_path / "no.scap")
    assert ran.code == 1 and ran.err
