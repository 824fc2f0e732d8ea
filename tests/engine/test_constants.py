"""Constants as libs reads them."""

from __future__ import annotations

import pytest

from engine.constants import BadConstant, Network, convert, from_hex, unsigned
from engine.fields.model import FieldType


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("12", FieldType.INT64, 12),
        (" -12", FieldType.INT64, -12),
        ("+3", FieldType.UINT32, 3),
        ("-1", FieldType.UINT64, (1 << 64) - 1),
        ("-1", FieldType.UINT32, (1 << 32) - 1),
        ("300", FieldType.INT8, 44),
        ("40000", FieldType.INT16, 40000 - 65536),
        ("9" * 200, FieldType.INT64, (1 << 63) - 1),
        ("9" * 200, FieldType.UINT64, (1 << 64) - 1),
        ("-" + "9" * 200, FieldType.INT64, -(1 << 63)),
        ("2", FieldType.DOUBLE, 2.0),
        ("", FieldType.PORT, 0),
        ("65537", FieldType.PORT, 1),
        ("https", FieldType.PORT, 443),
        ("true", FieldType.BOOL, True),
        ("1.2.3.4", FieldType.IPADDR, b"\1\2\3\4"),
        ("::1", FieldType.IPADDR, b"\0" * 15 + b"\1"),
        ("10.1.2.3/8", FieldType.IPNET, Network(b"\x0a\1\2\3", b"\xff\0\0\0")),
        ("a\udcff", FieldType.CHARBUF, b"a\xff"),
        ("a\0b", FieldType.BYTEBUF, b"a\0b"),
    ],
)
def test_values(text: str, type_: FieldType, value: object) -> None:
    assert convert(text, type_) == value


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        ("0x10", FieldType.INT64),
        ("1 ", FieldType.INT64),
        ("1.5", FieldType.DOUBLE),
        ("", FieldType.UINT64),
        ("٣", FieldType.UINT64),
        ("99999999999", FieldType.PORT),
        ("True", FieldType.BOOL),
        ("1.2.3", FieldType.IPADDR),
        ("1.2.3.4\0", FieldType.IPADDR),
        ("::1/0", FieldType.IPNET),
        ("::1/129", FieldType.IPNET),
        ("a\0b", FieldType.CHARBUF),
        ("x", FieldType.DYN),
    ],
)
def test_refusals(text: str, type_: FieldType) -> None:
    with pytest.raises(BadConstant):
        convert(text, type_)


def test_networks_hold_addresses_of_their_own_length() -> None:
    net = convert("10.0.0.0/9", FieldType.IPNET)
    assert isinstance(net, Network)
    assert b"\x0a\x7f\0\1" in net
    assert b"\x0a\x80\0\1" not in net
    assert b"\x0a\0\0\1" + b"\0" * 12 not in net


def test_hexadecimal() -> None:
    assert from_hex("0aFF") == b"\x0a\xff"
    for wrong in ("0", "0g", "0x00"):
        with pytest.raises(BadConstant):
            from_hex(wrong)


def test_unsigned() -> None:
    assert unsigned("7") == 7
    assert unsigned("7x") is None
