"""Files loaded on top of each other: verdicts, places, provenance, bounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from capture.errors import FalcowbError
from engine.fields.catalogue import Catalogue
from engine.language.printer import to_string
from engine.ruleset.checking import EngineChecker
from engine.ruleset.conditions import ConditionSource
from engine.ruleset.loader import load_rules, read_rule_files
from engine.ruleset.model import Message
from engine.ruleset.options import RuleFile
from tests.engine.ruleset.support import AnyField, load, only_error, rule


def at(message: Message) -> tuple[str, str]:
    """Where a message points: file:line, and what stands from its column on."""
    place = message.place
    return f"{place.file}:{place.line}", place.source_line[place.column - 1 :]


FOLDED = """\
- rule: r
  desc: d
  condition: >
    evt.type = open and
    proc.nmae = cat and
    proc.name = dog
  output: o
  priority: INFO
"""
UNKNOWN = AnyField(unknown=frozenset({"proc.nmae"}))


def test_an_unknown_field_in_a_folded_condition() -> None:
    error = only_error(FOLDED, checker=UNKNOWN)
    assert error.code.name == "LOAD_ERR_COMPILE_CONDITION"
    assert at(error) == ("1.yaml:5", "proc.nmae = cat and")
    assert (error.item_type, error.item_name) == ("rule", "r")


def test_an_unknown_field_that_a_macro_of_another_file_brings() -> None:
    macro = "- macro: m\n  condition: |\n    evt.num > 3\n    and proc.nmae exists\n"
    error = only_error(macro, rule(condition="evt.type = open and not m"), checker=UNKNOWN)
    assert at(error) == ("1.yaml:4", "proc.nmae exists")
    assert error.item_name == "r"


def test_an_unknown_field_that_a_later_file_appends() -> None:
    more = "- rule: r\n  condition: and proc.nmae = x\n  override: {condition: append}\n"
    error = only_error(rule(), more, checker=UNKNOWN)
    assert at(error) == ("2.yaml:2", "proc.nmae = x")


def test_a_list_item_that_breaks_a_condition() -> None:
    lists = "- list: l\n  items: [fine, 'not)fine']\n"
    error = only_error(lists + rule(condition="proc.name in (l)"))
    assert error.code.name == "LOAD_ERR_COMPILE_CONDITION"
    assert at(error)[0] == "1.yaml:2"
    assert at(error)[1].startswith("fine")


def test_a_field_of_an_exception() -> None:
    text = rule(more="  exceptions:\n  - name: e\n    fields: [proc.name, proc.nmae]\n")
    error = only_error(text, checker=UNKNOWN)
    assert error.text == "'proc.nmae' is not a supported filter field"
    assert (error.item_type, error.item_name) == ("exception", "e")


def test_values_of_the_wrong_length() -> None:
    text = rule(
        more="  exceptions:\n  - name: e\n    fields: [proc.name, fd.name]\n"
        "    values:\n    - [a, b]\n    - [c]\n"
    )
    error = only_error(text)
    assert error.text == "Fields and values lists must have equal length"
    assert at(error) == ("1.yaml:11", "c]")


@pytest.mark.parametrize(
    ("text", "code", "place", "words"),
    [
        ("- rule: a\n  desc: [\n", "LOAD_ERR_YAML_PARSE", "1.yaml:3", "not valid YAML"),
        ("rule: x\n", "LOAD_ERR_YAML_VALIDATE", "1.yaml:1", "not yaml array of objects"),
        ("just words\n", "LOAD_ERR_YAML_VALIDATE", "1.yaml:1", "not yaml"),
        ("- 3\n", "LOAD_ERR_YAML_VALIDATE", "1.yaml:1", "associative array"),
        (rule() + "- list: l\n", "LOAD_ERR_YAML_VALIDATE", "1.yaml:6", "key 'items'"),
        (rule().replace("INFO", "grave"), "LOAD_ERR_YAML_VALIDATE", "1.yaml:5", "Invalid priority"),
        (rule(more="  enabled: maybe\n"), "LOAD_ERR_YAML_VALIDATE", "1.yaml:6", "decode"),
        (rule(condition="a.b ="), "LOAD_ERR_COMPILE_CONDITION", "1.yaml:3", "expected a string"),
        (rule(condition="nope"), "LOAD_ERR_VALIDATE", "1.yaml:3", "Undefined macro 'nope'"),
    ],
)
def test_bad_input_is_one_error_with_its_place(
    text: str, code: str, place: str, words: str
) -> None:
    error = only_error(text)
    assert error.code.name == code
    assert at(error)[0] == place
    assert words in error.text


def test_a_cyclic_macro_names_the_macro_and_points_at_it() -> None:
    text = (
        "- macro: a\n  condition: evt.num = 1\n- macro: b\n  condition: a\n"
        "- macro: a\n  condition: evt.num = 2 or b\n"
    )
    error = only_error(text)
    assert error.text == "reference loop in macro 'b'"
    assert (error.item_type, error.item_name) == ("macro", "a")
    assert at(error) == ("1.yaml:4", "a") or at(error) == ("1.yaml:6", "b")


def test_a_macro_used_before_it_is_defined() -> None:
    error = only_error("- macro: a\n  condition: b\n- macro: b\n  condition: evt.num = 1\n")
    assert error.text == "Undefined macro 'b' used in filter."
    assert "defined later" in error.hint


def test_hints_name_what_was_meant() -> None:
    text = "- macro: opened\n  condition: evt.type = open\n" + rule(condition="openned")
    assert only_error(text).hint == "Did you mean opened?"
    warning = load(rule(more="  prioriti: INFO\n")).warnings[0]
    assert warning.hint == "Did you mean priority?"
    assert at(warning) == ("1.yaml:6", "prioriti: INFO")


def test_doubles_are_remarked_on_but_not_warned_of() -> None:
    result = load(rule() + rule() + rule("s", more="  priority: DEBUG\n"))
    assert result.successful
    assert result.warnings == []
    assert [note.code.name for note in result.notes] == ["NOTE_REDEFINED", "NOTE_DUPLICATE_KEY"]
    assert "1.yaml:1" in result.notes[0].text
    assert at(result.notes[0])[0] == "1.yaml:6"
    redone = result.ruleset.rule("s")
    assert redone is not None
    assert redone.priority.title == "Informational"


def test_a_list_two_levels_down_stays_a_word_and_is_remarked_on() -> None:
    lists = "- list: c\n  items: [x]\n- list: b\n  items: [c]\n- list: a\n  items: [b]\n"
    result = load(lists + rule(condition="proc.name in (a)"))
    made = result.ruleset.rule("r")
    assert made is not None
    assert to_string(made.condition) == "proc.name in (c)"
    assert [note.code.name for note in result.notes] == ["NOTE_LIST_NOT_EXPANDED"]


def test_every_change_of_a_rule_is_on_record() -> None:
    second = "- rule: r\n  tags: [t]\n  priority: ERROR\n  override:\n    tags: append\n"
    second += "    priority: replace\n"
    made = load(rule(), second, "- rule: r\n  enabled: false\n").ruleset.rule("r")
    assert made is not None
    assert [(change.what, change.place.file) for change in made.history] == [
        ("define", "1.yaml"),
        ("append tags", "2.yaml"),
        ("replace priority", "2.yaml"),
        ("replace enabled", "3.yaml"),
    ]
    assert not made.enabled


def test_loading_stops_at_a_bad_file_unless_told_to_go_on() -> None:
    texts = (rule("a"), rule("b", "nope"), rule("c"))
    stopped = load(*texts)
    assert [file.successful for file in stopped.files] == [True, False]
    assert [each.name for each in stopped.ruleset.rules] == ["a"]
    # As in Falco, what the bad file defined stays and is tried again with the next.
    going = load(*texts, keep_going=True)
    assert [file.successful for file in going.files] == [True, False, False]
    with pytest.raises(FalcowbError, match=r"2\.yaml:3.*Undefined macro 'nope'"):
        stopped.raise_for_errors()


def test_errors_of_other_rules_are_told_apart_from_falcos_one() -> None:
    result = load(rule("a", "nope") + rule("b", "x.y =") + rule("c"))
    assert [error.item_name for error in result.errors] == ["a"]
    assert [error.item_name for error in result.files[0].further] == ["b"]
    assert load(rule("a", "nope") + rule("b", "x.y ="), all_errors=False).files[0].further == []


def test_rules_that_skip_what_is_unknown() -> None:
    skip = "  skip-if-unknown-filter: true\n"
    text = (
        rule("a", "proc.nmae = x", skip)
        + rule("b", more=skip).replace("output: o", "output: '%proc.nmae'")
        + rule("c")
    )
    result = load(text, checker=UNKNOWN)
    assert [each.name for each in result.ruleset.rules] == ["c"]
    assert [warning.code.name for warning in result.warnings] == ["LOAD_UNKNOWN_FILTER"] * 2


def test_an_unknown_source_leaves_the_rule_out() -> None:
    result = load(rule(more="  source: k8s_audit\n"))
    assert result.successful
    assert result.ruleset.rules == ()
    warning = result.warnings[0]
    assert (warning.code.name, warning.text) == (
        "LOAD_UNKNOWN_SOURCE",
        "Unknown source k8s_audit, skipping",
    )
    assert warning.hint == "load a plugin for k8s_audit"


def test_the_warnings_of_earlier_files_come_again_but_are_shown_once() -> None:
    macro = "- macro: unused\n  condition: evt.num = 1\n"
    result = load(macro, rule())
    assert [len(file.warnings) for file in result.files] == [1, 1]
    assert len(result.warnings) == 1


def test_anchors_documents_and_a_plain_equals_sign() -> None:
    text = "- list: l\n  items: &items [a, b]\n- list: m\n  items: *items\n---\n" + rule(
        more="  exceptions:\n  - {name: e, fields: [proc.name], comps: [=], values: [[x]]}\n"
    )
    result = load(text)
    made = result.ruleset.rule("r")
    assert made is not None
    assert made.exceptions[0].comps == ("=",)
    assert [each.items for each in result.ruleset.definitions.lists] == [("a", "b"), ("a", "b")]


HOSTILE = {
    "aliases": "- &a [" + "x, " * 9 + "x]\n"
    + "".join(f"- &{chr(98 + n)} [" + f"*{chr(97 + n)}, " * 9 + "]\n" for n in range(9)),
    "nesting": "- " + "[" * 5000 + "]" * 5000,
    "parentheses": rule(condition="(" * 100_000 + "a.b exists"),
    "macros that multiply": "".join(
        f"- macro: m{n}\n  condition: m{n - 1} and m{n - 1}\n" for n in range(1, 60)
    ).replace("- macro: m1\n", "- macro: m0\n  condition: a.b = 1\n- macro: m1\n", 1)
    + rule(condition="m59"),
    "macros in a chain": "- macro: m0\n  condition: a.b = 1\n"
    + "".join(f"- macro: m{n}\n  condition: not m{n - 1}\n" for n in range(1, 3000)),
    "macros in a chain, last first": "".join(
        f"- macro: m{n}\n  condition: a.b = {n}\n" for n in range(3000)
    )
    + "".join(f"- macro: m{n}\n  condition: or m{n + 1}\n  append: true\n" for n in range(2999)),
    "lists that multiply": "".join(
        f"- list: l{n}\n  items: [l{n + 1}, l{n + 1}, l{n + 1}]\n" for n in range(40)
    )
    + rule(condition="a.b in (l0)"),
    "lists of large lists": "- list: big\n  items: [" + "x, " * 5000 + "]\n"
    + "- list: huge\n  items: [" + "big, " * 5000 + "]\n",
    "a large macro in many rules": "- list: big\n  items: [" + "x, " * 20_000 + "]\n"
    + "- macro: m\n  condition: a.b in (big)\n"
    + "".join(rule(f"r{n}", "m") for n in range(1000)),
    "unknown keys": rule(more="".join(f"  k{n}: v\n" for n in range(30_000))),
}  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_files_are_refused_within_seconds(text: str) -> None:
    start = time.process_time()
    error = only_error(text)
    assert error.text
    assert error.place.file == "1.yaml"
    assert time.process_time() - start < 20


def test_many_appends_take_linear_time() -> None:
    more = "- macro: m\n  condition: or a.b = 2\n  override: {condition: append}\n"
    start = time.process_time()
    result = load("- macro: m\n  condition: a.b = 1\n" + more * 3000 + rule(condition="m"))
    assert result.successful, result.errors[0].text
    assert time.process_time() - start < 20


def test_files_and_folders_are_read_in_order(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yml", "c.txt"):
        (tmp_path / name).write_text("- list: l\n", encoding="utf-8")
    single = tmp_path / "c.txt"
    files = read_rule_files([single, tmp_path])
    assert [Path(file.name).name for file in files] == ["c.txt", "a.yml", "b.yaml"]
    with pytest.raises(FalcowbError, match=r"absent\.yaml"):
        read_rule_files([tmp_path / "absent.yaml"])


_ONE = """
- macro: m
  condition: proc.name = cat
- rule: r
  desc: d
  condition: m and evt.type = open
  output: o
  priority: debug
"""


def test_a_load_with_the_conditions_of_an_earlier_one_gives_the_same() -> None:
    """Trees are used again, and their places are those of the new text."""
    texts = [_ONE, "# moved\n" + _ONE.replace("open", "open and fd.nme = x"), "\n" + _ONE]
    texts.append(_ONE.replace("cat", "dog"))
    shared, checker = ConditionSource(), EngineChecker(Catalogue.native())
    for text in [*texts, *texts]:
        file = RuleFile("a.yaml", text)
        again = load_rules([file], checker, None, shared)
        fresh = load_rules([file], EngineChecker(Catalogue.native()))
        assert again.ruleset.rules == fresh.ruleset.rules
        told = [[(m.text, str(m.place)) for m in each.errors] for each in (again, fresh)]
        assert told[0] == told[1] and bool(told[0]) == ("nme" in text)
