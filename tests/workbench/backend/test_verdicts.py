"""Which rule of an event is the one that alerts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.ruleset.model import Priority, Rule
from engine.ruleset.selection import Matching
from workbench.backend.verdicts import Verdicts, verdicts
from workbench.core.session import Session

YAML = """
- rule: A
  desc: first
  condition: evt.type = open
  output: a
  priority: notice
"""


@pytest.fixture
def rules() -> list[Rule]:
    from engine.ruleset.options import RuleFile

    with Session.open() as session:
        (rule,) = session.read_rules([RuleFile("a.yaml", YAML)]).ruleset.rules
    return [
        rule,
        replace(rule, name="B", priority=Priority.CRITICAL, index=1),
        replace(rule, name="C", priority=Priority.DEBUG, index=2),
    ]


ROWS = {"A": np.array([1, 5, 9]), "B": np.array([5, 7]), "C": np.array([0, 9])}


def test_the_first_rule_alerts(rules: list[Rule]) -> None:
    found = verdicts(3, rules, ROWS, Matching.FIRST, seen=10, complete=True)
    assert found.alert_rows.tolist() == [0, 1, 5, 7, 9]
    assert found.alert_rules.tolist() == [2, 0, 0, 1, 0]
    assert found.alerts == {"A": 3, "B": 1, "C": 1}
    assert found.at(np.array([0, 2, 5, 9, 11])).tolist() == [2, -1, 0, 0, -1]
    assert [rule.name for rule in found.matching(5)] == ["A", "B"]
    assert found.matching(6) == []


def test_every_rule_alerts_and_the_gravest_is_shown(rules: list[Rule]) -> None:
    found = verdicts(3, rules, ROWS, Matching.ALL, seen=10, complete=True)
    assert found.alert_rows.tolist() == [0, 1, 5, 7, 9]
    assert found.alert_rules.tolist() == [2, 0, 1, 1, 0]
    assert found.alerts == {"A": 3, "B": 2, "C": 2}


def test_nothing_matches(rules: list[Rule]) -> None:
    for rows in ({}, {"A": np.zeros(0, np.int64)}):
        found = verdicts(1, rules, rows, Matching.FIRST, seen=10, complete=True)
        assert found.alert_rows.tolist() == []
        assert found.at(np.array([0, 1])).tolist() == [-1, -1]
    empty = Verdicts()
    assert empty.at(np.array([0])).tolist() == [-1] and empty.matching(0) == []
