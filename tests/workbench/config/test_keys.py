from __future__ import annotations

import pytest

from workbench.config import ConfigError, parse_config
from workbench.config.keys import Index, parse_key
from workbench.config.known import KNOWN
from workbench.config.tree import Mapping_


@pytest.mark.parametrize(
    ("key", "steps"),
    [
        ("a", ["a"]),
        ("a.b.c", ["a", "b", "c"]),
        ("a[3].b", ["a", Index(3), "b"]),
        ("a[1][2]", ["a", Index(1), Index(2)]),
        ("a[].b", ["a", Index(None), "b"]),
        (r"annotations.kubernetes\.io/role", ["annotations", "kubernetes.io/role"]),
        (r"a.example\[0]", ["a", "example[0]"]),
        (r"a.example\[0\]", ["a", "example[0]"]),
        (r"a.back\\slash", ["a", "back\\slash"]),
        ("a.", ["a"]),
    ],
)
def test_parse_key(key: str, steps: list[object]) -> None:
    assert parse_key(key) == steps


@pytest.mark.parametrize(
    "key",
    ["", ".a", "a..b", "[0]", "a[x]", "a[-1]", "a[0", "a[0]b", "a\\", "a\\x", "a[99999999999]"],
)
def test_bad_keys(key: str) -> None:
    with pytest.raises(ValueError, match=r"pos|index|empty"):
        parse_key(key)


def values(*options: str, text: str = "") -> Mapping_:
    return parse_config(text, options).tree


def plain(value: object) -> object:
    if hasattr(value, "entries"):
        return {key: plain(below) for key, below in value.entries.items()}
    return [plain(item) for item in value.items] if hasattr(value, "items") else value.text


@pytest.mark.parametrize(
    ("text", "options", "tree"),
    [
        ("", ["a=1"], {"a": "1"}),
        ("", ["a=b=c"], {"a": "b=c"}),
        ("", ["a="], {"a": ""}),
        ("a: {b: 1, c: 2}", ["a.b=3"], {"a": {"b": "3", "c": "2"}}),
        ("a: [x, y]", ["a[1]=z"], {"a": ["x", "z"]}),
        ("a: [x]", ["a[1]=y", "a[]=z"], {"a": ["x", "y", "z"]}),
        ("", ["a[].b.c=1", "a[].b.c=2"], {"a": [{"b": {"c": "1"}}, {"b": {"c": "2"}}]}),
        ("a:", ["a.b=1"], {"a": {"b": "1"}}),
        ("a: x", ["a={b: [1, {c: d}]}"], {"a": {"b": ["1", {"c": "d"}]}}),
        ("a: &x {b: 1}\nc: *x", ["c.b=2"], {"a": {"b": "1"}, "c": {"b": "2"}}),
    ],
)
def test_options(text: str, options: list[str], tree: object) -> None:
    assert plain(values(*options, text=text)) == tree


@pytest.mark.parametrize(
    ("text", "option", "message"),
    [
        ("", "nothing", "Must be of the form key=val"),
        ("a: x", "a.b=1", "no map"),
        ("a: {b: 1}", "a[0]=1", "no list"),
        ("a: [x]", "a[5]=1", r"the next is \[1\]"),
        ("", "a[x]=1", 'Config error at key "a.x.": expected a numeric index'),
        ("", "a={b: c: d}", "not valid YAML"),
    ],
)
def test_bad_options(text: str, option: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parse_config(text, [option])
    assert "-o " in str(caught.value)


def test_a_value_given_by_option_is_not_expanded() -> None:
    config = parse_config("", ["a=${HOME}"], environment={"HOME": "x"})
    assert config.text("a") == "${HOME}"


def test_every_boolean_we_read_is_known() -> None:
    assert {key for key, shape in KNOWN.items() if shape == "bool"} >= {
        "json_output", "watch_config_files", "time_format_iso_8601", "buffer_format_base64",
    }  # fmt: skip
