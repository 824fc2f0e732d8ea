"""The result as Falco prints it."""

from __future__ import annotations

from engine.ruleset.report import as_json, as_text
from tests.engine.ruleset.support import AnyField, load, rule

BAD = "# rules\n" + rule("some rule", "evt.type = open open")


def test_json_has_falcos_shape() -> None:
    result = load(BAD)
    (file,) = as_json(result)["falco_load_results"]
    assert file["name"] == "1.yaml"
    assert file["successful"] is False
    assert file["schema_valid"] is True
    assert file["schema_warnings"] == []
    assert file["warnings"] == []
    assert "notes" not in file
    (error,) = file["errors"]
    assert error["code"] == "LOAD_ERR_COMPILE_CONDITION"
    assert error["codedesc"] == "Error compiling condition"
    assert error["message"] == "unexpected token after 'open', expecting 'or', 'and'"
    context = error["context"]
    assert context["snippet"] == "evt.type = open open\n                ^\n"
    assert [
        (place["item_type"], place["item_name"], place["position"]["name"])
        for place in context["locations"]
    ] == [
        ("rules content", "", "1.yaml"),
        ("rule", "some rule", "1.yaml"),
        ("rule condition", "", "1.yaml"),
        ("condition expression", "", '"evt.type = open open"'),
    ]
    assert context["locations"][1]["position"] == {
        "name": "1.yaml",
        "line": 1,
        "column": 2,
        "offset": 10,
    }


def test_positions_count_bytes() -> None:
    result = load("# ärger\n" + rule(more="  typo: {ä: 1}\n").replace("desc: d", "desc: ü"))
    (file,) = as_json(result)["falco_load_results"]
    (warning,) = file["warnings"]
    rule_at = warning["context"]["locations"][-1]["position"]
    assert (rule_at["line"], rule_at["column"], rule_at["offset"]) == (1, 2, 11)


def test_remarks_of_our_own_are_kept_apart() -> None:
    (file,) = as_json(load(rule() + rule()))["falco_load_results"]
    assert file["warnings"] == []
    assert [note["code"] for note in file["notes"]] == ["NOTE_REDEFINED"]


def test_deprecated_fields_are_named() -> None:
    (file,) = as_json(load(rule(condition="evt.dir = <")))["falco_load_results"]
    (warning,) = file["warnings"]
    assert warning["code"] == "LOAD_DEPRECATED_ITEM"
    assert warning["deprecated_field"] == "evt.dir"


def test_text_walks_down_to_the_place() -> None:
    result = load(BAD)
    lines = as_text(result.files[0], result.contents).splitlines()
    assert lines[:3] == ["1.yaml: Invalid", "1 Errors:", "In rules content: (1.yaml:0:0)"]
    assert lines[3] == "    rule 'some rule': (1.yaml:1:2)"
    assert lines[-1].startswith("LOAD_ERR_COMPILE_CONDITION (Error compiling condition): ")


def test_text_says_what_the_schema_misses() -> None:
    result = load(rule().replace("INFO", "Info"), checker=AnyField())
    text = as_text(result.files[0], result.contents)
    assert text.startswith("1.yaml: Ok\n1 Schema warnings:\n------\nfailed for <root>[0][priority]")
