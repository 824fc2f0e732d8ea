"""Exceptions written into rules files: in the right place, and nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

from engine.fields.catalogue import Catalogue
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import load_rules
from engine.ruleset.model import Rule
from engine.ruleset.options import RuleFile
from workbench.authoring.exception import ExceptionDraft
from workbench.authoring.formatting import format_rules
from workbench.authoring.rule_edit import with_exception

HEAD = """# Ours. Keep sorted!

- rule: Other   # first
  desc: 'as it is'
  priority: NOTICE
  output: "o"
  condition: evt.type=open


- rule: Mine
  desc: >
    folded,
    over lines
  condition: >
    evt.type = openat
    and fd.name startswith /etc
  output: opened %fd.name   # what
  priority: WARNING
"""
TAIL = """
# After it.
- rule: Last
  desc: d
  priority: NOTICE
  output: o
  condition: evt.type=close
"""
NONE = np.zeros(0, np.int64)


def draft(*pairs: tuple[str, str], existing: str = "", many: bool = True) -> ExceptionDraft:
    fields, values = zip(*pairs, strict=True)
    name = existing or "_".join(field.replace(".", "_") for field in fields)
    return ExceptionDraft("Mine", name, fields, values, 5, NONE, NONE, existing, many)


ONE = draft(("proc.name", "my app"), many=False)
TWO = draft(("proc.name", "cat"), ("fd.name", "/etc/a, b (c)"))


def rule_of(*texts: str) -> Rule:
    files = [RuleFile(f"{n}.yaml", text) for n, text in enumerate(texts)]
    result = load_rules(files, EngineChecker(Catalogue.native()))
    result.raise_for_errors()
    rule = result.ruleset.rule("Mine")
    assert rule is not None
    return rule


def excepts(rule: Rule, made: ExceptionDraft) -> bool:
    """Whether the rule has the exception, and an event with just those values is excepted."""
    condition = rule.condition
    texts = str(condition)
    return all(value in texts for value in made.values)


SHAPES = {
    "none": "",
    "empty": "  exceptions:\n",
    "block": "  exceptions:\n    - name: a\n      fields: [proc.pname]\n      values: [[x]]  # y\n",
    "same column": "  exceptions:\n  - name: a\n    fields: [proc.pname]\n    values:\n    - [x]\n",
    "flow": "  exceptions: [{name: a, fields: [proc.pname], values: [[x]]}]  # z\n",
    "no values": "  exceptions:\n    - name: a\n      fields: proc.pname\n",
    "followed": "  exceptions:\n    - name: a\n      fields: proc.pname\n      values: [x]\n"
    "  tags: [t]\n",
}


@pytest.mark.parametrize("tail", [TAIL, "", "# The end"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("made", [ONE, TWO], ids=["one field", "two fields"])
def test_new_exception(made: ExceptionDraft, shape: str, tail: str) -> None:
    text = HEAD + SHAPES[shape] + tail
    changed = with_exception(text, "rules.yaml", made)
    kept = [line for line in text.splitlines() if "exceptions: [" not in line]
    remaining = iter(changed.splitlines())
    assert all(line in remaining for line in kept), changed  # in order, and to the letter
    rule = rule_of(changed)
    assert rule.exceptions[-1].name == made.name
    assert len(rule.exceptions) == len(rule_of(text).exceptions) + 1
    assert excepts(rule, made)


EXISTING = {
    "block of lists": (
        "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n      comps: [=, =]\n"
        "      values:\n        - [a, b]   # why\n        - [c, d]\n"
    ),
    "flow": "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n"
    "      values: [[a, b]]\n",
    "flow over lines": "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n"
    "      values: [\n        [a, b],\n        [c, d]\n      ]\n",
    "empty": "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n      values: []\n",
    "none": "  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n    - name: f\n"
    "      fields: [proc.pname]\n",
}


@pytest.mark.parametrize("tail", [TAIL, ""])
@pytest.mark.parametrize("shape", EXISTING)
def test_values_of_an_exception_that_is_there(shape: str, tail: str) -> None:
    text = HEAD + EXISTING[shape] + tail
    made = draft(("proc.name", "cat"), ("fd.name", "/etc/x y"), existing="e")
    changed = with_exception(text, "rules.yaml", made)
    before, after = rule_of(text), rule_of(changed)
    assert len(after.exceptions) == len(before.exceptions)
    assert after.exceptions[0].values == (*before.exceptions[0].values, ("cat", "/etc/x y"))
    assert changed.count("#") == text.count("#")


def test_ends_of_lines_stay_those_of_windows() -> None:
    text = (HEAD + SHAPES["block"] + TAIL).replace("\n", "\r\n")
    changed = with_exception(text, "rules.yaml", TWO)
    assert changed.count("\r\n") == changed.count("\n") > text.count("\n")
    assert rule_of(changed).exceptions[-1].name == TWO.name
    laid_out = format_rules(changed, "rules.yaml")
    assert laid_out.changed and laid_out.text.count("\r\n") == laid_out.text.count("\n")


def test_a_single_field_that_is_there() -> None:
    text = (
        HEAD + "  exceptions:\n    - name: e\n      fields: proc.name\n      values:\n        - a\n"
    )
    made = draft(("proc.name", "b c"), existing="e", many=False)
    after = rule_of(with_exception(text, "rules.yaml", made))
    assert after.exceptions[0].values == ("a", "b c")


@pytest.mark.parametrize("own", ["", "# Ours.\n", "- list: l\n  items: [a]\n"])
def test_a_rule_of_another_file(own: str) -> None:
    """Appended to in a file of its own; twice, the second finds the first."""
    changed = with_exception(own, "own.yaml", TWO)
    assert changed.startswith(own)
    rule = rule_of(HEAD, changed)
    assert [each.name for each in rule.exceptions] == [TWO.name] and excepts(rule, TWO)
    again = with_exception(changed, "own.yaml", ONE)
    assert changed.count("- rule:") == again.count("- rule:") == 1
    assert [each.name for each in rule_of(HEAD, again).exceptions] == [TWO.name, ONE.name]
    more = draft(("proc.name", "x"), ("fd.name", "y"), existing=TWO.name)
    values = rule_of(HEAD, with_exception(changed, "own.yaml", more)).exceptions[0].values
    assert values[-1] == ("x", "y") and len(values) == 2


def test_an_exception_of_another_file_gets_values_alone() -> None:
    vendor = HEAD + EXISTING["flow"]
    more = draft(("proc.name", "x"), ("fd.name", "y"), existing="e")
    changed = with_exception("", "own.yaml", more)
    assert "fields" not in changed
    assert rule_of(vendor, changed).exceptions[0].values[-1] == ("x", "y")


@pytest.mark.parametrize(
    "value",
    ["a b", '"quoted"', "it's", "a,b", "(x)", "true", "12", "#c", "- d", "x: y", "é", "a\\b", "=",
     "*", 'a "b" c', "'", "[z]", "{", "&a", "!t", "%p", "@q", "`", "|", ">", "?", "~", "null"],
)  # fmt: skip
def test_any_value_reads_back(value: str) -> None:
    for made in (
        draft(("proc.name", value), many=False),
        draft(("proc.name", value), ("fd.name", "/x")),
    ):
        rule = rule_of(with_exception(HEAD, "rules.yaml", made))
        assert excepts_exactly(rule, value), (value, made.row)


def excepts_exactly(rule: Rule, value: str) -> bool:
    from engine.language.ast import Binary, Value, ValueList
    from engine.language.walk import checks

    found = []
    for check in checks(rule.condition):
        assert isinstance(check, Binary)
        match check.right:
            case ValueList(items=items):
                found += list(items)
            case Value(text=text):
                found.append(text)
    return value in found
