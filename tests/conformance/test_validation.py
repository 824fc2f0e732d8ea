"""Whole validations of rule files, and descriptions of them, as Falco's regression suite runs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from engine.ruleset.loader import LoadResult, load_rules, read_rule_files
from engine.ruleset.options import LoadOptions
from engine.ruleset.report import as_json
from tests.conformance.cases import CONFORMANCE, Case, parameters, read_jsonl
from tests.conformance.test_ruleset import checker
from workbench.cli.main import app


def cases(mode: str) -> list[Any]:
    return parameters(
        [case for case in read_jsonl("regression_cases.jsonl") if case["mode"] == mode]
    )


def validated(case: Case) -> LoadResult:
    files = read_rule_files([CONFORMANCE / name for name in case["rules"]])
    return load_rules(files, checker("syscall"), LoadOptions(keep_going=True))


def fits(found: dict[str, Any], wanted: Case) -> bool:
    """Whether a message as printed is the wanted one: its item may be any on the way to it."""
    locations = found["context"]["locations"]
    return (
        found["code"] == wanted["code"]
        and any(place["item_type"] == wanted["item_type"] for place in locations)
        and any(place["item_name"] == wanted.get("item_name", "") for place in locations)
        and found["message"] == wanted.get("message", found["message"])
        and wanted.get("message_contains", "") in found["message"]
    )


@pytest.mark.parametrize("case", cases("validate"))
def test_validation(case: Case) -> None:
    result = validated(case)
    files = json.loads(json.dumps(as_json(result)))["falco_load_results"]
    expect = case["expect"]
    errors = [error for file in files for error in file["errors"]]
    warnings = [warning for file in files for warning in file["warnings"]]
    for wanted in expect.get("validate_errors", ()):
        assert any(fits(error, wanted) for error in errors), (wanted, errors)
    for wanted in expect.get("warnings", ()):
        assert any(fits(warning, wanted) for warning in warnings), (wanted, warnings)
    if "LOAD_NO_EVTTYPE" in str(expect.get("warnings")):
        codes = [warning["code"] for warning in warnings]
        assert codes.count("LOAD_NO_EVTTYPE") == len(expect["warnings"])
    if "n_errors" in expect:
        assert len(errors) == expect["n_errors"]
    for index, successful in expect.get("file_successful", {}).items():
        assert files[int(index)]["successful"] is successful
    assert result.successful is expect["exit_ok"]


@pytest.mark.parametrize("case", cases("validate"))
def test_the_command_exits_as_falco_does(case: Case) -> None:
    paths = [str(CONFORMANCE / name) for name in case["rules"]]
    made = CliRunner().invoke(app, ["rules", "check", "--no-plugins", "--json", *paths])
    assert made.exit_code == case["expect"]["exit"], made.output
    files = json.loads(made.stdout)["falco_load_results"]
    assert [file["name"] for file in files] == paths
    assert all(file["successful"] for file in files) is case["expect"]["exit_ok"]


@pytest.mark.parametrize("case", cases("describe"))
def test_describe(case: Case) -> None:
    paths = [str(CONFORMANCE / name) for name in case["rules"]]
    arguments = ["rules", "list", "--no-plugins", *paths]
    if case["args"][0] == "-l":
        arguments += ["--rule", case["args"][1]]
    made = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    expect = case["expect"]
    assert (made.exit_code == 0) is expect.get("exit_ok", expect.get("exit") == 0), made.output
    for words in expect.get("stdout_contains", ()):
        assert words in made.stdout
