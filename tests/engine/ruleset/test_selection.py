"""Rules turned on and off, in order."""

from __future__ import annotations

import pytest

from engine.ruleset.model import Priority
from engine.ruleset.selection import Match, Matching, RuleSet
from tests.engine.ruleset.support import load, rule

RULES = (
    rule("shell opened", more="  tags: [shell, exec]\n")
    + rule("file opened", more="  tags: [file]\n  enabled: false\n")
    + rule("odd one").replace("INFO", "CRITICAL")
)


def names(rules: RuleSet) -> list[str]:
    return [rule.name for rule in rules.enabled()]


def test_what_the_files_say_comes_first() -> None:
    assert names(load(RULES).ruleset) == ["shell opened", "odd one"]


def test_operations_act_in_order_and_load_order_stays() -> None:
    rules = load(RULES).ruleset
    assert rules.select("*", on=False) == 3
    assert names(rules) == []
    assert rules.select("opened", Match.SUBSTRING) == 2
    assert rules.select_tags(["exec", "nothing"], on=False) == 1
    assert rules.select("odd one", Match.EXACT) == 1
    assert names(rules) == ["file opened", "odd one"]
    assert rules.select_tags(["absent"]) == 0


@pytest.mark.parametrize("match", [Match.EXACT, Match.SUBSTRING])
def test_the_empty_pattern_selects_all(match: Match) -> None:
    rules = load(RULES).ruleset
    rules.select("", match)
    assert len(names(rules)) == 3


def test_rules_below_the_minimum_priority_are_not_there() -> None:
    rules = load(RULES, min_priority=Priority.ERROR).ruleset
    assert [rule.name for rule in rules.rules] == ["odd one"]
    assert rules.select("*") == 1
    assert rules.rule("shell opened") is None


def test_one_source_at_a_time() -> None:
    rules = load(RULES).ruleset
    assert rules.sources == ("syscall",)
    assert rules.enabled("k8s_audit") == ()


@pytest.mark.parametrize(("text", "expected"), [("first", Matching.FIRST), ("ALL", Matching.ALL)])
def test_matching_is_first_or_all(text: str, expected: Matching) -> None:
    assert Matching.parse(text) is expected
    with pytest.raises(ValueError, match="foo"):
        Matching.parse("foo")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("info", Priority.INFORMATIONAL),
        ("Informational", Priority.INFORMATIONAL),
        ("CRITICAL", Priority.CRITICAL),
    ],
)
def test_priorities_have_names(text: str, expected: Priority) -> None:
    assert Priority.parse(text) is expected


def test_other_names_are_no_priorities() -> None:
    with pytest.raises(ValueError, match="grave"):
        Priority.parse("grave")
