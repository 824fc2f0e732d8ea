"""Snippets as Falco cuts them."""

from __future__ import annotations

import pytest

from engine.ruleset.context import Context, Location


def snippet(content: str, offset: int, width: int = 160) -> str:
    context = Context((Location("f", "rule", "r", offset),))
    return context.snippet({"f": content}, width)


@pytest.mark.parametrize(
    ("content", "offset", "expected"),
    [
        ("abc\ndef\nghi\n", 5, "def\n ^\n"),
        ("abc\ndef", 6, "def\n  ^\n"),
        ("abc", 0, "abc\n^\n"),
        ("tags:\n\n\n", 7, "tags:\n    ^\n"),
        ("", 0, "<No context available>\n"),
    ],
)
def test_the_line_and_a_caret(content: str, offset: int, expected: str) -> None:
    assert snippet(content, offset) == expected


def test_long_lines_are_cut_on_both_sides() -> None:
    text = "".join(chr(97 + index % 26) for index in range(500))
    line, caret = snippet(text, 250, 20).splitlines()
    assert line == "..." + text[243:258] + "..."
    assert caret == " " * 10 + "^"


def test_a_file_that_is_not_at_hand() -> None:
    context = Context((Location("elsewhere", "rule", "r", 3),))
    assert context.snippet({}) == "<No context for file + elsewhere>\n"


def test_a_condition_is_named_by_its_beginning() -> None:
    context = Context.of_file("f").in_condition("evt.type = open\nand proc.name = cat", 3, 1, 4)
    last = context.locations[-1]
    assert last.name == '"evt.type = open a..."'
    assert (last.offset, last.line, last.column) == (3, 1, 4)
    assert context.snippet({}) == "evt.type = open\n   ^\n"
