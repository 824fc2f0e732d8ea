"""Rule files of past years: which of them today's Falco loads, and why it refuses the rest.

The verdicts were made by reading Falco's loader and the filter compiler of its libraries
(``rule_loader_collector.cpp``, ``rule_loader_compiler.cpp``, ``filter_compare.cpp``).
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import LoadResult, load_rules, read_rule_files
from tests.conformance.cases import UPSTREAM
from workbench.surroundings import bundled_plugins, surroundings

HISTORY = UPSTREAM / "rules" / "history"

#: A list field can be asked for members, not for a piece of text (flt_is_comparable_any_list).
_LIST = ("LOAD_ERR_COMPILE_CONDITION", "filter error: 'contains' operator not supported list filt")
#: A macro that no file defines is an error, be it only named by one rule (resolve_macros).
_MACRO = ("LOAD_ERR_VALIDATE", "Undefined macro 'allowed_full_admin_users' used in filter.")
#: What is added to must be there (collector::append); these files follow k8s_audit_rules.yaml.
_RULE = ("LOAD_ERR_VALIDATE", "Rule uses 'append' or 'override.<key>: append' but no rule by that")
_NAMES = ("LOAD_ERR_VALIDATE", "List uses 'append' or 'override.items: append' but no list by that")

#: By the last part of their names.
REFUSED = {
    **dict.fromkeys(("046fcc7c", "6b2b5b67", "8f9b61b5", "ae478f66"), _LIST),
    **dict.fromkeys(("ce750ad9", "e92e4c56", "f8ca043f"), _LIST),
    "8313991c": _MACRO,
    **dict.fromkeys(("35815026", "7863a2f0", "a7d5d334"), _RULE),
    "fd9fc0ac": _NAMES,
}
ADDITIONS = [part for part, reason in REFUSED.items() if reason in (_RULE, _NAMES)]


def files(pattern: str = "*.yaml") -> list[Any]:
    found = sorted(HISTORY.rglob(pattern))
    if not found:
        return [pytest.param(None, id="absent", marks=pytest.mark.skip(reason=f"no {HISTORY}"))]
    return [pytest.param(path, id=path.stem) for path in found]


@cache
def checker() -> EngineChecker:
    return EngineChecker(surroundings(bundled_plugins()).catalogue)


def load(*paths: Path) -> LoadResult:
    return load_rules(read_rule_files(paths), checker())


@pytest.mark.parametrize("path", files())
def test_a_file_of_the_past(path: Path) -> None:
    result = load(path)
    found = {(error.code.name, error.text) for error in result.errors}
    refused = REFUSED.get(path.stem.rpartition(".")[2])
    if refused is not None:
        code, words = refused
        assert found
        for each in found:
            assert each[0] == code
            assert each[1].startswith(words)
        return
    assert found == set()
    # Nothing is left out in silence: rules of sources that nobody here has are warned of.
    skipped = {
        each.item_name for each in result.warnings if each.code.name == "LOAD_UNKNOWN_SOURCE"
    }
    loaded = {rule.name for rule in result.ruleset.rules}
    named = re.findall(r"^- rule: *(.*?)\s*$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert loaded | skipped == {name.strip("'\"") for name in named}


@pytest.mark.parametrize("part", ADDITIONS)
def test_an_addition_loads_after_what_it_adds_to(part: str) -> None:
    # Lists of images were in Falco's own rules once, then in those of the audit log by other names.
    base = "2025-01-16.731ee03b" if part == "35815026" else "2024-01-19.6ba9ab52"
    names = ("falco-rules-1.0.1", f"k8saudit__rules__k8s_audit_rules.{base}", f"*{part}")
    paths = [path for name in names for path in HISTORY.rglob(f"{name}.yaml")]
    if len(paths) < len(names):
        pytest.skip(f"no {HISTORY}")
    result = load(*paths)
    assert [error.text for error in result.errors] == []
    (rule,) = (rule for rule in result.ruleset.rules if rule.name == "Disallowed K8s User")
    assert [str(each.place.file) for each in rule.history] == [str(path) for path in paths[1:]]
