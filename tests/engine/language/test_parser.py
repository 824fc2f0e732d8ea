from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.language import (
    ConditionError,
    ast,
    format_condition,
    grammar,
    parse,
    scan_field,
    to_string,
    walk,
)
from tests.engine.language.strategies import exprs


@settings(max_examples=300, deadline=None)
@given(exprs, st.integers(10, 120))
@example(parse('a.b in ("\\b")'), 10)
@example(parse('a.b in ("\x1f", "\x1f")'), 10)  # white space to Python, not to the grammar
def test_what_is_formatted_parses_back_equal(tree: ast.Expr, width: int) -> None:
    text = format_condition(tree, width)
    assert parse(text) == tree
    assert parse(" ".join(text.split("\n"))) == tree or "\n" in repr(tree)


WORDS = [
    *grammar.OPERATORS, *grammar.KEYWORDS, *grammar.MODIFIERS, "tolower(", "val(", "join(",
    "proc.name", "k8s.audit.x", "[*]", "[", "]", "(", ")", ",", "'", '"', "\\", "\\x", "0x1", "-1",
    "a", ".b", " ", "\n", "\t", "\0", "\udcff", "é",
]  # fmt: skip


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=60), st.lists(st.sampled_from(WORDS), max_size=25).map("".join)))
def test_any_text_parses_or_is_refused(text: str) -> None:
    try:
        tree = parse(text, file="f.yaml", line=3, column=7)
    except ConditionError as error:
        assert error.place is not None
        assert error.place.line >= 3
        assert 0 <= error.pos.index <= len(text)
        assert str(error)
    else:
        to_string(tree)
        assert parse(format_condition(tree)) == tree or depth_limit_is_near(tree)


def depth_limit_is_near(tree: ast.Expr) -> bool:
    return format_condition(tree).count("(") > 15


@settings(max_examples=200, deadline=None)
@given(exprs)
def test_canonical_text_of_tame_trees_parses_back(tree: ast.Expr) -> None:
    try:
        again = parse(to_string(tree))
    except ConditionError:
        return  # upstream's form loses some constants; the formatter is for those
    lists = [check.right for check in walk.checks(tree) if isinstance(check, ast.Binary)]
    if any(isinstance(items, ast.ValueList) and "," in "".join(items.items) for items in lists):
        return  # an item that holds a comma prints bare, as two items
    assert to_string(again) == to_string(tree) or "not not" in to_string(tree)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "not " * 250_000,
        "not(" * 100_000,
        "a" * 1_000_000,
        "a." * 500_000,
        "a.b" + ".c" * 500_000 + " = ",
        "a.b = " + "x" * 1_000_000 + '"',
        'a.b = "' + "\\" * 1_000_000,
        'a.b = "' + '\\"' * 500_000,
        "a.b in (" + "x, " * 300_000,
        "a.b in (" + '"x" ,' * 200_000 + ")",
        "a or " * 200_000 + "a",
        "tolower(" * 100_000,
        "join((" * 100_000,
        "a.b" + "[*].c" * 200_000 + " exists",
        "a.b" + "[0]" * 300_000,
        "a.b = oneof " * 80_000,
        " " * 1_000_000,
        "a.b > " + "1" * 1_000_000,
        "\n" * 300_000 + "a.b >",
        "a.b[" + "x" * 1_000_000,
    ],
    ids=lambda text: f"{text[:12]!r}",
)
def test_hostile_texts_take_linear_time(text: str) -> None:
    start = time.process_time()
    length = 0
    try:
        parse(text)
    except ConditionError as error:
        length = len(str(error))
    assert length < 2000
    assert time.process_time() - start < 10


def refused(text: str) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        parse(text, file="rules.yaml", line=10, column=5)
    return caught.value


def test_an_error_points_into_its_line() -> None:
    error = refused("proc.name = cat and\n  fd.name ~ x")
    assert (error.pos.index, error.pos.line, error.pos.column) == (30, 2, 11)
    assert str(error).splitlines() == [
        "rules.yaml:11:11: " + error.message,
        "    fd.name ~ x",
        "            ^",
        "  did you mean 'regex'?",
    ]


def test_an_error_in_the_first_line_is_placed_after_what_stands_before() -> None:
    error = refused("proc.name cat")
    lines = str(error).splitlines()
    assert lines[0].startswith("rules.yaml:10:15: expected a valid check operator: one of 'exists'")
    assert lines[1].index("cat") == lines[2].index("^")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("proc.name containz x", "did you mean 'contains'?"),
        ("proc.name startswithx", "put a blank after 'startswith'"),
        ("proc.name CONTAINS x", "lower case: 'contains'"),
        ("proc.name like x", "did you mean 'glob'?"),
        ("proc.name", "an operator should stand, such as"),
        ("proc.name and x", "'exists' asks"),
        ("tolwer(proc.name) = x", "did you mean the transformer 'tolower('?"),
        ("proc.name == oneof(a)", "put a blank after 'oneof'"),
        ("frob(proc.name) = x", "'frob' is no transformer; known are tolower"),
        ("macro = 1", "'macro' is read as a macro"),
        ("a andd b", "put a blank after 'and'"),
        ("a adn b", "did you mean 'and'?"),
        ("a OR b", "'or' is written in lower case"),
        ("a && b", "did you mean 'and'?"),
        ("a)", "closes nothing"),
        ("(a or b", "never closed"),
        ("a.b = 'x", "the quoted string is never closed"),
        ("a.b = ", "ends where"),
        ("a.b > many", "compare with a number"),
        ("!a", "write 'not' for '!'"),
        ("1a.b = 2", "is no field name"),
        ("a.b = two words", "needs quotes"),
    ],
)
def test_hints(text: str, hint: str) -> None:
    assert hint in refused(text).hint


@pytest.mark.parametrize(
    ("text", "field", "rest"),
    [
        ("proc.name", ast.Field("proc.name"), ""),
        ("proc.aname[2] = x", ast.Field("proc.aname", "2"), " = x"),
        ("a.b[*].c.d", ast.Field("a.b[*].c.d"), ""),
        ("a.b[*].c[0].d[x]", ast.Field("a.b[*].c[0].d[x]"), ""),
        ("a.b[0][1]", ast.Field("a.b[0][1]"), ""),
        ("a.b['k/v'].c", ast.Field('a.b["k/v"].c'), ""),
        ("a.b['say \"x\"'].c", ast.Field('a.b["say \\"x\\""].c'), ""),
        ('a.b["k/v"]', ast.Field("a.b", "k/v"), ""),
        ("a.b[*]", ast.Field("a.b", "*"), ""),
        ("a.b[*]. end", ast.Field("a.b", "*"), ". end"),
        ("a.b.c, more", ast.Field("a.b.c"), ", more"),
        ("a.b.", ast.Field("a.b"), "."),
    ],
)
def test_scan_field(text: str, field: ast.Field, rest: str) -> None:
    found, end = scan_field("%" + text, 1)
    assert found == field
    assert ("%" + text)[end:] == rest


def test_scan_field_without_paths_stops_at_the_bracket() -> None:
    found, end = scan_field("proc.aname[2].exe[1]", paths=False)
    assert (found, end) == (ast.Field("proc.aname", "2"), 13)


@pytest.mark.parametrize("text", ["", "proc", ".a", "a.b[", "a.b[]", "a.b[x", "a.b[0][", "1.a"])
def test_scan_field_refuses(text: str) -> None:
    with pytest.raises(ConditionError):
        scan_field(text)


def test_path_fields_in_conditions() -> None:
    path = "k8s.audit.response.spec.containers[*].securityContext.privileged"
    assert parse(f"{path} = true") == ast.Binary(ast.Field(path), "=", ast.Value("true"))
    assert parse(f"tolower({path}) in (a)").left.args == (ast.Field(path),)
    assert parse(f"a.b = val({path})").right.args == (ast.Field(path),)
    assert to_string(parse(f"{path} exists")) == f"{path} exists"


def test_a_bad_escape_empties_a_list_as_upstream_has_it() -> None:
    assert parse(r'a.b in ("\q")') == ast.Binary(ast.Field("a.b"), "in", ast.ValueList(()))


def test_columns_start_anew_after_either_line_end() -> None:
    tree = parse("a.b = 1\r\nand c.d\n= 2")
    right = tree.children[1]
    assert (right.pos.index, right.pos.line, right.pos.column) == (13, 3, 5)
    assert (right.right.pos.line, right.right.pos.column) == (4, 3)
