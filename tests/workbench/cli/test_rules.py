"""``falcowb rules`` as a person and a machine meet it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from workbench.cli.main import app
from workbench.surroundings import bundled_plugins

GOOD = """\
- macro: opened
  condition: evt.type in (open, openat)
- rule: Shell opens
  desc: A shell opens a file
  condition: opened and proc.name = bash
  output: file=%fd.name
  priority: INFO
  tags: [shell]
- rule: Anything opens
  desc: Something opens a file
  condition: opened
  output: file=%fd.name
  priority: DEBUG
  enabled: false
"""
BAD = GOOD.replace("proc.name", "proc.nmae")
K8S = """\
- required_plugin_versions:
  - {name: k8saudit, version: 0.1.0}
- rule: k
  desc: d
  condition: ka.verb = get
  output: o
  priority: INFO
  source: k8s_audit
"""


def run(*arguments: str | Path, text: str | None = None) -> Result:
    return CliRunner().invoke(
        app, ["rules", *map(str, arguments)], input=text, env={"COLUMNS": "160"}
    )


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, encoding="utf-8")
    return path


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.yaml"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_good_rules_are_ok(good: Path) -> None:
    made = run("check", "--no-plugins", good)
    assert made.exit_code == 0, made.output
    assert made.stdout == f"{good}: ok\n2 rules, 1 macro, no lists.\n"


def test_a_problem_shows_its_line_a_caret_and_the_way_out(bad: Path) -> None:
    made = run("check", "--no-plugins", bad)
    assert made.exit_code == 1
    lines = made.stdout.splitlines()
    assert lines[0].startswith(f"{bad}:5:25: error: ")
    assert "proc.nmae" in lines[0]
    assert lines[1] == (
        "  rule 'Shell opens': LOAD_ERR_COMPILE_CONDITION (Error compiling condition)"
    )
    assert lines[2] == "     5 |   condition: opened and proc.nmae = bash"
    assert lines[3].index("^") == lines[2].index("proc.nmae")
    assert "proc.name" in lines[4]
    assert f"{bad}: refused, 1 error" in lines


def test_standard_input_and_strictness() -> None:
    text = GOOD.replace("tags: [shell]", "tgas: [shell]")
    assert run("check", "--no-plugins", "-", text=text).exit_code == 0
    made = run("check", "--no-plugins", "--strict", "-", text=text)
    assert made.exit_code == 1
    assert "<stdin>:8:3: warning: Unknown key 'tgas'" in made.stdout
    assert "Did you mean tags?" in made.stdout


def test_hostile_names_do_not_reach_the_terminal() -> None:
    text = '- rule: "\\e[31mred\\a[bold]"\n  desc: [\n'
    text2 = GOOD.replace("Shell opens", '"\\e[31mred [bold]x[/bold]"').replace("bash", "bash bash")
    for each in (text, text2):
        made = run("check", "--no-plugins", "-", text=each)
        assert made.exit_code == 1
        assert "\x1b" not in made.stdout
        assert "\x07" not in made.stdout
    assert "red [bold]x[/bold]" in made.stdout


def test_json_is_falcos(bad: Path, good: Path) -> None:
    made = run("check", "--no-plugins", "--json", good, bad)
    assert made.exit_code == 1
    first, second = json.loads(made.stdout)["falco_load_results"]
    assert (first["successful"], second["successful"]) == (True, False)
    assert second["errors"][0]["code"] == "LOAD_ERR_COMPILE_CONDITION"


def test_files_that_are_not_there(tmp_path: Path) -> None:
    made = run("check", "--no-plugins", tmp_path / "absent.yaml")
    assert made.exit_code == 1
    assert "absent.yaml" in str(made.exception)
    assert run("check").exit_code == 2


def test_a_missing_plugin_is_a_warning_until_a_configuration_says_otherwise(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "k8s.yaml"
    rules.write_text(K8S, encoding="utf-8")
    made = run("check", "--no-plugins", rules)
    assert made.exit_code == 0
    assert "Unknown source k8s_audit, skipping" in made.stdout
    assert "warning: Plugin requirement not satisfied" in made.stderr
    config = tmp_path / "falco.yaml"
    config.write_text(f"rules_files: [{rules}]\n", encoding="utf-8")
    made = run("check", "-c", config)
    assert made.exit_code == 1
    assert "error: Plugin requirement not satisfied" in made.stderr


def listed(made: Result) -> dict[str, Any]:
    assert made.exit_code == 0, made.output
    rules = json.loads(made.stdout)["rules"]
    return {rule["info"]["name"]: rule for rule in rules}


def test_rules_are_listed_with_what_they_come_to(good: Path) -> None:
    rules = listed(run("list", "--no-plugins", "--json", good))
    assert {name: rule["on"] for name, rule in rules.items()} == {
        "Shell opens": True,
        "Anything opens": False,
    }
    details = rules["Shell opens"]["details"]
    assert details["macros"] == ["opened"]
    assert details["condition_compiled"] == ("(evt.type in (open, openat) and proc.name = bash)")
    assert details["output_fields"] == ["fd.name"]
    assert "openat" in details["events"]
    assert "read" not in details["events"]
    assert rules["Shell opens"]["history"] == [{"change": "define", "file": str(good), "line": 3}]


@pytest.mark.parametrize(
    ("arguments", "on"),
    [
        (["-t", "shell"], {"Shell opens": True, "Anything opens": False}),
        (["-D", "*opens"], {"Shell opens": False, "Anything opens": False}),
        (["-T", "shell"], {"Shell opens": False, "Anything opens": False}),
        (["-p", "info"], {"Shell opens": True}),
        (["-l", "Anything opens"], {"Anything opens": False}),
        (["-s", "k8s_audit"], {}),
    ],
)
def test_selection(good: Path, arguments: list[str], on: dict[str, bool]) -> None:
    rules = listed(run("list", "--no-plugins", "--json", *arguments, good))
    assert {name: rule["on"] for name, rule in rules.items()} == on


def test_a_configuration_names_files_and_selects(good: Path, tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text(
        f"rules_files: [{good}]\nrules:\n- disable: {{rule: '*'}}\n- enable: {{rule: Any*}}\n",
        encoding="utf-8",
    )
    rules = listed(run("list", "--json", "-c", config))
    assert {name: rule["on"] for name, rule in rules.items()} == {
        "Shell opens": False,
        "Anything opens": True,
    }


def test_the_list_for_people(good: Path, bad: Path) -> None:
    made = run("list", "--no-plugins", good)
    assert made.exit_code == 0
    assert "2 rules, 1 on." in made.stdout
    assert "Informational" in made.stdout
    assert run("list", "--no-plugins", bad).exit_code == 1
    assert run("list", "--no-plugins", "-p", "grave", good).exit_code == 2


def test_fields_are_listed_by_source() -> None:
    made = run("fields", "--no-plugins", "--json")
    assert made.exit_code == 0
    fields = {field["name"]: field for field in json.loads(made.stdout)["syscall"]}
    assert fields["proc.aname"]["argument"]["index"] is True
    assert fields["proc.name"]["type"] == "CHARBUF"
    assert fields["proc.name"]["desc"]
    made = run("fields", "--no-plugins", "-s", "syscall")
    assert "fd.name" in made.stdout
    made = run("fields", "--no-plugins", "-s", "nothing")
    assert made.exit_code == 1
    assert "unknown event source 'nothing'" in str(made.exception)


needs_plugin = pytest.mark.skipif(
    not bundled_plugins(), reason="the bundled plugins are not built (make setup)"
)


@needs_plugin
def test_bundled_plugins_bring_their_source_and_stand_in_for_upstreams(tmp_path: Path) -> None:
    rules = tmp_path / "k8s.yaml"
    rules.write_text(K8S, encoding="utf-8")
    made = run("check", rules)
    assert made.exit_code == 0, made.output
    assert made.stderr == ""
    assert made.stdout == f"{rules}: ok\n1 rule, no macros, no lists.\n"
    made = run("check", "--plugin", "k8s_audit", rules)
    assert made.exit_code == 0, made.output
    made = run("list", "--json", rules)
    assert listed(made)["k"]["details"]["plugins"] == ["k8s_audit"]


@needs_plugin
def test_path_fields_may_be_used() -> None:
    text = K8S.replace(
        "ka.verb = get", 'k8s.audit.response.spec.containers[*].image startswith "nginx"'
    )
    assert run("check", "-", text=text).exit_code == 0


def test_a_plugin_that_is_not_there(good: Path, tmp_path: Path) -> None:
    for name in ("nothing", tmp_path / "nothing.so"):
        made = run("check", "--plugin", name, good)
        assert made.exit_code == 1
        assert "nothing" in str(made.exception)
