"""Rule sets: what Falco's own tests say of loading, resolving, selecting and describing."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from capture.errors import Place
from engine.fields.catalogue import Catalogue
from engine.language.parser import parse
from engine.language.printer import to_string
from engine.ruleset.checking import EngineChecker
from engine.ruleset.context import Context
from engine.ruleset.describe import Describer
from engine.ruleset.details import details
from engine.ruleset.loader import LoadResult, load_rules, read_rule_files
from engine.ruleset.macros import Resolver
from engine.ruleset.model import Definitions, Priority, Rule
from engine.ruleset.options import AppendOutput, LoadOptions, RuleFile
from engine.ruleset.report import as_text
from engine.ruleset.schema import status
from engine.ruleset.selection import Match, RuleSet
from engine.ruleset.suspicions import compares_with_na, deprecated_fields
from engine.ruleset.versions import LoadedPlugin, unmet_requirement
from tests.conformance.cases import UPSTREAM, Case, engine_cases


@cache
def checker(*sources: str) -> EngineChecker:
    """Fields of the syscall source, and of no other, in the named sources."""
    return EngineChecker(Catalogue.native().with_fields([], sources))


def load(case: Case, **options: Any) -> LoadResult:
    sources = case.get("available_sources", ["syscall"])
    file = RuleFile("rules.yaml", case["rules_yaml"])
    return load_rules([file], checker(*sources), LoadOptions(**options))


def append_output(case: Case) -> list[AppendOutput]:
    return [
        AppendOutput(
            source=each["match"].get("source", ""),
            tags=frozenset(each["match"].get("tags", ())),
            rule=each["match"].get("rule", ""),
            output=each.get("extra_output", ""),
            fields=tuple(
                (key, fmt)
                for extra in each.get("extra_fields", ())
                if isinstance(extra, dict)
                for key, fmt in extra.items()
            ),
            raw_fields=tuple(
                extra for extra in each.get("extra_fields", ()) if isinstance(extra, str)
            ),
        )
        for each in case.get("append_output", ())
    ]


def at_path(data: Any, path: str) -> Any:
    for step in path.split("/"):
        data = data[int(step)] if isinstance(data, list) else data[step]
    return data


@pytest.mark.parametrize("case", engine_cases("rule_load"))
def test_rule_load(case: Case) -> None:
    options: dict[str, Any] = {"append_output": append_output(case)}
    if "min_priority" in case:
        options["min_priority"] = Priority.parse(case["min_priority"])
    result = load(case, **options)
    (file,) = result.files
    text = as_text(file, result.contents)
    assert file.successful is case["expect_load"], text
    for words in case.get("expect_error_contains", ()):
        assert any(words in error.text for error in file.errors), text
    for words in case.get("expect_warning_contains", ()):
        assert words in text
    for words in case.get("expect_warning_not_contains", ()):
        assert not any(words in warning.text for warning in file.warnings), text
    if "expect_has_warnings" in case:
        assert bool(file.warnings) is case["expect_has_warnings"], text
    if "schema_validation" in case:
        assert status(file.schema).split()[0] == case["schema_validation"], file.schema
    if "expect_warning_snippet" in case:
        wanted = case["expect_warning_snippet"]
        snippets = [
            warning.context.snippet(result.contents)
            for warning in file.warnings
            if warning.code.name == wanted["code"]
        ]
        assert snippets
        assert all(wanted["snippet_contains"] in snippet for snippet in snippets)
        assert not any(wanted["snippet_not_contains"] in snippet for snippet in snippets)
    rules = result.ruleset
    for name, condition in case.get("expect_compiled_condition", {}).items():
        assert to_string(found(rules, name).condition) == condition
    for name, output in case.get("expect_compiled_output", {}).items():
        assert found(rules, name).output == output
    for name, words in case.get("expect_compiled_output_not_contains", {}).items():
        assert words not in found(rules, name).output
    if "expect_enabled_rules" in case:
        assert len(rules.enabled()) == case["expect_enabled_rules"]
    if "expect_describe" in case:
        described = Describer(rules.definitions, checker("syscall")).everything()
        for path, value in case["expect_describe"].items():
            assert at_path(described, path) == value
    if "expect_loaded" in case:
        loaded = {
            "rules": [rule.name for rule in rules.definitions.rules],
            "macros": [macro.name for macro in rules.definitions.macros],
            "lists": [each.name for each in rules.definitions.lists],
        }
        assert loaded == case["expect_loaded"]
    for code in case.get("inferred_warning_codes", ()):
        assert code in [warning.code.name for warning in file.warnings]


def found(rules: RuleSet, name: str) -> Rule:
    rule = rules.rule(name)
    assert rule is not None, f"no rule '{name}'"
    return rule


@pytest.mark.parametrize("case", engine_cases("macro_resolve"))
def test_macro_resolve(case: Case) -> None:
    macros = {name: parse(text) for name, text in case["macros"].items()}
    made = Resolver(macros.get).resolve(parse(case["filter"]))
    assert made.resolved == case["expect_resolved"]
    assert [name for name, _ in made.unknown] == case["expect_unknown"]
    assert to_string(made.expr) == to_string(parse(case["expect_expanded"]))


def bare_rule(index: int, about: Case) -> Rule:
    nowhere = Place("cases")
    return Rule(
        about["name"],
        "syscall",
        Priority.INFORMATIONAL,
        "",
        "evt.type = open",
        parse("evt.type = open"),
        "",
        "",
        frozenset(about.get("tags", ())),
        False,
        (),
        frozenset(),
        nowhere,
        index,
    )


@pytest.mark.parametrize("case", engine_cases("enable_rules"))
def test_enable_rules(case: Case) -> None:
    if "rules_yaml" in case:
        rules = load(case).ruleset
    else:
        made = tuple(bare_rule(index, about) for index, about in enumerate(case["rules"]))
        rules = RuleSet(Definitions(rules=made))
    for step in case["steps"]:
        if "expect_enabled_default" in step:
            assert len(rules.enabled()) == step["expect_enabled_default"]
            continue
        if step.get("on", "").startswith("fresh"):
            rules.select("", Match.SUBSTRING, on=False)
        on = step["op"] == "enable"
        if step["match"] == "tag":
            rules.select_tags(step["pattern"], on=on)
        else:
            rules.select(step["pattern"], Match(step["match"]), on=on)
        assert len(rules.enabled()) == step["expect_enabled"], step


@pytest.mark.parametrize("case", engine_cases("plugin_requirements"))
def test_plugin_requirements(case: Case) -> None:
    result = load(case)
    plugins = [LoadedPlugin(each["name"], each["version"]) for each in case["loaded_plugins"]]
    problem = unmet_requirement(result.required_plugins, plugins)
    satisfied = result.successful and problem is None
    assert satisfied is case["expect_satisfied"], (result.errors, problem)


@pytest.mark.parametrize("case", engine_cases("condition_warning"))
def test_condition_warning(case: Case) -> None:
    expr = parse(case["filter"])
    assert (compares_with_na(expr) or bool(deprecated_fields(expr))) is case["expect_warning"]


@pytest.mark.parametrize("case", engine_cases("condition_details"))
def test_condition_details(case: Case) -> None:
    made = details(parse(case["filter"]), set(case["known_macros"]), set(case["known_lists"]))
    for kind, names in case["expect"].items():
        assert getattr(made, kind) == set(names), kind


def rule_files(folder: str) -> list[Any]:
    root = UPSTREAM / "rules"
    paths = sorted((root / folder).rglob("*.yaml"))
    if not paths:
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"no {root}"))]
    return [pytest.param(path, id=str(path.relative_to(root))) for path in paths]


#: Written to be loaded after another file, whose rules they append to.
ADDITIONS = {"k8s_audit_rules_gke.yaml": "k8s_audit_rules.yaml"}
#: Rules of the syscall source over fields of plugins that nobody here has: Falco refuses them too.
FOREIGN = {"k8smeta": "k8smeta.pod.name", "krsi": "krsi.name"}


@pytest.mark.parametrize("path", [*rule_files("falcosecurity-rules"), *rule_files("plugins")])
def test_upstream_rules_load(path: Path) -> None:
    files = [path]
    if path.name in ADDITIONS:
        files.insert(0, path.with_name(ADDITIONS[path.name]))
    result = load_rules(read_rule_files(files), checker("syscall"))
    problems = [error.text for error in result.errors]
    foreign = [field for plugin, field in FOREIGN.items() if plugin in path.parts]
    if foreign:
        assert [text.split()[-1] for text in problems] == foreign
        return
    assert problems == []
    skipped = {
        warning.item_name
        for warning in result.warnings
        if warning.code.name == "LOAD_UNKNOWN_SOURCE"
    }
    text = "".join(file.read_text(encoding="utf-8") for file in files)
    assert len(result.ruleset.rules) + len(skipped) == len(
        {line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("- rule:")}
    )


def test_messages_without_a_place_of_their_own_name_the_file() -> None:
    assert Context.of_file("x.yaml").item == ("rules content", "")
