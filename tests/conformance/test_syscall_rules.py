"""Our rules for system calls beside Falco's own, and on what the real kernel said.

Two captures that Falco recorded: a noisy intrusion, in which many rules must fire, and ordinary
work (building, packing, serving, searching), in which none may.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.evaluate import Evaluator
from engine.plan import Plan
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import LoadResult, load_rules, read_rule_files
from engine.ruleset.model import SYSCALL_SOURCE
from engine.ruleset.options import LoadOptions
from tests.conformance.cases import UPSTREAM
from tests.conformance.fields import segments
from tests.rules.events import CATALOGUE
from tests.rules.test_syscall_rules import RULES, rules

LIVE = UPSTREAM / "captures" / "live"
FALCO_RULES = UPSTREAM / "rules" / "falcosecurity-rules"

#: What the intrusion does, step by step (its script lies beside the capture). Rules that ask for a
#: container are left out: whether there is one hangs on the name of a control group.
INTRUSION = {
    "Connection Put in Place of Standard Input": 1,
    "Credentials Searched For": 2,
    "Cron Job Written": 1,
    "Files Destroyed for Good": 1,
    "In-Memory File Made by an Interpreter": 1,
    "Link Made to a Sensitive Path": 2,
    "Log Deleted": 1,
    "Log Emptied": 2,
    "Namespace Split Off by an Unusual Program": 1,
    "Packet Socket Opened": 1,
    "Password Hashes Read": 1,
    "Password Hashes Refused": 1,
    "Program Poses as a Kernel Thread": 1,
    "Program Run from Memory": 1,
    "Program Run from Shared Memory": 1,
    "Program of the System Replaced or Added": 2,
    "Service Account Looks Around": 1,
    "Setuid Bit Set": 1,
    "Shell Reads from a Network Connection": 1,
}

needs_captures = pytest.mark.skipif(not LIVE.is_dir(), reason=f"no captures at {LIVE}")
needs_rules = pytest.mark.skipif(not FALCO_RULES.is_dir(), reason=f"no rules at {FALCO_RULES}")


@functools.cache
def fired(capture: Path) -> Counter[str]:
    """How many events of a capture each rule matches, each asked on its own."""
    plan = Plan(CATALOGUE, SYSCALL_SOURCE, [(rule.name, rule.condition) for rule in rules()])
    evaluator, found = Evaluator(plan), Counter[str]()
    for segment in segments(capture):
        for rule, rows in zip(plan.rules, evaluator.judge(segment).rows, strict=True):
            found[rule.key] += len(rows)
    return +found


@needs_captures
def test_an_intrusion_is_seen() -> None:
    found = fired(LIVE / "intrusion.scap")
    assert {name: found[name] for name in INTRUSION} == INTRUSION
    more = set(found) - set(INTRUSION)
    assert all("Container" in name for name in more), more


@needs_captures
def test_ordinary_work_is_left_alone() -> None:
    assert fired(LIVE / "ordinary.scap") == {}


def load(files: Sequence[Path]) -> LoadResult:
    return load_rules(read_rule_files(list(files)), EngineChecker(CATALOGUE), LoadOptions())


def names(file: Path) -> set[str]:
    """Of rules, macros and lists."""
    text = file.read_text(encoding="utf-8")
    return set(re.findall(r"^- (?:rule|macro|list): *(.+?) *$", text, re.MULTILINE))


@needs_rules
def test_loads_beside_the_rules_of_falco() -> None:
    found = sorted(FALCO_RULES.glob("falco*_rules.yaml"))
    files = [file for file in found if "deprecated" not in file.name]
    theirs, both = load(files), load([*files, RULES])
    assert both.successful
    assert len(both.ruleset.rules) == len(theirs.ruleset.rules) + len(rules())
    assert [str(each) for each in both.warnings] == [str(each) for each in theirs.warnings]


@needs_rules
def test_no_name_is_one_of_falcos() -> None:
    theirs = {name for file in FALCO_RULES.glob("*.yaml") for name in names(file)}
    assert len(theirs) > 100
    assert not theirs & names(RULES)
