"""Items and values of rule files, whole and half-written."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.yaml import load_documents
from tests.conformance.cases import UPSTREAM
from workbench.editing.outline import outline
from workbench.editing.tokens import Tokens

TEXT = """\
# first
- list: shells
  items: [bash,
    sh]

- macro: "spawned"   # quoted
  condition: >
    evt.type = execve

    and proc.name in (shells)

# about the rule
- rule: One
  desc: it's one
  condition: spawned and fd.name = "a#b" # said
  output: >-
    One %proc.name
  priority: WARNING
  exceptions:
    - name: known
      fields: [proc.name]
- rule: One
  append: true
  condition: and not proc.name = x
"""


def test_items_values_and_places() -> None:
    found = outline(TEXT.splitlines())
    assert [
        (item.kind, item.name, item.first, item.last, item.appends) for item in found.items
    ] == [
        ("list", "shells", 1, 3, False),
        ("macro", "spawned", 5, 9, False),
        ("rule", "One", 12, 20, False),
        ("rule", "One", 21, 23, True),
    ]
    rule = found.items[2]
    assert [value.key for value in rule.values] == [
        "rule", "desc", "condition", "output", "priority", "exceptions",
    ]  # fmt: skip
    assert found.at(0) is None and found.at(11) is None
    macro = found.items[1].value("condition")
    assert macro is not None and macro.block
    assert found.text_of(macro) == "evt.type = execve\n\nand proc.name in (shells)"
    exceptions = rule.value_at(20)
    assert exceptions is not None and exceptions.key == "exceptions"
    assert exceptions.last == 20


@pytest.mark.parametrize(
    "text", ["", "-", "- ", "- rule", "- rule:", "  - macro: a\n condition", "a: b", "- : x\n-\n"]
)
def test_what_is_half_written_has_an_outline(text: str) -> None:
    found = outline(text.splitlines())
    for number in range(len(found.lines)):
        Tokens(found).of(number)


@given(st.text(alphabet="- rulemaco:\n\"'#>|[](),=%ax.1\t", max_size=200))
def test_tokens_stay_within_their_lines(text: str) -> None:
    found = outline(text.splitlines())
    tokens = Tokens(found)
    for number, line in enumerate(found.lines):
        for start, end, _ in tokens.of(number):
            assert 0 <= start <= end <= len(line)
    for item, after in pairwise(found.items):
        assert item.first <= item.last < after.first


@pytest.mark.skipif(not (UPSTREAM / "rules").is_dir(), reason=f"no rules at {UPSTREAM}")
def test_upstream_files_have_the_items_that_yaml_says() -> None:
    files = sorted((UPSTREAM / "rules/falcosecurity-rules").glob("*.yaml"))
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        found = [
            (item.kind, item.name, item.first + 1)
            for item in outline(text.splitlines()).items
            if item.kind != "other"
        ]
        wanted = [
            (kind, node.text, item.line)
            for document in load_documents(text, str(path))
            for item in document.items
            for kind in ("rule", "macro", "list")
            if (node := item.get(kind)) is not None
        ]
        assert found == wanted, path


def words_of(lines: list[str], number: int) -> list[tuple[str, str]]:
    tokens = Tokens(outline(lines)).of(number)
    return [(lines[number][start:end], kind) for start, end, kind in tokens]


def test_colours() -> None:
    lines = TEXT.splitlines()
    assert words_of(lines, 0) == [("# first", "comment")]
    assert words_of(lines, 2)[:3] == [
        ("items", "key"), ("[", "punctuation"), ("bash", "value"),
    ]  # fmt: skip
    assert words_of(lines, 7) == [
        ("evt.type", "field"), ("=", "operator"), ("execve", "value"),
    ]  # fmt: skip
    assert words_of(lines, 14) == [
        ("condition", "key"), (" # said", "comment"), ("spawned", "macro"), ("and", "keyword"),
        ("fd.name", "field"), ("=", "operator"), ('"a#b"', "string"),
    ]  # fmt: skip
    assert ("%proc.name", "field") in words_of(lines, 16)
    assert ("WARNING", "priority") in words_of(lines, 17)


def test_a_condition_over_several_lines_is_seen_as_a_whole() -> None:
    lines = ["- macro: m", "  condition: proc.name in (a,", "    fd.name, b) and other"]
    assert words_of(lines, 2) == [
        ("fd.name", "value"), (",", "punctuation"), ("b", "value"), (")", "punctuation"),
        ("and", "keyword"), ("other", "macro"),
    ]  # fmt: skip
