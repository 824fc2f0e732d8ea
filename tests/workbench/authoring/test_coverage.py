"""What tests try of rules, and what they do not."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workbench.command import Ran, falcowb

RULES = """
- macro: opened
  condition: evt.type in (open, openat) and fd.num >= 0
- rule: Tried
  desc: d
  priority: NOTICE
  output: o
  condition: opened and fd.name = /x
  exceptions:
    - name: e
      fields: proc.name
      values: [ok]
- rule: Bare
  desc: d
  priority: NOTICE
  output: o
  condition: opened and fd.name = /y
"""
FIRES = "{evt.type: open, fd.num: 3, fd.name: /x, proc.name: bash}"


def run(folder: Path, *silent: str, more: tuple[str, ...] = ()) -> Ran:
    (folder / "rules.yaml").write_text(RULES)
    lines = ["- rule: Tried", "  fires:", f"    - fields: {FIRES}"]
    if silent:
        lines += ["  silent:", *(f"    - fields: {each}" for each in silent)]
    (folder / "tests.yaml").write_text("\n".join(lines) + "\n")
    words = ("rules", "coverage", folder / "tests.yaml", "-r", folder / "rules.yaml")
    return falcowb(*words, *more)


def test_each_part_alone_counts(tmp_path: Path) -> None:
    ran = run(
        tmp_path,
        "{evt.type: close, fd.num: 3, fd.name: /x}",
        "{evt.type: open, fd.num: -1, fd.name: /z}",  # two at once prove nothing
        "{evt.type: open, fd.num: 3, fd.name: /x, proc.name: ok}",
        more=("--json",),
    )
    assert ran.code == 0, ran.err
    tried, bare = json.loads(ran.out)
    assert (tried["rule"], tried["fires"], tried["silent"]) == ("Tried", 1, 3)
    assert [(each["check"], each["never"], each["macros"]) for each in tried["untried"]] == [
        ("fd.num >= 0", "false", ["opened"]),
        ("fd.name = /x", "false", []),
    ]
    assert tried["share"] == 0.75
    assert (bare["fires"], bare["silent"], bare["share"]) == (0, 0, 0.0)
    assert len(bare["untried"]) == 6


def test_as_text_and_as_a_gate(tmp_path: Path) -> None:
    ran = run(tmp_path, more=("--rule", "Tried"))
    assert "never false fd.num >= 0, in opened  rules.yaml:3" in ran.out
    assert run(tmp_path, more=("--least", "10")).code == 1
    ran = run(tmp_path, more=("--least", "10", "--rule", "Tried"))
    assert ran.code == 0
    assert "1 rules, 0 of them without an event" in ran.out
