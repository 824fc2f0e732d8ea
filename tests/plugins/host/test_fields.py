"""Declarations of fields and their arguments."""

from __future__ import annotations

import json

import pytest

from plugins.host import Plugin, PluginArgument, PluginError, PluginFieldType
from plugins.host.fields import PluginField, parse_fields, request


def test_the_declaration_of_the_sample(sample: Plugin) -> None:
    text = sample.field("sample.text")
    assert (text.id, text.type, text.is_list) == (0, PluginFieldType.STRING, False)
    assert text.add_output
    assert sample.field("sample.number").display == "Number"
    assert sample.field("sample.words").is_list
    key = sample.field("sample.key")
    assert key.argument == PluginArgument(required=True, key=True)
    assert key.path
    assert key.properties == {"path", "hidden"}
    assert not text.path
    with pytest.raises(PluginError, match=r"(?s)no field sample.txt.*did you mean sample.text\?"):
        sample.field("sample.txt")


def entry(**changes: object) -> str:
    return json.dumps([{"name": "a.b", "type": "string", "desc": "d"} | changes])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "no list"),
        ("{", "not JSON"),
        ("{}", "gave an object"),
        ("[]", "empty list"),
        ("[3]", "entry 0 is a number, not an object"),
        (entry(name=""), "entry 0 has no name"),
        (entry(name=7), "entry 0 has no name"),
        (entry(type="float"), "field 'a.b' has type 'float'; it should be one of uint64, string"),
        (entry(type=None), "type None"),
        (entry(desc=""), "field 'a.b' has no desc"),
        (entry(isList="yes"), "isList is a string, not true or false"),
        (entry(addOutput=1), "addOutput is a number"),
        (entry(arg=[]), "arg is an array"),
        (entry(arg={"isKey": 1}), "isKey is a number"),
        (entry(arg={"isRequired": True}), "neither isIndex nor isKey"),
        (entry(properties="path"), "properties should be an array of strings"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_declarations_that_are_refused(text: str | None, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        parse_fields("p", text)
    assert message in str(caught.value)
    assert caught.value.function == "get_fields"


def field(argument: PluginArgument | None) -> PluginField:
    return PluginField(0, "f", PluginFieldType.STRING, False, argument, "d")


NONE = 2**64 - 1


@pytest.mark.parametrize(
    ("takes", "argument", "key", "index"),
    [
        (None, None, None, NONE),
        (PluginArgument(index=True), None, None, NONE),
        (PluginArgument(index=True), "0", None, 0),
        (PluginArgument(index=True), "18446744073709551615", None, 2**64 - 1),
        (PluginArgument(key=True), "7", "7", NONE),
        (PluginArgument(key=True), "", "", NONE),
        (PluginArgument(key=True), "a[*].b", "a[*].b", NONE),
        (PluginArgument(index=True, key=True), "7", "7", 7),
        (PluginArgument(index=True, key=True), "07", "07", NONE),
        (PluginArgument(index=True, key=True), "seven", "seven", NONE),
    ],
)
def test_arguments(
    takes: PluginArgument | None, argument: str | None, key: str | None, index: int
) -> None:
    made = request(field(takes), argument)
    assert (made.key, made.index, made.has_argument) == (key, index, argument is not None)


@pytest.mark.parametrize(
    ("takes", "argument"),
    [
        (None, "x"),
        (PluginArgument(required=True, key=True), None),
        (PluginArgument(index=True), "x"),
        (PluginArgument(index=True), ""),
        (PluginArgument(index=True), "01"),
        (PluginArgument(index=True), "-1"),
        (PluginArgument(index=True), "²"),
        (PluginArgument(index=True), "18446744073709551616"),
        (PluginArgument(index=True), "9" * 5000),
        (PluginArgument(key=True), "a\0b"),
    ],
)
def test_arguments_that_are_refused(takes: PluginArgument | None, argument: str | None) -> None:
    with pytest.raises(ValueError, match="f "):
        request(field(takes), argument)
