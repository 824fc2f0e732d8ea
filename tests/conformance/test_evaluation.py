"""Conditions compiled and evaluated: kinds ``compile``, ``eval``, ``pmatch``, ``transform``,
``path_join``.

Every case is put both to the columnar evaluator, as a segment of that one event, and to the plain
reference. Cases of the syscall world give the values of the fields they use (``mock_fields``), so
none needs the state engine; the few that give none are checked for compiling only.
"""

from __future__ import annotations

import re
import socket
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from capture.errors import FalcowbError
from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.compile import compile_condition
from engine.evaluate import Evaluator
from engine.fields.catalogue import Catalogue
from engine.fields.model import Argument, FieldInfo, FieldRef, FieldType
from engine.language import ast
from engine.language.parser import parse
from engine.language.walk import fields
from engine.multivalue import MULTI_TRANSFORMERS
from engine.paths import join_paths
from engine.plan import Plan
from engine.segments import TableSegment, column_key
from engine.transformers import TRANSFORMERS
from tests.conformance.cases import Case, engine_cases
from tests.reference import Reference, Scalar, Value

TEXT = FieldType.CHARBUF

#: The fields that upstream's own tests make up.
MOCK = [
    FieldInfo("test.int64", FieldType.INT64),
    FieldInfo("test.charbuf", TEXT),
    FieldInfo("test.bytebuf", FieldType.BYTEBUF),
    FieldInfo("test.list", TEXT, is_list=True, properties=frozenset({"no_transformer"})),
    FieldInfo("test.another_list", TEXT, is_list=True),
    FieldInfo("test.more_than_256", TEXT),
    FieldInfo("test.base64", TEXT),
    FieldInfo("test.path", TEXT),
    FieldInfo("sample.is_open", FieldType.UINT64),
    FieldInfo("sample.open_count", FieldType.UINT64),
    FieldInfo("sample.proc_name", TEXT),
    FieldInfo("sample.tick", TEXT),
    FieldInfo("c.true", TEXT),
    FieldInfo("c.false", TEXT),
    FieldInfo("c.doublequote", TEXT),
    FieldInfo("c.singlequote", TEXT),
    FieldInfo("c.buffer", FieldType.BYTEBUF),
]
CATALOGUE = Catalogue.native().with_fields(MOCK, ["syscall"])


def written(expr: ast.Expr) -> dict[str, FieldRef]:
    refs = [CATALOGUE.lookup(field.name, field.arg, "syscall") for field in fields(expr)]
    return {ref.text: ref for ref in refs}


def raw(value: Any, type_: FieldType) -> Value:
    """A value of the case file as an event holds it."""
    if isinstance(value, list):
        return [one for item in value if isinstance(one := raw(item, type_), Scalar)]
    if isinstance(value, dict):
        return bytes.fromhex(value["bytes_hex"]) if "bytes_hex" in value else value["value"]
    if isinstance(value, bool) and type_.physical != "?":
        return int(value)
    if isinstance(value, str):
        if type_ is FieldType.IPADDR or type_ is FieldType.IPNET:
            family = socket.AF_INET if "." in value else socket.AF_INET6
            return socket.inet_pton(family, value)
        if type_.physical in "iu":
            return int(value, 0)
        if type_.physical == "?":
            return value == "true"
        return value.encode("utf-8", "surrogateescape")
    return str(value).encode() if value is not None and type_.physical == "b" else value


def one_row(value: Value, type_: FieldType, several: bool) -> Column:
    """The column of one event."""
    if several:
        items = value if isinstance(value, list) else [] if value is None else [value]
        inner = scalars(items, type_)
        valid = np.array([value is not None])
        return ListColumn(np.array([0, len(items)], np.int64), inner, valid)
    assert not isinstance(value, list)
    return scalars([value], type_)


def scalars(values: list[Any], type_: FieldType) -> BytesColumn | NumberColumn:
    present = np.array([value is not None for value in values], np.bool_)
    if type_.physical == "b":
        codes = np.where(present, np.arange(len(values)), -1).astype(np.int32)
        return BytesColumn(codes, pa.array([value or b"" for value in values], pa.binary()))
    filled = [0 if value is None else value for value in values]
    dtype = {"i": np.int64, "u": np.uint64, "f": np.float64, "?": np.bool_}[type_.physical]
    if type_.physical == "u" and any(value < 0 for value in filled):
        dtype = np.int64  # evt.rawarg: the event's own type may be another than the name's
    return NumberColumn(np.array(filled, dtype), present)


def event_of(case: Case, refs: dict[str, FieldRef]) -> dict[str, Value]:
    mock = case.get("mock_fields") or {}
    event: dict[str, Value] = {}
    for text, ref in refs.items():
        assert text in mock, f"the case gives no value for {text}"
        # Two fields of upstream's tests answer every comparison alike.
        value = {"c.true": "1", "c.false": "0"}.get(text, mock[text])
        event[text] = raw(value, ref.info.type)
    return event


def several(ref: FieldRef, value: Value) -> bool:
    marks = ref.info.properties
    return ref.is_list or "either" in marks or ("any" in marks and ref.arg is None)


def fast(expr: ast.Expr, event: dict[str, Value], refs: dict[str, FieldRef]) -> bool:
    columns = {
        column_key(ref): one_row(event[text], ref.info.type, several(ref, event[text]))
        for text, ref in refs.items()
    }
    plan = Plan(CATALOGUE, "syscall", [("rule", expr)])
    verdicts = Evaluator(plan).judge(TableSegment(1, columns))
    return len(verdicts.rows[0]) == 1


@pytest.mark.parametrize("case", engine_cases("eval", "pmatch"))
def test_evaluate(case: Case) -> None:
    expr = parse(case["filter"])
    refs = written(expr)
    event = event_of(case, refs)
    assert fast(expr, event, refs) == case["expect"]
    assert Reference(CATALOGUE, "syscall").matches(expr, event) == case["expect"]


@pytest.mark.parametrize("case", engine_cases("compile"))
def test_compile(case: Case) -> None:
    remarks: list[Any] = []
    if case["expect"] != "ok":
        with pytest.raises(FalcowbError) as caught:
            compile_condition(parse(case["filter"]), CATALOGUE, "syscall")
        if "error" in case:
            assert caught.value.message == case["error"]
        return
    compile_condition(parse(case["filter"]), CATALOGUE, "syscall", remarks=remarks)
    if "expect_warnings" in case:
        assert len(remarks) == case["expect_warnings"]


@pytest.mark.parametrize("case", engine_cases("transform"))
def test_transform(case: Case) -> None:
    name = case["transformer"]
    if "args" in case:
        transformer = MULTI_TRANSFORMERS[name]
        lists = [text.startswith("list") for text in case["args"]]
        assert transformer.refusal([True] * len(lists), lists) == ""
        assert transformer.refusal([True] * len(lists), [not one for one in lists])
        return
    single = TRANSFORMERS[name]
    if "supported_input_types" in case:
        taken = {type_.value for type_ in FieldType if single.result(type_, False)}
        assert taken == set(case["supported_input_types"])
        return
    type_ = FieldType[case["input_type"]]
    is_list = case["input_is_list"]
    given = raw(case["input"], type_)
    result = single.result(type_, is_list)
    assert result is not None and result[0].value == case["expect_type"]
    column = single.column(one_row(given, type_, isinstance(given, list)), is_list)
    assert values_of(column) == raw(case["expect_output"], result[0])


def values_of(column: Column) -> Value:
    """The value of the only row."""
    if isinstance(column, ListColumn):
        values = [one_of(column.items, place) for place in range(len(column.items))]
        return [one for one in values if one is not None]
    return one_of(column, 0)


def one_of(column: BytesColumn | NumberColumn, row: int) -> Scalar | None:
    if isinstance(column, NumberColumn):
        return column.values[row].item()
    code = column.codes[row]
    return None if code < 0 else column.values[int(code)].as_py()


@pytest.mark.parametrize("case", engine_cases("path_join"))
def test_path_join(case: Case) -> None:
    joined = join_paths(given(case, "path1"), given(case, "path2"))
    assert joined == given(case, "expect")


def given(case: Case, key: str) -> bytes:
    """A text of a case: as it is, in hexadecimal, or as a character and how often."""
    if f"{key}_bytes_hex" in case:
        return bytes.fromhex(case[f"{key}_bytes_hex"])
    if f"{key}_generator" in case:
        repeated = re.fullmatch(r"'(.)' \* ([0-9]+)", case[f"{key}_generator"])
        assert repeated is not None
        return repeated[1].encode() * int(repeated[2])
    return str(case[key]).encode()


def test_argument_is_needed() -> None:
    """Guards the helper above: a field with a required argument has no column of its own."""
    info = FieldInfo("x.y", TEXT, argument=Argument(required=True, key=True))
    with pytest.raises(FalcowbError):
        Catalogue.native().with_fields([info]).lookup("x.y")
