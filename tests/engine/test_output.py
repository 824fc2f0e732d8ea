"""Parsing output formats: what stands after a percent sign, and what is refused."""

from __future__ import annotations

import contextlib
import time

import pytest

from engine.fields.catalogue import Catalogue
from engine.output import OutputError, OutputFormat
from tests.engine.columns import Plain, PlainSegment
from tests.engine.test_alerts import CATALOGUE


def parse(text: str, source: str = "syscall") -> OutputFormat:
    return OutputFormat.parse(text, Catalogue.native(), source)


def text(format_: str, **fields: Plain) -> str:
    values = {name.replace("__", "."): [value] for name, value in fields.items()}
    ((raw, _),) = parse(format_).render(PlainSegment(1, values)).texts()
    return raw.decode()


@pytest.mark.parametrize(
    ("format_", "shown"),
    [
        ("%proc.name", "init"),
        ("a%proc.name.b", "ainit.b"),
        ("%proc.namex", "initx"),
        ("%proc.name[", "init["),
        ("%proc.name[0]", "init[0]"),
        ("(%proc.name)", "(init)"),
        ("%proc.name%proc.name", "initinit"),
        ("%1proc.name|%006proc.name|", "i|init  |"),
        ("%0proc.name", "init"),
        ("no field", "no field"),
        ("*%proc.exe", "<NA>"),
        ("*%2proc.exe", "<N"),
        ("tab\t%proc.name\n", "tab\tinit\n"),
    ],
)
def test_texts(format_: str, shown: str) -> None:
    assert text(format_, proc__name="init") == shown


@pytest.mark.parametrize(
    ("format_", "message", "column"),
    [
        ("", "empty", 1),
        ("a %", "cannot end with a %", 3),
        ("%12", "cannot end with a number", 1),
        ("100% sure", "unknown filter: a field or a transformer must follow %", 5),
        ("%%proc.name", "must follow %", 2),
        ("%proc", "unknown filter", 2),
        ("x %some.field", "nonexistent field some.field", 4),
        ("%evt.arg.nothing", "unknown event argument nothing", 2),
    ],
)
def test_refusals(format_: str, message: str, column: int) -> None:
    with pytest.raises(OutputError, match=message) as caught:
        parse(format_)
    assert caught.value.pos.column == column


def test_the_nearest_name_is_told() -> None:
    with pytest.raises(OutputError) as caught:
        parse("%proc.nmae")
    assert "proc.name" in caught.value.hint


def test_fields_are_those_of_the_source() -> None:
    with pytest.raises(OutputError):
        OutputFormat.parse("%proc.name", CATALOGUE, "k8s_audit")
    assert OutputFormat.parse("%ka.verb %evt.num", CATALOGUE, "k8s_audit").names == [
        "ka.verb",
        "evt.num",
    ]


def test_a_bracket_that_is_no_argument_stays_text() -> None:
    output = OutputFormat.parse("%ka.verb[x].y %ka.verb.z", CATALOGUE, "k8s_audit")
    assert output.names == ["ka.verb", "ka.verb"]
    ((raw, _),) = output.render(PlainSegment(1, {"ka.verb": ["get"]})).texts()
    assert raw == b"get[x].y get.z"


def test_times_are_numbers_in_json() -> None:
    output = parse("%evt.time %evt.rawtime")
    events = PlainSegment(1, {"evt.time": ["12:00"], "evt.rawtime": [5]})
    assert output.render(events).json_texts() == [('{"evt.rawtime":5,"evt.time":5}', True)]
    assert parse("none").render(events).json_texts() == [("null", True)]


def test_the_first_missing_value_ends_it() -> None:
    output = parse("a=%proc.name b=%proc.exe c=%proc.name")
    events = PlainSegment(2, {"proc.name": ["x", "y"], "proc.exe": ["z", None]})
    rendered = output.render(events)
    assert rendered.texts() == [(b"a=x b=z c=x", True), (b"a=y b=", False)]
    assert rendered.fields()[1] == ({"proc.name": b"y"}, False)
    assert rendered.json_texts()[1] == ('{"proc.name":"y"}', False)


@pytest.mark.parametrize(
    "hostile",
    [
        "%proc.name" * 20_000,
        "%a" * 100_000,
        "%proc." + "a" * 200_000,
        "%proc.name[" + "a" * 200_000,
        "%" + "a." * 100_000,
        "%proc.name" + "[0]" * 50_000,
        "%toupper(" * 50_000,
        "%" + "toupper(" * 50_000,
        "%" + "9" * 200_000 + "proc.name",
        "\n" * 100_000 + "%x",
    ],
)
def test_hostile_formats_take_linear_time(hostile: str) -> None:
    start = time.process_time()
    with contextlib.suppress(OutputError):
        parse(hostile)
    assert time.process_time() - start < 10
