"""Versions, and what serves where another is asked for."""

from __future__ import annotations

import pytest

from engine.ruleset.model import PluginRequirement
from engine.ruleset.versions import (
    ENGINE_VERSION,
    LoadedPlugin,
    Version,
    unmet_requirement,
    with_stand_ins,
)
from tests.engine.ruleset.support import load, only_error


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.2.3", Version(1, 2, 3)),
        ("0.4.0-rc1", Version(0, 4, 0)),
        ("1.2.3.4", Version(1, 2, 3)),
        ("1.2", None),
        ("v1.2.3", None),
        ("", None),
    ],
)
def test_three_numbers_at_the_front(text: str, expected: Version | None) -> None:
    assert Version.parse(text) == expected


def test_ours_stand_in_for_upstream_plugins_of_any_version() -> None:
    wanted = [
        (PluginRequirement("k8saudit", "99.0.0"), PluginRequirement("k8saudit-eks", "0.1.0")),
        (PluginRequirement("json", "7.7.7"),),
        (PluginRequirement("container", "0.4.0"),),
    ]
    assert unmet_requirement(wanted, with_stand_ins([LoadedPlugin("k8s_audit", "0.1.0")])) is None
    missing = unmet_requirement(wanted, with_stand_ins([]))
    assert missing is not None
    assert missing.endswith("one of: k8saudit (>= 99.0.0), k8saudit-eks (>= 0.1.0)")


def test_a_real_plugin_is_judged_by_its_own_version() -> None:
    plugins = with_stand_ins([LoadedPlugin("json", "0.1.0"), LoadedPlugin("k8s_audit", "0.1.0")])
    problem = unmet_requirement([(PluginRequirement("json", "0.2.0"),)], plugins)
    assert problem is not None
    assert "'0.1.0' is not compatible with required plugin version '0.2.0'" in problem


def test_a_missing_plugin_is_part_of_the_result() -> None:
    text = "- required_plugin_versions:\n  - {name: k8saudit, version: 0.7.0}\n"
    assert load(text).successful
    assert not load(text, plugins=[]).successful
    assert load(text, plugins=[LoadedPlugin("k8s_audit", "0.1.0")]).successful


@pytest.mark.parametrize("wanted", ["0.62.0", "0.2.0", "62", "2", "0x10"])
def test_older_engines_are_served(wanted: str) -> None:
    assert load(f"- required_engine_version: {wanted}\n").successful


@pytest.mark.parametrize("wanted", ["0.999.0", "1.0.0", "999"])
def test_newer_engines_are_not(wanted: str) -> None:
    error = only_error(f"- required_engine_version: {wanted}\n")
    assert error.code.name == "LOAD_ERR_VALIDATE"
    assert error.text.endswith(f"but engine version is {ENGINE_VERSION}")


@pytest.mark.parametrize("wanted", ["new", "1.2", "-3"])
def test_what_is_no_version(wanted: str) -> None:
    error = only_error(f"- required_engine_version: {wanted}\n")
    assert error.code.name == "LOAD_ERR_YAML_VALIDATE"
    assert f"'{wanted}'" in error.text
