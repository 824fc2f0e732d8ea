"""What the engine said, under the words that it is about."""

from __future__ import annotations

from workbench.backend.questions.rules import Said
from workbench.editing.diagnostics import by_item, diagnostics, in_short

LINES = ["- rule: One", "  condition: proc.nam = x", "  output: ok", ""]


def said(severity: str, line: int, column: int, item: str = "One", file: str = "a.yaml") -> Said:
    return Said(severity, "CODE", "wrong", item, file, line, column, "a hint")


def test_places() -> None:
    found = diagnostics(
        [
            said("warning", 3, 3),
            said("error", 2, 14),
            said("error", 2, 25),
            said("error", 9, 1, file="b.yaml"),
        ],
        "a.yaml",
        LINES,
    )
    assert [(each.line, each.column, each.end) for each in found] == [
        (1, 13, 21), (1, 24, 25), (2, 2, 8),
    ]  # fmt: skip
    assert LINES[1][13:21] == "proc.nam"
    assert found[0].severity == "error" and found[0].hint == "a hint"


def test_a_remark_without_a_place_is_at_its_item() -> None:
    (found,) = diagnostics([said("warning", 0, 0)], "a.yaml", LINES)
    assert (found.line, found.column, found.end, found.whole) == (0, 8, 11, True)
    (found,) = diagnostics([said("error", 0, 0, item="Other")], "a.yaml", LINES)
    assert (found.line, found.column) == (0, 0)


def test_places_beyond_the_text() -> None:
    (found,) = diagnostics([said("error", 99, 99)], "a.yaml", LINES)
    assert found.line == 3
    (found,) = diagnostics([said("error", 1, 1)], "a.yaml", [])
    assert (found.line, found.column) == (0, 0)


def test_counts() -> None:
    assert by_item([said("error", 1, 1), said("warning", 1, 1), said("note", 1, 1)]) == {
        "One": (1, 1)
    }


def test_what_is_short_comes_first() -> None:
    assert in_short("wrong", "") == "wrong"
    assert in_short("wrong", "do\n this") == "wrong — do this"
    long = "expected one of " + ", ".join(map(str, range(100)))
    said = in_short(long, "an operator should stand here")
    assert (
        said.startswith("an operator should stand here (expected one of 0, 1") and len(said) < 100
    )
