"""``falcowb explain`` as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.conformance.cases import UPSTREAM, needs_shared
from tests.workbench.command import SAMPLES, falcowb

FALCO = UPSTREAM / "rules" / "falcosecurity-rules" / "falco_rules.yaml"
CAPTURE = UPSTREAM / "captures" / "live" / "intrusion.scap"
LOG = SAMPLES / "k8s_intrusion.jsonl"
CONFIG = ("-c", SAMPLES / "falco.yaml")

RULES = """
- list: shown
  items: [get, list]
- macro: reads
  condition: ka.verb in (shown)
- rule: Reads
  desc: d
  source: k8s_audit
  priority: NOTICE
  output: o
  condition: reads and ka.target.resource = secrets
  exceptions:
    - name: users
      fields: ka.user.name
      values: [nobody]
"""


def first_number(condition: str) -> int:
    ran = falcowb("events", LOG, *CONFIG, "-f", condition, "-F", "evt.num", "-n", "1", "-q",
                  "--format", "csv")  # fmt: skip
    return int(ran.out.split()[-1])


def test_an_event_that_fires(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    number = first_number("ka.verb in (get, list) and ka.target.resource = secrets")
    ran = falcowb("explain", LOG, str(number), *CONFIG, "-r", rules)
    assert ran.code == 0, ran.err
    assert f"Event {number}" in ran.out and "Rule 'Reads' fires." in ran.out
    assert "✔ reads  macro, rules.yaml:4" in ran.out
    assert "in list shown, rules.yaml:2" in ran.out
    told = json.loads(falcowb("explain", LOG, str(number), *CONFIG, "-r", rules, "--json").out)
    assert told["firing"] == told["alerting"] == ["Reads"]
    (only,) = told["explanations"]
    assert only["fires"] and only["failing"] == []
    kinds = [part["kind"] for part in only["condition"]["children"]]
    assert kinds == ["macro", "check", "exception"]


def test_an_event_that_does_not(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    number = first_number("ka.verb = create and ka.target.resource = pods")
    ran = falcowb("explain", LOG, str(number), *CONFIG, "-r", rules)
    assert ran.code == 0
    assert "No rule that is on fires on it." in ran.out
    assert "2 parts stand in the way." in ran.out
    assert "✘ ka.target.resource = secrets  saw pods  rules.yaml:11" in ran.out


def test_the_exception_is_named(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    number = first_number("ka.verb in (get, list) and ka.target.resource = secrets")
    shown = falcowb("events", LOG, *CONFIG, "-f", f"evt.num = {number}", "-F", "ka.user.name",
                    "--format", "csv", "-q")  # fmt: skip
    user = shown.out.splitlines()[-1]
    rules.write_text(RULES.replace("nobody", user))
    ran = falcowb("explain", LOG, str(number), *CONFIG, "-r", rules, "--rule", "Reads")
    assert "does not fire. Held back by its exception 'users'." in ran.out
    assert "✘ exception users  rules.yaml:13" in ran.out


def test_a_condition_alone() -> None:
    number = first_number("ka.verb = create")
    ran = falcowb(
        "explain", LOG, str(number), *CONFIG, "--condition", "toupper(ka.verb) = CREATE", "--json"
    )
    (only,) = json.loads(ran.out)["explanations"][-1:]
    assert only["fires"] and only["condition"]["saw"]["value"] == "CREATE"
    assert only["condition"]["inputs"] == [{"field": "ka.verb", "value": "create"}]


def test_near_misses(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    ran = falcowb("explain", LOG, *CONFIG, "-r", rules, "--rule", "Reads", "--json")
    near = json.loads(ran.out)
    assert near["matched"] and near["near"] == sum(group["count"] for group in near["groups"])
    texts = {group["conjunct"]: group for group in near["groups"]}
    other = texts["ka.target.resource = secrets"]
    assert other["fields"] == ["ka.target.resource"] and other["place"]["line"] == 11
    wanted = falcowb(
        "events", LOG, *CONFIG, "-f",
        "ka.verb in (get, list) and not ka.target.resource = secrets and not ka.user.name = nobody",
        "-F", "evt.num", "--format", "csv", "-q",
    )  # fmt: skip
    assert other["count"] == len(wanted.out.split()) - 1
    text = falcowb("explain", LOG, *CONFIG, "-r", rules, "--rule", "Reads").out
    assert "by one part of its condition" in text and "macro reads" not in text


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    for words, said in (
        (("999999",), "there is no event 999999"),
        (("1", "--rule", "Read"), "Did you mean"),
        (("1", "--condition", "ka.verb ="), "condition"),
        ((), "which event, or which rule?"),
    ):
        ran = falcowb("explain", LOG, *words, *CONFIG, "-r", rules)
        assert ran.code == 1 and said in ran.err, ran.err


@needs_shared
def test_rules_of_falco(tmp_path: Path) -> None:
    env = {"XDG_CACHE_HOME": str(tmp_path)}
    ran = falcowb("explain", CAPTURE, "30", "-r", FALCO, env=env)
    assert "Rule 'Read sensitive file untrusted' fires." in ran.out
    assert "saw /etc/shadow  in list sensitive_file_names, falco_rules.yaml:207" in ran.out
    words = ("explain", CAPTURE, "-r", FALCO, "--rule", "Read sensitive file untrusted", "--json")
    plain = json.loads(falcowb(*words, env=env).out)
    falcowb("replay", CAPTURE, "-r", FALCO, "-q", env=env)
    kept = json.loads(falcowb(*words, env=env).out)
    assert plain["matched"] == kept["matched"] == 1
    assert not plain["not_asked"] and kept["not_asked"]

    def counts(told: dict[str, list[dict[str, object]]]) -> dict[object, object]:
        return {group["conjunct"]: group["count"] for group in told["groups"]}

    assert counts(kept).items() <= counts(plain).items()
