"""Regular expressions in RE2's POSIX syntax."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from engine.constants import BadConstant
from engine.regex import translate


def matches(pattern: str, *texts: str) -> list[bool]:
    found: list[bool] = pc.match_substring_regex(pa.array(texts), translate(pattern)).to_pylist()
    return found


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a|ab", "ab", True),
        ("a**", "aaa", True),
        ("(ab)+?", "", True),
        ("a{2}{2}", "aaaa", True),
        ("a{2}{2}", "aaa", False),
        ("[]a]+", "]a", True),
        ("[^a]", "b", True),
        ("[[:digit:]-]+", "1-2", True),
        ("^a$", "a", True),
        ("a\n^b", "a\nb", True),
        (".", "\n", False),
        (".", "é", True),
        (r"\.\x41\101", ".AA", True),
        ("a{,2}", "a{,2}", True),
        ("", "", True),
    ],
)
def test_whole_text(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) == [expected]


@pytest.mark.parametrize(
    "pattern",
    [
        r"\d", r"[\d]", r"\bx", r"\Aa", r"\pN", r"\Qa\E", "(?i)a", "(?:a)", "(", ")", "*a", "a|*",
        "[z-a]", "[a", "[a-c-e]", "a{1001}", "{1}", "\\", r"\1", "\udcff",
    ],
)  # fmt: skip
def test_refused(pattern: str) -> None:
    with pytest.raises(BadConstant, match="invalid regex pattern"):
        translate(pattern)


def test_catastrophic_patterns_stay_linear() -> None:
    assert matches("(a|a)*b", "a" * 50_000) == [False]
    assert matches("(a*)*c", "a" * 50_000) == [False]
