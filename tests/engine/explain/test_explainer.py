"""Explanations agree with the evaluator, and say what was seen, where, and what decided."""

from __future__ import annotations

import pickle

from hypothesis import given, settings

from engine.evaluate import Evaluator
from engine.explain.explainer import Explainer
from engine.explain.tree import Explained, Explanation, Kind, Verdict
from engine.language.parser import parse
from engine.plan import Plan
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import load_rules
from engine.ruleset.options import RuleFile
from engine.ruleset.selection import RuleSet
from tests.engine.tables import CATALOGUE, SOURCE, ref, segment
from tests.engine.test_evaluate import CONDITIONS, EVENTS, FIELDS
from tests.reference import Value


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, EVENTS)
def test_agrees_with_the_evaluator(text: str, events: list[dict[str, Value]]) -> None:
    part = segment(events, FIELDS)
    rows = Evaluator(Plan(CATALOGUE, SOURCE, [("one", parse(text))])).judge(part).rows[0].tolist()
    explainable = Explainer(CATALOGUE).condition(text, SOURCE)
    for row in range(len(events)):
        found = explainable.explain(part, row)
        assert found.fires == (row in rows)
        check_tree(found.root)


def check_tree(root: Explained) -> None:
    """What decides is what the answer follows from."""
    assert root.decides
    for part in root.walk():
        lit = [child for child in part.children if child.decides]
        if part.children and part.decides:
            assert lit, part
            if part.kind in (Kind.AND, Kind.OR):
                assert {child.holds for child in lit} == {part.holds}
                one_is_enough = part.holds is (part.kind is Kind.OR)
                alike = [child for child in part.children if child.holds is part.holds]
                assert len(lit) == (len(alike) if one_is_enough else len(part.children))
        elif part.children:
            assert not lit


RULES = """
- list: shells
  items: [bash, zsh]
- list: all_shells
  items: [shells, "an odd one"]
- macro: a_shell
  condition: t.a in (all_shells, fish)
- macro: deep
  condition: >
    a_shell
    and not n.i = 1
- rule: One
  desc: d
  source: made
  priority: NOTICE
  output: o
  condition: deep and t.b contains x
  exceptions:
    - name: single
      fields: t.path
      values: [/ok, /fine]
    - name: pairs
      fields: [t.a, n.j]
      comps: [=, <]
      values:
        - [bash, 5]
    - name: unused
      fields: t.buf
"""


def loaded(text: str = RULES) -> RuleSet:
    result = load_rules([RuleFile("rules.yaml", text)], EngineChecker(CATALOGUE))
    result.raise_for_errors()
    return result.ruleset


def explained(event: dict[str, Value], text: str = RULES) -> Explanation:
    ruleset = loaded(text)
    rule = ruleset.rule("One")
    assert rule is not None
    explainable = Explainer(CATALOGUE, ruleset.definitions).rule(rule)
    return explainable.explain(segment([event], FIELDS), 0)


def part_of(found: Explanation, text: str) -> Explained:
    return next(part for part in found.root.walk() if part.text == text)


EVENT: dict[str, Value] = {"t.a": b"zsh", "n.i": 2, "t.b": b"axb", "t.path": b"/tmp", "n.j": 7}


def test_fires() -> None:
    found = explained(EVENT)
    assert found.fires and found.asked and found.failing == [] and found.suppressed_by == ()
    assert [child.text for child in found.root.children] == [
        "deep", "t.b contains x", "exception single", "exception pairs",
    ]  # fmt: skip
    check_tree(found.root)


def test_macros_are_unfolded_with_their_places() -> None:
    found = explained(EVENT)
    deep, shell = part_of(found, "deep"), part_of(found, "a_shell")
    assert deep.kind is shell.kind is Kind.MACRO
    assert (deep.place and deep.place.line, deep.defined and deep.defined.line) == (17, 8)
    assert (shell.place and shell.place.line, shell.defined and shell.defined.line) == (10, 6)
    check = part_of(found, "t.a in (all_shells, fish)")
    assert check.place is not None
    assert (check.place.file, check.place.line, check.place.column) == ("rules.yaml", 7, 14)
    second = part_of(found, "n.i = 1")
    assert second.place is not None and (second.place.line, second.place.column) == (11, 13)


def test_lists_are_named_with_what_was_found_in_them() -> None:
    check = part_of(explained(EVENT), "t.a in (all_shells, fish)")
    assert check.matched == "zsh"
    (use,) = check.lists
    assert (use.name, use.place.line, use.items, use.holds_it) == ("all_shells", 4, 3, True)
    other = part_of(explained({**EVENT, "t.a": b"fish"}), "t.a in (all_shells, fish)")
    assert other.matched == "fish" and not other.lists[0].holds_it
    odd = part_of(explained({**EVENT, "t.a": b"an odd one"}), "t.a in (all_shells, fish)")
    assert odd.matched == "an odd one" and odd.lists[0].holds_it


def test_no_value_is_told_from_false() -> None:
    found = explained({**EVENT, "t.b": None})
    check = part_of(found, "t.b contains x")
    assert check.verdict is Verdict.NO_VALUE
    assert check.saw is not None and check.saw.text is None
    assert [part.text for part in found.failing] == ["t.b contains x"]
    wrong = part_of(explained({**EVENT, "t.b": b"ab"}), "t.b contains x")
    assert wrong.verdict is Verdict.FALSE
    assert wrong.saw is not None and wrong.saw.text == "ab"


def test_the_exception_that_suppressed_is_named() -> None:
    found = explained({**EVENT, "t.path": b"/fine"})
    assert not found.fires and found.suppressed_by == ("single",)
    exception = part_of(found, "exception single")
    assert exception.decides and exception.defined is not None and exception.defined.line == 19
    assert part_of(found, "t.path in (/ok, /fine)").matched == "/fine"
    both = explained({**EVENT, "t.path": b"/ok", "t.a": b"bash", "n.j": 3})
    assert both.suppressed_by == ("single", "pairs")
    # Where the condition itself fails, no exception made the difference.
    assert explained({**EVENT, "t.path": b"/ok", "n.i": 1}).suppressed_by == ()


def test_failing_parts_are_found_inside_macros() -> None:
    found = explained({**EVENT, "t.a": b"vi", "n.i": 1})
    assert [part.text for part in found.failing] == ["a_shell", ""]
    assert found.failing[1].kind is Kind.NOT


def test_appended_conditions_keep_their_own_place() -> None:
    more = (
        RULES
        + """
- rule: One
  condition: and n.u > 5
  override: {condition: append}
"""
    )
    check = part_of(explained({**EVENT, "n.u": 3}, more), "n.u > 5")
    assert (
        check.place is not None
        and check.place.line == more.split("\n").index("  condition: and n.u > 5") + 1
    )
    assert check.saw is not None and check.saw.text == "3"


def test_transformers_show_what_they_were_given() -> None:
    explainable = Explainer(CATALOGUE).condition("toupper(t.a) = AB and t.a != val(t.b)", SOURCE)
    found = explainable.explain(segment([{"t.a": b"ab", "t.b": b"ab"}], FIELDS), 0)
    first, second = found.root.children
    assert first.holds and first.saw is not None and first.saw.text == "AB"
    assert [(one.name, one.text) for one in first.inputs] == [("t.a", "ab")]
    assert second.verdict is Verdict.FALSE
    assert second.right is not None and (second.right.name, second.right.text) == ("t.b", "ab")


def test_several_values_are_listed() -> None:
    explainable = Explainer(CATALOGUE).condition("ip.both = 10.0.0.1", SOURCE)
    both: dict[str, Value] = {"ip.both": [b"\x0a\0\0\x01", b"\x7f\0\0\x01"]}
    found = explainable.explain(segment([both], [ref("ip.both")]), 0)
    assert found.fires and found.root.saw is not None
    assert found.root.saw.items == ("10.0.0.1", "127.0.0.1")


def test_a_condition_may_name_macros_and_lists() -> None:
    explainer = Explainer(CATALOGUE, loaded().definitions)
    found = explainer.condition("a_shell or t.b in (shells)", SOURCE).explain(
        segment([{"t.b": b"bash"}], FIELDS), 0
    )
    assert found.fires
    macro, check = found.root.children
    assert macro.kind is Kind.MACRO and not macro.decides
    assert check.decides and check.lists[0].name == "shells"


def test_values_are_shown_as_falco_prints_them() -> None:
    explainable = Explainer(CATALOGUE).condition(
        "n.bool = true and n.f > 1 and t.buf exists", SOURCE
    )
    event: dict[str, Value] = {"n.bool": True, "n.f": 2.5, "t.buf": b"a\xff\0b"}
    found = explainable.explain(segment([event], FIELDS), 0)
    shown = [part.saw.text for part in found.root.children if part.saw is not None]
    assert shown == ["true", "2.5", "a..b"]


def test_macros_within_macros_cost_no_more_than_to_write() -> None:
    lines = ["- macro: m0\n  condition: t.a = x0 and t.b = y0"]
    lines += [
        f"- macro: m{n}\n  condition: (m{n - 1} and n.i = {n}) or (m{n - 1} and n.j = {n})"
        for n in range(1, 14)
    ]
    lines.append(
        "- rule: One\n  desc: d\n  source: made\n  priority: NOTICE\n  output: o\n  condition: m13"
    )
    found = explained({"t.a": b"x0"}, "\n".join(lines))
    distinct: dict[int, Explained] = {}
    stack = [found.root]
    while stack:
        part = stack.pop()
        if id(part) not in distinct:
            distinct[id(part)] = part
            stack += part.children
    assert not found.fires and len(distinct) < 200
    assert len(pickle.dumps(found)) < 200_000
