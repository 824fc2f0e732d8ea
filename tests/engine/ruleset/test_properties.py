"""Whatever stands in a file, loading it gives a result; and lists go in as the plain way says."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.ruleset.lists import ExpandedList, substitute
from engine.ruleset.report import as_json, as_text
from engine.ruleset.text import Text
from tests.engine.ruleset.support import load

KEYS = (
    "rule", "macro", "list", "items", "condition", "output", "desc", "priority", "source", "tags",
    "enabled", "append", "override", "exceptions", "name", "fields", "comps", "values", "version",
    "required_engine_version", "required_plugin_versions", "alternatives", "capture_duration",
    "warn_evttypes", "skip-if-unknown-filter", "other",
)  # fmt: skip
WORDS = (
    "a", "m", "l", "", "x y", "true", "false", "append", "replace", "INFO", "syscall", "0.1.0",
    "evt.type = open", "m and a.b = 1", "a.b in (l, m)", "or a.b exists", "(", "=", "in", "\x00ä\n",
    "startswith oneof", "%a.b", "<NA>", "ka.x = <NA>", "evt.dir = <",
)  # fmt: skip

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 70), st.sampled_from(WORDS)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=12,
)
whole_rules = st.fixed_dictionaries(
    {
        "rule": st.sampled_from(("a", "b")),
        "desc": st.just("d"),
        "condition": st.sampled_from(WORDS),
        "output": st.just("o"),
        "priority": st.just("INFO"),
    },
    optional=dict.fromkeys(("exceptions", "override", "tags", "enabled", "append"), values),
)
items = st.one_of(values, whole_rules, st.dictionaries(st.sampled_from(KEYS), values, max_size=6))


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.lists(items, max_size=6), min_size=1, max_size=3))
def test_any_structure_gives_a_result(files: list[list[object]]) -> None:
    result = load(*(json.dumps(file) for file in files), keep_going=True)
    assert len(result.files) == len(files)
    for file in result.files:
        assert len(file.errors) <= 1
        assert as_text(file, result.contents).startswith(f"{file.name}: ")
        for message in file.messages:
            assert message.place.file.endswith(".yaml")
    json.dumps(as_json(result))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=300))
def test_any_text_gives_a_result(text: str) -> None:
    (file,) = load(text).files
    assert file.name == "1.yaml"


def plainly(condition: str, name: str, items: list[str]) -> str:
    """One list put in, step by step on the whole string: the slow way, for comparison."""
    blanks, delimiters = " \t\n\r", " \t\n\r(),="
    made = ", ".join(
        f'"{item}"' if " " in item and item[0] not in "\"'" else item for item in items
    )
    start = condition.find(name)
    while start >= 0:
        end = start + len(name)
        free_before = start == 0 or condition[start - 1] in delimiters
        free_after = end >= len(condition) or condition[end] in delimiters
        if free_before and free_after:
            while start > 0 and condition[start - 1] in blanks:
                start -= 1
            while end < len(condition) and condition[end] in blanks:
                end += 1
            if not made:
                if start > 0 and condition[start - 1] == ",":
                    start -= 1
                elif end < len(condition) and condition[end] == ",":
                    end += 1
            before = condition[:start] + " " if start else ""
            condition = f"{before}{made} {condition[end:]}"
            start += len(made) + 1
        start = condition.find(name, start + 1)
    return condition


@settings(max_examples=500, deadline=None)
@given(
    st.text(alphabet="ab (),=\n", max_size=40),
    st.sampled_from(("a", "ab", "aa", "a b", "(a")),
    st.lists(st.sampled_from(("a", "b", "x y", "'q r'", "ab")), max_size=3),
)
def test_lists_go_in_as_the_plain_way_says(condition: str, name: str, items: list[str]) -> None:
    each = ExpandedList(name, tuple(map(Text.of, items)))
    assert substitute(Text.of(condition), [each]).value == plainly(condition, name, items)
