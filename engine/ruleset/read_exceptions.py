"""The ``exceptions`` of a rule, out of its YAML."""

from __future__ import annotations

from engine.ruleset import context as ctx
from engine.ruleset import decode
from engine.ruleset.codes import (
    NOTE_DUPLICATE_KEY,
    WARN_APPEND_NO_VALUES,
    WARN_EXCEPTION_NAME_NOT_UNIQUE,
)
from engine.ruleset.collector import Report
from engine.ruleset.context import Context
from engine.ruleset.exceptions import EntryNode, ExceptionInfo
from engine.ruleset.text import Text
from engine.yaml import Node


def read_exceptions(
    item: Node, parent: Context, appending: bool, report: Report
) -> list[ExceptionInfo]:
    """The exceptions of a rule item; none where the key is absent or empty.

    ``appending`` lets fields be left out. Raises :class:`RuleError`.
    """
    value = item.get("exceptions")
    if value is None or value.is_null:
        return []
    outer = decode.at(value, ctx.EXCEPTIONS, "", parent)
    if not value.is_sequence:
        raise decode.refuse("Rule exceptions must be a sequence", outer, value)
    found: list[ExceptionInfo] = []
    names: set[str] = set()
    for node in value.items:
        nameless = decode.at(node, ctx.EXCEPTION, "", outer)
        if not node.is_map:
            raise decode.refuse("Rule exception must be a mapping", nameless, node)
        name = decode.required(node, "name", nameless).text
        context = decode.at(node, ctx.EXCEPTION, name, parent)
        if name in names:
            report(
                WARN_EXCEPTION_NAME_NOT_UNIQUE,
                f"Multiple definitions of exception '{name}' in the same rule",
                context,
                node.place,
                "",
            )
        names.add(name)
        for key in node.duplicates():
            report(
                NOTE_DUPLICATE_KEY,
                f"Key '{key.text}' is written twice; the first is used",
                context,
                key.place,
                "",
            )
        info = ExceptionInfo(name, context, node.place)
        info.fields = _keyed_entry(node, "fields", context, optional=appending)
        info.comps = _keyed_entry(node, "comps", context, optional=True)
        values = node.get("values")
        if values is not None:
            info.values = _values(values, context)
        elif appending:
            report(
                WARN_APPEND_NO_VALUES,
                "Overriding/appending exception with no values",
                context,
                node.place,
                "",
            )
        found.append(info)
    return found


def _values(values: Node, parent: Context) -> list[EntryNode]:
    context = decode.at(values, ctx.EXCEPTION_VALUES, "", parent)
    if not values.is_sequence:
        raise decode.refuse("Rule exception values must be a sequence", context, values)
    return [
        _entry(value, "", decode.at(value, ctx.EXCEPTION_VALUE, "", context))
        for value in values.items
    ]


def _keyed_entry(node: Node, key: str, context: Context, *, optional: bool) -> EntryNode:
    value = node.get(key)
    if value is None:
        if optional:
            return EntryNode()
        raise decode.refuse(f"Item has no mapping for key '{key}'", context, node)
    return _entry(value, key, context)


def _entry(value: Node, key: str, parent: Context) -> EntryNode:
    """A text, or a list of entries. What is neither (a map, nothing) counts as not given."""
    context = decode.at(value, ctx.VALUE_FOR, key, parent)
    if value.is_scalar:
        if not value.text:
            raise decode.refuse("Value must be non-empty", context, value)
        return EntryNode(item=Text.of(value.text, value))
    if value.is_sequence:
        return EntryNode(
            is_list=True,
            items=[
                _entry(each, "", decode.at(each, ctx.EXCEPTION, "", context))
                for each in value.items
            ],
        )
    return EntryNode()
