"""The filter grammar against upstream's own cases."""

from __future__ import annotations

import re

import pytest

from engine.language import ConditionError, ast, escape, parse, to_string, unescape
from engine.language.escape import unescape_bytes
from engine.language.parser import Parser
from engine.language.walk import walk
from tests.conformance.cases import Case, engine_cases


def text_of(case: Case) -> str:
    if "filter" in case:
        return str(case["filter"])
    match = re.fullmatch(r"'(.*)' repeated (\d+) times", case["filter_generator"])
    assert match, case["filter_generator"]
    return match[1] * int(match[2])


def variants(case: Case) -> list[str]:
    text = text_of(case)
    if not case.get("whitespace_variants"):
        return [text]
    padded = f" {text} "
    return [text, padded, padded.replace(" ", "\n"), padded.replace(" ", "\t")]


@pytest.mark.parametrize("case", engine_cases("parse"))
def test_parse(case: Case) -> None:
    if case["expect"] == "ok":
        for text in variants(case):
            parse(text)
        if "end_pos" in case:
            parser = Parser(text_of(case))
            parser.parse()
            assert end_pos(parser.lexer.pos()) == case["end_pos"]
        return
    for text in variants(case):
        with pytest.raises(ConditionError) as caught:
            parse(text)
        if "error" in case:
            assert caught.value.message == case["error"]


def end_pos(pos: ast.Pos) -> object:
    return {"idx": pos.index, "line": pos.line, "col": pos.column}


def shape(node: object) -> object:
    """A tree in the notation of the cases, fields with their argument always spelled out."""
    match node:
        case ast.And(children=children):
            return ["and", *map(shape, children)]
        case ast.Or(children=children):
            return ["or", *map(shape, children)]
        case ast.Not(child=child):
            return ["not", shape(child)]
        case ast.Identifier(name=name):
            return ["identifier", name]
        case ast.Value(text=text):
            return text
        case ast.ValueList(items=items):
            return ["list", *items]
        case ast.OperandList(items=items):
            return ["transformer_list", *map(shape, items)]
        case ast.Field(name=name, arg=arg):
            return ["field", name, arg]
        case ast.Transformer(name=name, args=args):
            return ["transformer", name, *map(shape, args)]
        case ast.Unary(left=left, op=op):
            return ["unary", shape(left), op]
        case ast.Binary(left=left, op=op, right=right):
            return ["binary", shape(left), op, shape(right)]
    raise AssertionError(node)


def spelled_out(tree: object) -> object:
    """The expected tree with bare names on the left written as fields."""
    if not isinstance(tree, list):
        return tree
    head, *rest = tree
    if head in ("unary", "binary") and isinstance(rest[0], str):
        rest[0] = ["field", rest[0], None]
    if head == "field":
        return [head, *rest]
    return [head, *map(spelled_out, rest)]


@pytest.mark.parametrize("case", engine_cases("ast"))
def test_ast(case: Case) -> None:
    for text in variants(case):
        assert shape(parse(text)) == spelled_out(case["expect_ast"])


@pytest.mark.parametrize("case", engine_cases("ast_equal"))
def test_ast_equal(case: Case) -> None:
    assert (parse(case["filter"]) == parse(case["other"])) is case["expect"]


KINDS = {
    ast.And: "and",
    ast.Or: "or",
    ast.Not: "not",
    ast.Identifier: "identifier",
    ast.Value: "value",
    ast.ValueList: "list",
    ast.OperandList: "transformer_list",
    ast.Field: "field",
    ast.Transformer: "transformer",
    ast.Unary: "unary",
    ast.Binary: "binary",
}


@pytest.mark.parametrize("case", engine_cases("positions"))
def test_positions(case: Case) -> None:
    visit = "".join(
        f"{KINDS[type(node)]}{node.pos.index} {node.pos.line} {node.pos.column}"
        for node in walk(parse(case["filter"]))
    )
    assert visit == case["expect_visit"]


@pytest.mark.parametrize("case", engine_cases("canonical"))
def test_canonical(case: Case) -> None:
    tree = parse(case["filter"])
    if "expect_string" in case:
        assert to_string(tree) == case["expect_string"]
    else:
        assert (parse(to_string(tree)) == tree) is case["expect_roundtrip_equal"]


@pytest.mark.parametrize("case", engine_cases("escape"))
def test_escape(case: Case) -> None:
    value = bytes.fromhex(case["value_hex"]).decode("utf-8", "surrogateescape")
    escaped = escape(value)
    if "expect_escaped_hex" in case:
        expected = bytes.fromhex(case["expect_escaped_hex"])
        assert escaped.encode("utf-8", "surrogateescape") == expected
    else:
        assert (unescape(escaped) == value) is case["expect_roundtrip_equal"]


@pytest.mark.parametrize("case", engine_cases("unescape"))
def test_unescape(case: Case) -> None:
    if case.get("expect") == "error":
        with pytest.raises(ValueError, match="escape"):
            unescape(case["escaped"])
    else:
        assert unescape_bytes(case["escaped"]) == bytes.fromhex(case["expect_value_hex"])
