"""Our rules for system calls: events that must fire each, and near misses that must not.

The format of the cases is described in ``rules/README.md``. All cases are judged in one segment by
the columnar evaluator, each rule asked on its own, and again one by one by the plain evaluator.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from capture.events.table import event_table
from engine.evaluate import Evaluator
from engine.evttypes import event_names, event_types
from engine.language import ast
from engine.language.walk import checks
from engine.plan import Plan
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import LoadResult, load_rules, read_rule_files
from engine.ruleset.model import SYSCALL_SOURCE, Rule
from engine.ruleset.options import LoadOptions
from tests.reference import Reference
from tests.rules.events import CATALOGUE, event, mistakes, segment

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "rules" / "syscall_rules.yaml"
CASES = ROOT / "rules" / "tests" / "syscall"
MATURITY = {"maturity_stable", "maturity_incubating", "maturity_sandbox"}
PLACES = {"host", "container"}


@dataclass(frozen=True)
class Case:
    """One event and what the rule is to say of it. ``row``: its place among all of them."""

    file: Path
    rule: str
    fires: bool
    why: str
    fields: dict[str, Any]
    row: int


@functools.cache
def cases() -> tuple[Case, ...]:
    found: list[Case] = []
    for file in sorted(CASES.glob("*.json")):
        told = json.loads(file.read_text(encoding="utf-8"))
        for key in ("fires", "silent"):
            for each in told[key]:
                row = len(found)
                found.append(
                    Case(file, told["rule"], key == "fires", each["why"], each["fields"], row)
                )
    return tuple(found)


@functools.cache
def loaded() -> LoadResult:
    return load_rules(read_rule_files([RULES]), EngineChecker(CATALOGUE), LoadOptions())


def rules() -> list[Rule]:
    return list(loaded().ruleset.rules)


@functools.cache
def matches() -> dict[str, set[int]]:
    """For each rule the rows (see Case) that match."""
    plan = Plan(CATALOGUE, SYSCALL_SOURCE, [(rule.name, rule.condition) for rule in rules()])
    verdicts = Evaluator(plan).judge(segment([event(case.fields) for case in cases()]))
    return {
        rule.key: set(rows.tolist()) for rule, rows in zip(plan.rules, verdicts.rows, strict=True)
    }


def every_case() -> Iterator[Any]:
    for case in cases():
        kind = "fires" if case.fires else "silent"
        yield pytest.param(case, id=f"{case.file.stem}: {kind}: {case.why}")


@pytest.mark.parametrize("case", list(every_case()))
def test_case(case: Case) -> None:
    assert (case.row in matches()[case.rule]) == case.fires


@pytest.mark.parametrize("case", list(every_case()))
def test_case_by_the_plain_evaluator(case: Case) -> None:
    rule = next(rule for rule in rules() if rule.name == case.rule)
    plain = Reference(CATALOGUE, SYSCALL_SOURCE)
    assert plain.matches(rule.condition, event(case.fields)) == case.fires


@pytest.mark.parametrize("case", list(every_case()))
def test_case_could_be_real(case: Case) -> None:
    assert mistakes(case.fields) == []


def test_every_rule_has_cases_of_both_kinds() -> None:
    covered = {(case.rule, case.fires) for case in cases()}
    assert covered == {(rule.name, fires) for rule in rules() for fires in (True, False)}


def test_files_are_named_after_their_rules() -> None:
    for case in cases():
        assert case.file.stem == re.sub(r"[^a-z0-9]+", "-", case.rule.lower()).strip("-")


def test_some_near_miss_is_of_a_type_that_the_rule_looks_at() -> None:
    for rule in rules():
        types = event_names(event_types(rule.condition))
        near = [case for case in cases() if case.rule == rule.name and not case.fires]
        assert any(case.fields["evt.type"] in types for case in near), rule.name


def test_loads_without_a_word() -> None:
    result = loaded()
    assert result.successful
    assert [str(each) for each in result.warnings + result.notes] == []
    assert [file.schema for file in result.files] == [["ok"]]


def test_at_least_thirty_rules() -> None:
    assert len(rules()) >= 30


def test_every_rule_names_technique_maturity_and_place() -> None:
    for rule in rules():
        tags = set(rule.tags)
        assert len(tags & MATURITY) == 1, rule.name
        assert tags & PLACES, rule.name
        assert any(re.fullmatch(r"T\d{4}(\.\d{3})?", tag) for tag in tags), rule.name
        assert any(tag.startswith("mitre_") for tag in tags), rule.name


def test_every_rule_looks_at_few_event_types() -> None:
    for rule in rules():
        codes = event_types(rule.condition)
        assert codes and 0 not in codes and 1 not in codes, f"{rule.name}: generic calls"
        assert len(event_names(codes)) <= 13, f"{rule.name}: {sorted(event_names(codes))}"


def test_every_rule_can_be_tuned() -> None:
    for rule in rules():
        assert rule.exceptions, rule.name


def test_outputs_say_who_did_what_and_where() -> None:
    for rule in rules():
        for field in ("proc.cmdline", "proc.pid", "container.id", "proc.p"):
            needed = field != "container.id" or "container" in rule.tags
            assert not needed or f"%{field}" in rule.output, f"{rule.name}: no {field}"


def test_arguments_belong_to_the_event_types() -> None:
    """A misspelt argument has no value, so that a rule would be silent for ever."""
    for rule in rules():
        parameters = {
            parameter.name
            for code in event_types(rule.condition)
            for parameter in event_table()[code].parameters
        }
        for check in checks(rule.condition):
            for name in _arguments(check):
                assert name in parameters, f"{rule.name}: evt.arg.{name}"


def _arguments(check: ast.Expr) -> Iterator[str]:
    operand = getattr(check, "left", None)
    if isinstance(operand, ast.Field):
        for prefix in ("evt.arg.", "evt.rawarg."):
            if operand.name.startswith(prefix):
                yield operand.name.removeprefix(prefix)


# Near misses that every rule has


def changed(fields: dict[str, Any], **to: Any) -> dict[str, Any]:
    return fields | {name.replace("__", "."): value for name, value in to.items()}


def silent(rule: Rule, fields: dict[str, Any]) -> bool:
    return not Reference(CATALOGUE, SYSCALL_SOURCE).matches(rule.condition, event(fields))


def firing() -> Iterator[tuple[Rule, Case]]:
    by_name = {rule.name: rule for rule in rules()}
    return ((by_name[case.rule], case) for case in cases() if case.fires)


def test_no_rule_takes_a_failed_call_for_done() -> None:
    for rule, case in firing():
        if not case.fields["evt.failed"]:
            failed = changed(case.fields, evt__failed=True, evt__res="EIO")
            assert silent(rule, failed), f"{rule.name}: {case.why}"


def test_no_rule_looks_at_another_event_type() -> None:
    for rule, case in firing():
        assert silent(rule, changed(case.fields, evt__type="close")), f"{rule.name}: {case.why}"


def test_rules_of_containers_are_silent_on_hosts() -> None:
    for rule, case in firing():
        if "host" not in rule.tags:
            assert silent(rule, changed(case.fields, container__id="host")), rule.name


def test_an_event_of_which_nothing_is_known_fires_what_matters_anyhow() -> None:
    anyhow = ("Kernel Module Loaded by an Unusual Program", "Memory of Another Process Written")
    for rule in rules():
        if rule.name in anyhow:
            continue
        for name in event_names(event_types(rule.condition)):
            assert silent(rule, {"evt.type": name, "evt.failed": False}), f"{rule.name}: {name}"


def test_exceptions_of_ones_own_are_added(tmp_path: Path) -> None:
    name = "Program Run from a World-Writable Folder"
    own = tmp_path / "own.yaml"
    own.write_text(
        f"- rule: {name}\n"
        "  exceptions:\n"
        "    - name: executables\n"
        "      values: [[/tmp/kworkerds]]\n"
        "  override: {exceptions: append}\n"
    )
    tuned = load_rules(read_rule_files([RULES, own]), EngineChecker(CATALOGUE), LoadOptions())
    assert tuned.successful
    rule = next(rule for rule in tuned.ruleset.rules if rule.name == name)
    fires = [case for case in cases() if case.rule == name and case.fires]
    still = [case for case in fires if not silent(rule, case.fields)]
    assert [case.fields["proc.exepath"] for case in fires if case not in still] == [
        "/tmp/kworkerds"
    ]
