"""falco.yaml, options and the small utilities against upstream's own cases."""

from __future__ import annotations

import pytest

from engine.ruleset.names import sanitize_rule_name
from engine.ruleset.wildcard import wildcard_match
from tests.conformance.cases import CONFORMANCE, Case, engine_cases, needs_shared
from workbench.config import ConfigError, load_config, parse_config
from workbench.config.durations import parse_duration_ms


@pytest.mark.parametrize("case", engine_cases("config"))
def test_config(case: Case) -> None:
    config = parse_config(case["config_yaml"], case.get("cli_options", ()))
    if "expect_rules_selection" in case:
        found = []
        for step in config.rules_selection:
            entry = {"op": "enable" if step.enable else "disable"}
            entry |= {key: value for key in ("rule", "tag") if (value := getattr(step, key))}
            found.append(entry)
        assert found == case["expect_rules_selection"]
    if "expect_append_output" in case:
        entries = []
        for output in config.append_output:
            entry = {
                "source": output.source,
                "tags": list(output.tags),
                "rule": output.rule,
                "format": output.format,
                "raw_fields": list(output.raw_fields),
            }
            entry = {key: value for key, value in entry.items() if value}
            entries.append(entry | {"formatted_fields": dict(output.formatted_fields)})
        assert entries == case["expect_append_output"]


@pytest.mark.parametrize("case", engine_cases("duration_ms"))
def test_duration(case: Case) -> None:
    assert parse_duration_ms(case["value"]) == case["expect"]


@pytest.mark.parametrize("case", engine_cases("wildcard"))
def test_wildcard(case: Case) -> None:
    assert wildcard_match(case["pattern"], case["value"]) is case["expect"]


@pytest.mark.parametrize("case", engine_cases("sanitize_rule_name"))
def test_sanitize_rule_name(case: Case) -> None:
    assert sanitize_rule_name(case["value"]) == case["expect"]


REFUSED = {
    "RuleMatchingWrongValue.yaml": "must be one of first, all",
    "DropsIgnoreLog.yaml": 'action "log" does not make sense with the "ignore" action',
    "DropsThresholdNeg.yaml": "syscall event drops threshold must be a double in the range",
    "DropsThresholdOor.yaml": "syscall event drops threshold must be a double in the range",
}
CONFIGS = sorted((CONFORMANCE / "configs").glob("*.yaml"))


@needs_shared
@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_configurations_of_the_regression_cases(path) -> None:
    if path.name in REFUSED:
        with pytest.raises(ConfigError) as caught:
            load_config(path)
        assert REFUSED[path.name] in str(caught.value)
        assert caught.value.place is not None
        assert caught.value.place.line
        return
    config = load_config(path)
    unknown = [warning.message for warning in config.warnings if "unknown key" in warning.message]
    assert unknown == (
        ["unknown key 'grpc'", "unknown key 'grpc_output'"] if path.name.startswith("Grpc") else []
    )
