from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.yaml import MAX_NODES, YamlError, load_document, load_documents, read_text

RULES = """\
- rule: a
  condition: >
    evt.type = open
      and x
    and proc.name = "héé"
  quoted: "a\\x41 b \\
     c\\"d"
  single: 'it''s
    ok'
  block: |-
    one
    two
  comps: [=]
"""


def item():
    return load_documents(RULES, "rules.yaml")[0].items[0]


def test_values_are_text() -> None:
    rule = item()
    assert rule.get("condition").text == 'evt.type = open\n  and x\nand proc.name = "héé"\n'
    assert rule.get("quoted").text == 'aA b c"d'
    assert [node.text for node in rule.get("comps").items] == ["="]
    assert rule.get("absent") is None


@pytest.mark.parametrize(
    ("key", "word", "line", "column"),
    [
        ("rule", "a", 1, 9),
        ("condition", "evt", 3, 5),
        ("condition", "x", 4, 11),
        ("condition", "proc.name", 5, 9),
        ("condition", '"h', 5, 21),
        ("quoted", 'c"d', 7, 6),
        ("quoted", "A", 6, 13),
        ("single", "s", 8, 16),
        ("single", "ok", 9, 5),
        ("block", "two", 12, 5),
    ],
)
def test_locate(key: str, word: str, line: int, column: int) -> None:
    node = item().get(key)
    place = node.locate(node.text.index(word))
    assert (place.file, place.line, place.column) == ("rules.yaml", line, column)
    assert place.source_line == RULES.split("\n")[line - 1]


def test_locate_past_the_end() -> None:
    place = item().get("condition").locate(10_000)
    assert (place.line, place.column) == (5, 26)


def test_locate_counts_every_kind_of_line_end() -> None:
    node = load_document("a: >\r\n  one\r\n  two\r\n").get("a")
    place = node.locate(node.text.index("two"))
    assert (place.line, place.column, place.source_line) == (3, 3, "  two")


def test_byte_offset() -> None:
    text = "é: 1\nab: ü\nz: 3\n"
    node = load_document(text)
    z = node.pairs[2][0]
    assert node.source.byte_offset(z.index) == len(text[: z.index].encode()) == 13


def test_the_first_of_two_equal_keys_counts_and_the_second_is_told() -> None:
    node = load_document("a: 1\nb: 2\na: 3\n")
    assert node.get("a").text == "1"
    assert [(key.text, key.line) for key in node.duplicates()] == [("a", 3)]
    assert len(node.pairs) == 3


def test_no_merge_keys() -> None:
    node = load_documents("base: &b {x: 1}\nuse: {<<: *b}\n")[0]
    assert list(node.get("use").keys()) == ["<<"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("true", "True", "TRUE", "yes", "on", "ON", "y", "Y")),
        *((word, False) for word in ("false", "No", "off", "n")),
        *((word, None) for word in ("tRUE", "1", "0", "maybe", "yEs", "[true]", "~")),
    ],
)
def test_booleans(text: str, value: bool | None) -> None:
    assert load_document(text).as_bool() is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), ("-3", -3), ("+4", 4), ("0x1F", 31), ("017", 15), ("0", 0), ("'5'", 5),
     ("1.0", None), ("08", None), ("0o7", None), ("1e3", None), ("a", None), ("9" * 200, None)],
)  # fmt: skip
def test_integers(text: str, value: int | None) -> None:
    assert load_document(text).as_int() == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.5", 1.5), (".5", 0.5), ("2", 2.0), ("1e3", 1000.0), ("-.inf", float("-inf")),
     ("x", None), ("1_0", None), ("nan", None)],
)  # fmt: skip
def test_floats(text: str, value: float | None) -> None:
    assert load_document(text).as_float() == value


def test_nulls() -> None:
    node = load_document("a:\nb: ~\nc: null\nd: 'null'\ne: ''\n")
    assert [value.kind for _, value in node.pairs] == ["null", "null", "null", "scalar", "scalar"]


def test_documents() -> None:
    assert load_documents("") == []
    assert [node.line for node in load_documents("a: 1\n---\nb: 2\n")] == [1, 3]
    assert load_document("# nothing\n").is_null


def test_alias_is_the_node_itself() -> None:
    node = load_document("a: &x [1, 2]\nb: *x\n")
    assert node.get("a") is node.get("b")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("a: b: c", 1, 5, "mapping values"),
        ("a: 1\nb: [1,\n", 3, 1, "flow"),
        ("a: *x", 1, 4, "alias 'x' is not defined"),
        ("a: &x [*x]", 1, 8, "refers to itself"),
        ("a: \x07", 1, 4, "control characters"),
        ("a: \udcff", 1, 4, "UTF-8"),
        ("a: &x 1\n---\nb: *x\n", 3, 4, "alias 'x'"),
    ],
)
def test_refusals_point(text: str, line: int, column: int, message: str) -> None:
    with pytest.raises(YamlError, match=message) as caught:
        load_documents(text, "f.yaml")
    place = caught.value.place
    assert place is not None
    assert (place.file, place.line, place.column) == ("f.yaml", line, column)
    str(caught.value).encode()


@pytest.mark.parametrize(
    "text",
    ["[" * 1_000_000, "{a: " * 100_000, "- " * 100_000, "? " * 100_000, "a: " * 100_000],
    ids=["flow", "maps", "sequences", "keys", "values"],
)
def test_deep_texts_are_refused_at_once(text: str) -> None:
    start = time.process_time()
    with pytest.raises(YamlError):
        load_documents(text)
    assert time.process_time() - start < 5


def test_alias_bomb_is_refused() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefghi", "bcdefghij", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    with pytest.raises(YamlError, match=str(MAX_NODES)):
        load_documents("\n".join(lines))


def test_read_text(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    for data in ("é".encode(), "\ufeffé".encode(), "é".encode("utf-16")):
        file.write_bytes(data)
        assert read_text(file) == "é"
    file.write_bytes(b"a\xff")
    assert read_text(file) == "a\ufffd"
    with pytest.raises(YamlError, match="No such file"):
        read_text(tmp_path / "absent")
    with pytest.raises(YamlError, match="directory"):
        read_text(tmp_path)


def test_tabs_may_indent() -> None:
    text = "a:\n\t- x: 1\n\t  y: one\n\t\t  two\n\t-\tz\nb: 2\n\n\t"
    node = load_document(text)
    first, second = node.get("a").items
    assert [first.get("x").text, first.get("y").text, second.text] == ["1", "one two", "z"]
    assert node.get("b").text == "2"
    assert (first.line, first.column, second.column) == (2, 4, 4)
    assert first.get("y").locate(4).line == 4


def test_tabs_in_block_scalars_are_content() -> None:
    node = load_document("a: |\n  x\n  \ty\n\nb: 1\n\t")
    assert node.get("a").text == "x\n\ty\n"


def test_a_tab_does_not_excuse_other_errors() -> None:
    with pytest.raises(YamlError, match="mapping values"):
        load_document("a: b: c\n\t")


PIECES = ["a", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&x ", "*x", "|", ">", '"',
          "'", "#", "!!str ", "? ", "---\n", "...", "%", "\\", "é", "\x00", "\ud800", "<<", "=",
          "\r", "~"]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=25).map("".join)))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        documents = load_documents(text, "f.yaml")
    except YamlError as error:
        str(error).encode()
        return
    stack = list(documents)
    while stack:
        node = stack.pop()
        assert node.place.line >= 1
        for offset in range(len(node.text) + 2):
            assert node.locate(offset).line >= node.line
        stack.extend(node.items)
        stack.extend(side for pair in node.pairs for side in pair)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text(st.characters(codec="ascii", exclude_characters="\\\"'"), min_size=1, max_size=8),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from("|>'\""),
)
def test_locate_finds_each_word_where_it_stands(words: list[str], style: str) -> None:
    words = [word for word in ("".join(filter(str.isalnum, word)) for word in words) if word]
    body = "\n   ".join(words)
    text = f"a: {style}\n   {body}\n" if style in "|>" else f"a: {style}{body}{style}\n"
    node = load_document(text).get("a")
    offset = 0
    for number, word in enumerate(words):
        offset = node.text.index(word, offset)
        place = node.locate(offset)
        assert place.line == number + (2 if style in "|>" else 1)
        assert place.source_line[place.column - 1 :].startswith(word)
        offset += len(word)
