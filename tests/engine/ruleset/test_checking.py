"""Rules checked against the real catalogue."""

from __future__ import annotations

import pytest

from engine.fields.catalogue import Catalogue
from engine.ruleset.checking import EngineChecker
from engine.ruleset.loader import LoadResult, load_rules
from engine.ruleset.options import RuleFile
from tests.engine.ruleset.support import rule


def load(*texts: str) -> LoadResult:
    files = [RuleFile(f"{number}.yaml", text) for number, text in enumerate(texts, 1)]
    return load_rules(files, EngineChecker(Catalogue.native()))


def test_an_unknown_field_names_the_nearest_and_its_place() -> None:
    (error,) = load(rule(condition="evt.type = open and proc.nmae = cat")).errors
    assert error.code.name == "LOAD_ERR_COMPILE_CONDITION"
    assert "nonexistent field proc.nmae" in error.text
    assert "proc.name" in error.hint
    assert error.place.source_line[error.place.column - 1 :] == "proc.nmae = cat"


def test_an_unknown_field_in_an_output_is_pointed_at() -> None:
    text = rule().replace("output: o", "output: 'file %fd.name by %prc.name'")
    (error,) = load(text).errors
    assert error.code.name == "LOAD_ERR_COMPILE_OUTPUT"
    assert error.place.line == 4
    assert error.place.source_line[error.place.column - 1 :].startswith(("%prc.name", "prc.name"))


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("evt.type = opne", "unknown event type opne"),
        ("tolower(evt.type) = open", "evt.type"),
        ("proc.pid contains 1", "not supported"),
        ("proc.pid = many", "many"),
        ("proc.name regex '['", "regex"),
    ],
)
def test_what_does_not_compile(condition: str, words: str) -> None:
    (error,) = load(rule(condition=f"fd.num > 3 and {condition}")).errors
    assert error.code.name == "LOAD_ERR_COMPILE_CONDITION"
    assert words in error.text
    assert error.place.line == 3


def test_a_remark_points_into_the_macro_that_it_is_about() -> None:
    macro = "- macro: m\n  condition: >\n    evt.type = open and\n    proc.name = proc.pname\n"
    (warning,) = load(macro, rule(condition="m")).warnings[-1:]
    assert warning.code.name == "LOAD_COMPILE_CONDITION"
    assert (warning.place.file, warning.place.line) == ("1.yaml", 4)
    assert warning.place.source_line[warning.place.column - 1 :] == "proc.pname"


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("proc.name", True),
        ("proc.aname[2]", True),
        ("tolower(proc.name)", True),
        ("tolower( proc.name)", True),
        ("proc.nmae", False),
        ("tolower(proc.pid)", False),
        ("proc.name exists", False),
        ("", False),
    ],
)
def test_what_may_stand_on_the_left(text: str, valid: bool) -> None:
    test = EngineChecker(Catalogue.native()).field_test("syscall")
    assert test is not None
    assert test(text) is valid


def test_unknown_sources_say_what_to_do() -> None:
    checker = EngineChecker(Catalogue.native())
    assert checker.field_test("k8s_audit") is None
    assert "falco.yaml" in checker.source_hint("k8s_audit")
    assert "syscall" in checker.source_hint("sycall")


def test_rules_checked_again_keep_their_warnings() -> None:
    checker = EngineChecker(Catalogue.native())
    files = [RuleFile("1.yaml", rule(condition="evt.type = open and proc.name = proc.pname"))]
    first, second = (load_rules(files, checker).warnings for _ in range(2))
    assert [warning.text for warning in first] == [warning.text for warning in second]
    assert len(first) == 1
