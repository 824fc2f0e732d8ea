"""Alerts made as columns of lines, against the same alerts made one by one."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.alerts import AlertFormatter, AlertOptions, Found
from engine.fields.catalogue import Catalogue
from engine.fields.model import Argument, FieldInfo, FieldType
from engine.ruleset.model import ExtraField, Priority
from tests.engine.columns import Plain, PlainSegment

SOURCE = "test"
CATALOGUE = Catalogue.native().with_fields(
    [
        FieldInfo("a.text", FieldType.CHARBUF, source=SOURCE),
        FieldInfo("a.texts", FieldType.CHARBUF, is_list=True, source=SOURCE),
        FieldInfo("a.buffer", FieldType.BYTEBUF, source=SOURCE),
        FieldInfo("a.number", FieldType.UINT64, source=SOURCE),
        FieldInfo("a.signed", FieldType.INT64, source=SOURCE),
        FieldInfo("a.flag", FieldType.BOOL, source=SOURCE),
        FieldInfo("a.double", FieldType.DOUBLE, source=SOURCE),
        FieldInfo("a.numbers", FieldType.UINT64, is_list=True, source=SOURCE),
        FieldInfo("a.address", FieldType.IPADDR, source=SOURCE),
        FieldInfo("a.path", FieldType.CHARBUF, True, Argument(required=True, key=True),
                  source=SOURCE, path=True),
    ],
    [SOURCE],
)  # fmt: skip

TEXTS = st.one_of(
    st.none(),
    st.sampled_from(["create", "pods", ""]),
    st.text(max_size=6),
    st.sampled_from([b'"', b"\\", b"\n", b"\x7f", b"a\0b", b"\xc3\xa9", b"\xc3", b"\xa9", b"\xff"]),
    st.binary(max_size=4),
)
UNSIGNED = st.one_of(st.none(), st.integers(0, 3), st.integers(0, 2**64 - 1))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "a.text": TEXTS,
    "a.texts": st.one_of(st.none(), st.lists(TEXTS.filter(lambda text: text is not None))),
    "a.buffer": TEXTS,
    "a.number": UNSIGNED,
    "a.signed": st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
    "a.flag": st.one_of(st.none(), st.booleans()),
    "a.double": st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)),
    "a.numbers": st.one_of(st.none(), st.lists(UNSIGNED.filter(lambda number: number is not None))),
    "a.address": st.one_of(st.none(), st.binary(min_size=4, max_size=4)),
}
FORMATS = st.lists(
    st.one_of(
        st.sampled_from([f"%{name}" for name in VALUES]),
        st.sampled_from([f"%{width}{name}" for name in VALUES for width in (2, 9)]),
        st.sampled_from(["%toupper(a.text)", "%join(\"-\", a.texts)", "%evt.time", "%evt.num"]),
        st.sampled_from(["x=", " ", '"', "\\", "é", "\n", "\udcff", "*"]),
    ),
    min_size=1,
    max_size=8,
).map("".join)  # fmt: skip
EXTRA = st.dictionaries(
    st.sampled_from(["a.text", "evt.time", "other", "é"]),
    st.one_of(
        FORMATS.map(lambda text: ExtraField(text, raw=False)),
        st.sampled_from(list(VALUES)).map(lambda name: ExtraField(f"%{name}", raw=True)),
        st.just(ExtraField("", raw=False)),
    ),
    max_size=2,
)
OPTIONS = st.builds(AlertOptions, *[st.booleans()] * 7)


def rule_of(output: str, extra: dict[str, ExtraField] | None = None, **more: Any) -> Any:
    known = {
        "name": 'A "rule"', "source": SOURCE, "priority": Priority.CRITICAL,
        "tags": frozenset({"k8s", "T1", "a"}), "output": output, "extra_fields": extra or {},
    }  # fmt: skip
    return SimpleNamespace(**{**known, **more})


def segment_of(columns: dict[str, list[Plain]], times: list[int]) -> PlainSegment:
    count = len(times)
    return PlainSegment(
        count,
        {
            **columns,
            "evt.num": list(range(count)),
            "evt.rawtime": list(times),
            "evt.time": [f"12:00:{n:02d}" for n in range(count)],
            "evt.time.iso8601": [f"2026-01-01T12:00:{n:02d}" for n in range(count)],
        },
    )


def lines_of(formatter: AlertFormatter, rule: Any, segment: Any, rows: Any) -> list[bytes]:
    found = Found(rule, segment, rows, np.arange(len(rows)))
    return b"".join(piece.to_pybytes() for piece in formatter.lines([found])).splitlines(True)


def expected(formatter: AlertFormatter, rule: Any, segment: Any, rows: Any) -> list[bytes]:
    alerts = formatter.alerts(rule, segment, rows)
    return [f"{formatter.line(each)}\n".encode("utf-8", "replace") for each in alerts]


@given(st.data(), FORMATS, EXTRA, OPTIONS)
def test_as_one_by_one(
    data: st.DataObject, output: str, extra: dict[str, ExtraField], options: AlertOptions
) -> None:
    times = data.draw(st.lists(st.integers(0, 2**62), min_size=1, max_size=5))
    columns = {
        name: data.draw(st.lists(values, min_size=len(times), max_size=len(times)), name)
        for name, values in VALUES.items()
    }
    segment, rows = segment_of(columns, times), np.arange(len(times))[data.draw(st.booleans()) :]
    rule = rule_of(output, extra)
    formatter = AlertFormatter(CATALOGUE, options, hostname='h"')
    lines = lines_of(formatter, rule, segment, rows)
    assert lines == expected(formatter, rule, segment, rows)


@pytest.mark.parametrize("as_json", [False, True])
def test_names_that_are_not_utf8(as_json: bool) -> None:
    rule = rule_of("seen", name="A \udcff rule", tags=frozenset({"\udcff"}))
    formatter = AlertFormatter(CATALOGUE, AlertOptions(json_output=as_json), hostname="\udcff")
    segment = segment_of({}, [1, 2])
    lines = lines_of(formatter, rule, segment, np.arange(2))
    assert lines == expected(formatter, rule, segment, np.arange(2))


def test_a_changed_rule_says_its_new_words() -> None:
    formatter = AlertFormatter(CATALOGUE, hostname="h")
    segment = segment_of({}, [1])
    rule = rule_of("before")
    assert b"before" in lines_of(formatter, rule, segment, np.arange(1))[0]
    assert b"after" in lines_of(formatter, rule_of("after"), segment, np.arange(1))[0]
    assert b"before" in lines_of(formatter, rule, segment, np.arange(1))[0]


def test_text_lines_need_no_fields_but_those_they_show() -> None:
    rule = rule_of("%a.text", {"a.number": ExtraField("%a.number", raw=True)})
    plain = AlertFormatter(CATALOGUE, hostname="h")
    assert {ref.text for ref in plain.line_refs(rule)} == {"evt.time", "a.text"}
    full = AlertFormatter(CATALOGUE, replace(plain.options, json_output=True), hostname="h")
    assert {"a.number", "evt.rawtime"} <= {ref.text for ref in full.line_refs(rule)}
    segment = segment_of({"a.text": ["x"], "a.number": [5]}, [1])
    line = json.loads(lines_of(full, rule, segment, np.arange(1))[0])
    assert line["output_fields"] == {"a.text": "x", "evt.time": 1, "a.number": 5}
