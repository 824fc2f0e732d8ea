from __future__ import annotations

import pytest

from engine.language import format_condition, parse


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("a.b=1", "a.b = 1"),
        ("a.b=''", 'a.b = ""'),
        ('a.b in ("a,b","(c)",d)', 'a.b in ("a,b", "(c)", d)'),
        ("a or(b and c)", "a or b and c"),
        ("a and(b or c)", "a and (b or c)"),
        ("(a and b)and c", "(a and b) and c"),
        ("not(a.b=1)", "not a.b = 1"),
        ("not(a or b)", "not (a or b)"),
        ("not(not a)", "not (not a)"),
        ("join('-',(a.b,c.d))[\"x\"]>0x1F", 'join("-", (a.b, c.d))[x] > 0x1F'),
        (r'a.b = "\xff\x00"', r'a.b = "\xff\x00"'),
        (r'a.b = "\x5c"', r'a.b = "\x5c"'),
        (r'a.b = "\\a"', r'a.b = "\\a"'),
    ],
)
def test_short_conditions_stay_on_a_line(text: str, formatted: str) -> None:
    assert format_condition(parse(text)) == formatted


def test_long_conditions_break_at_and_and_or() -> None:
    text = (
        "spawned_process and (proc.name in (aaaa, bbbb, cccc, dddd, eeee) or not (proc.exe = x "
        "or proc.cmdline contains 'one two')) and container"
    )
    assert format_condition(parse(text), 40).split("\n") == [
        "spawned_process",
        "and (",
        "  proc.name in (",
        "    aaaa, bbbb, cccc, dddd, eeee",
        "  )",
        "  or not (",
        "    proc.exe = x",
        '    or proc.cmdline contains "one two"',
        "  )",
        ")",
        "and container",
    ]
