"""Every rule we ship for audit logs: events that must fire it, and near misses that must not.

The format of the cases is described in ``rules/README.md``. All cases of a rule set are judged in
one batch, through the plugin and the evaluator, each rule asked on its own.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture.schema import PLUGIN_EVENTS
from engine.evaluate import Evaluator
from engine.plan import Plan
from engine.ruleset.loader import LoadResult
from workbench.core.session import Session

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "samples" / "falco.yaml"
SOURCE = "k8s_audit"
SETS = ("k8s_audit", "k8s_audit_path")
MATURITY = {"maturity_stable", "maturity_incubating", "maturity_sandbox"}


@dataclass(frozen=True)
class Case:
    """One event and what the rule is to say of it. ``row``: its place among those of the set."""

    file: Path
    rule: str
    fires: bool
    why: str
    event: dict[str, Any]
    row: int


@dataclass(frozen=True)
class Answers:
    loaded: LoadResult
    #: For each rule the rows (see Case) that match.
    matches: dict[str, set[int]]


@functools.cache
def cases(rule_set: str) -> tuple[Case, ...]:
    found: list[Case] = []
    for file in sorted((ROOT / "rules" / "tests" / rule_set).glob("*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        for key in ("fires", "silent"):
            for each in told[key]:
                row = len(found)
                found.append(
                    Case(file, told["rule"], key == "fires", each["why"], each["event"], row)
                )
    return tuple(found)


@functools.cache
def answers(rule_set: str) -> Answers:
    payloads = [json.dumps(each.event, separators=(",", ":")).encode() for each in cases(rule_set)]
    with Session.open(CONFIG) as session:
        loaded = session.load_rules([ROOT / "rules" / f"{rule_set}_rules.yaml"])
        events = pa.RecordBatch.from_arrays(
            [
                pa.array(range(1, len(payloads) + 1), pa.uint64()),
                pa.array(range(len(payloads)), pa.timestamp("ns", tz="UTC")),
                pa.array([1] * len(payloads), pa.uint32()),
                pa.array(payloads, pa.binary()),
            ],
            schema=PLUGIN_EVENTS,
        )
        rules = [(rule.name, rule.condition) for rule in loaded.ruleset.rules]
        plan = Plan(session.plugins.surroundings.catalogue, SOURCE, rules)
        segment = session.plugins.event_source(SOURCE).segment(events)
        verdicts = Evaluator(plan).judge(segment)
        matches = {
            rule.key: set(rows.tolist())
            for rule, rows in zip(plan.rules, verdicts.rows, strict=True)
        }
    return Answers(loaded, matches)


def every_case() -> Iterator[Any]:
    for rule_set in SETS:
        for case in cases(rule_set):
            kind = "fires" if case.fires else "silent"
            yield pytest.param(rule_set, case, id=f"{case.file.stem}: {kind}: {case.why}")


@pytest.mark.parametrize(("rule_set", "case"), list(every_case()))
def test_case(rule_set: str, case: Case) -> None:
    assert (case.row in answers(rule_set).matches[case.rule]) == case.fires


@pytest.mark.parametrize("rule_set", SETS)
def test_every_rule_has_cases_of_both_kinds(rule_set: str) -> None:
    covered = {(case.rule, case.fires) for case in cases(rule_set)}
    rules = [rule.name for rule in answers(rule_set).loaded.ruleset.rules]
    assert covered == {(name, fires) for name in rules for fires in (True, False)}


@pytest.mark.parametrize("rule_set", SETS)
def test_files_are_named_after_their_rules(rule_set: str) -> None:
    for case in cases(rule_set):
        assert case.file.stem == re.sub(r"[^a-z0-9]+", "-", case.rule.lower()).strip("-")


@pytest.mark.parametrize("rule_set", SETS)
def test_loads_without_a_word(rule_set: str) -> None:
    loaded = answers(rule_set).loaded
    assert loaded.successful
    assert [str(each) for each in loaded.warnings + loaded.notes] == []
    assert [file.schema for file in loaded.files] == [["ok"]]


@pytest.mark.parametrize("rule_set", SETS)
def test_every_rule_names_technique_and_maturity(rule_set: str) -> None:
    for rule in answers(rule_set).loaded.ruleset.rules:
        tags = set(rule.tags)
        assert len(tags & MATURITY) == 1, rule.name
        assert any(re.fullmatch(r"T\d{4}(\.\d{3})?", tag) for tag in tags), rule.name
        assert any(tag.startswith("mitre_") for tag in tags), rule.name


def test_falco_itself_can_load_the_main_set() -> None:
    """Falco's own plugins know ``ka.*`` and ``jevt.*``; paths are ours alone."""
    text = (ROOT / "rules" / "k8s_audit_rules.yaml").read_text(encoding="utf-8")
    said = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "k8s.audit." not in said
