"""Field values as text and JSON."""

from __future__ import annotations

import json

import pytest

from engine.fields.model import FieldInfo, FieldRef, FieldType
from engine.jsontext import dump, lenient, replaced
from engine.values import json_values, texts
from tests.engine.columns import Plain, column

T = FieldType


def both(
    type_: FieldType, values: list[Plain], *, name: str = "x.y", is_list: bool = False
) -> tuple[list[bytes | None], list[object]]:
    ref = FieldRef(FieldInfo(name, type_, is_list), None, name, is_list)
    made = column(ref, values)
    return texts(name, type_, is_list, made), json_values(name, type_, is_list, made)


@pytest.mark.parametrize(
    ("type_", "value", "text", "as_json"),
    [
        (T.CHARBUF, "abc", b"abc", "abc"),
        (T.CHARBUF, "", b"", ""),
        (T.CHARBUF, b"ab\0cd", b"ab", "ab"),
        (T.CHARBUF, "héé".encode(), "héé".encode(), "héé"),
        (T.INT64, -1, b"-1", -1),
        (T.UINT32, 4294967295, b"4294967295", 4294967295),
        (T.UINT64, 2**64 - 1, b"18446744073709551615", 2**64 - 1),
        (T.BOOL, True, b"true", True),
        (T.BOOL, False, b"false", False),
        (T.DOUBLE, 1.25, b"1.2", 1.25),
        (T.DOUBLE, 3.0, b"3.0", 3.0),
        (T.PORT, 443, b"443", 443),
        (T.IPADDR, bytes([10, 0, 0, 1]), b"10.0.0.1", "10.0.0.1"),
        (T.IPADDR, bytes(15) + b"\1", b"::1", "::1"),
        (T.IPADDR, b"abc", b"<NA>", "<NA>"),
        (T.IPNET, "10.0.0.0/8", b"<IPNET>", "<IPNET>"),
        (T.BYTEBUF, b"a\0b\xff\n~", b"a.b..~", "a.b..~"),
        (T.RELTIME, 5, b"5", 5),
        (T.CHARBUF, None, None, None),
        (T.UINT64, None, None, None),
    ],
)
def test_one_value(type_: FieldType, value: Plain, text: bytes | None, as_json: object) -> None:
    assert both(type_, [value, None]) == ([text, None], [as_json, None])


def test_own_ways_of_some_fields() -> None:
    assert both(T.RELTIME, [5], name="evt.reltime.ns") == ([b"000000005"], [5])
    assert both(T.INT32, [0x803, -1], name="fd.dev") == ([b"803", b"FFFFFFFF"], ["803", "FFFFFFFF"])


def test_lists() -> None:
    rows: list[Plain] = [["a", "b"], ["c"], [], None, ["", "d"], ["e", ""]]
    text, as_json = both(T.CHARBUF, rows, is_list=True)
    assert text == [b"(a,b)", b"(c)", None, None, b"(d)", b"(e,)"]
    assert as_json == [["a", "b"], ["c"], None, None, ["", "d"], ["e", ""]]
    assert both(T.UINT64, [[1, 2]], is_list=True) == ([b"(1,2)"], [[1, 2]])
    assert both(T.BOOL, [[True]], is_list=True) == ([b"(true)"], [[True]])
    # Fields that match on any of several values, but are no lists.
    assert both(T.CHARBUF, [["bash", "init"]]) == ([b"bash init"], ["bash init"])


def test_long_lists_and_buffers_are_cut() -> None:
    (text,), (as_json,) = both(T.CHARBUF, [["x" * 600, "y" * 600]], is_list=True)
    assert text and len(text) == 1023 and text.endswith(b"y")
    assert as_json == ["x" * 600, "y" * 600]
    assert both(T.BYTEBUF, [b"z" * 1022])[0] == [b"z" * 1022]
    assert both(T.BYTEBUF, [b"z" * 1023])[0] == [b"z" * 1021]


def test_buffers_as_base64() -> None:
    ref = FieldRef(FieldInfo("a.b", T.BYTEBUF), None, "a.b", False)
    assert texts("a.b", T.BYTEBUF, False, column(ref, [b"\0\1"]), as_base64=True) == [b"AAE="]


@pytest.mark.parametrize(
    ("raw", "jsoncpp", "nlohmann"),
    [
        (b"ok \xc3\xa9 \xf0\x9f\x98\x80", "ok é 😀", "ok é 😀"),
        (b"\xff", "\ufffd", "\ufffd"),
        (b"a\xc3", "a\ufffd", "a\ufffd"),
        (b"\xc3A", "\u00c1", "\ufffdA"),
        (b"\x80\x80z", "\ufffdz", "\ufffd\ufffdz"),
        (b"\xed\xa0\x80", "\ufffd", "\ufffd\ufffd\ufffd"),
        (b"\xe2\x82", "\ufffd\ufffd", "\ufffd"),
        (b"\xc0\x80", "\ufffd", "\ufffd\ufffd"),
        (b"\xf7\xbf\xbf\xbf", "\U000fffff", "\ufffd\ufffd\ufffd\ufffd"),
    ],
)
def test_what_is_not_utf8(raw: bytes, jsoncpp: str, nlohmann: str) -> None:
    assert lenient(raw) == jsoncpp
    assert replaced(raw) == nlohmann


def test_lenient_never_fails_and_can_be_written() -> None:
    for first in range(256):
        for rest in (b"", b"A", b"\x80", b"\xbf\xbf", b"\xff\xff\xff", b"\x80\x80\x80\x80"):
            text = lenient(bytes([first]) + rest)
            assert json.loads(dump(text).encode()) == text


def test_json_as_falco_writes_it() -> None:
    value = {"b": [1, True, None, 1.5, 2.0], "a": 'x"\\\n\t\x01\x7f/é'}
    assert dump(value) == '{"a":"x\\"\\\\\\n\\t\\u0001\x7f/é","b":[1,true,null,1.5,2.0]}'
