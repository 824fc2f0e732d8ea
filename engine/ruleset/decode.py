"""Values out of YAML nodes, with Falco's refusals in Falco's words."""

from __future__ import annotations

from collections.abc import Iterator

from engine.ruleset import context as ctx
from engine.ruleset.codes import ERR_VALIDATE, ERR_YAML_VALIDATE
from engine.ruleset.context import Context, Location
from engine.ruleset.errors import RuleError
from engine.ruleset.text import Text
from engine.yaml import Node

_MAX_UNSIGNED = (1 << 32) - 1


def at(node: Node, item_type: str, item_name: str, parent: Context) -> Context:
    """``parent`` and one location more: ``node``, in bytes and from 0."""
    source = node.source
    offset = source.byte_offset(node.index)
    column = offset - source.byte_offset(source.line_starts[node.line - 1])
    return parent.child(Location(parent.file, item_type, item_name, offset, node.line - 1, column))


def refuse(message: str, context: Context, node: Node, hint: str = "") -> RuleError:
    """The error for a file whose structure is wrong at ``node``."""
    return RuleError(ERR_YAML_VALIDATE, message, context, place=node.place, hint=hint)


def scalar(
    item: Node, key: str, context: Context, *, optional: bool = False, empty_ok: bool = False
) -> Node | None:
    """The scalar node under ``key``; None where it is absent and ``optional`` (or is empty and
    ``empty_ok``). Raises :class:`RuleError` for whatever else."""
    value = item.get(key)
    if value is None:
        if optional:
            return None
        raise refuse(f"Item has no mapping for key '{key}'", context, item)
    if value.is_null:
        if empty_ok:
            return None
        raise refuse(f"Mapping for key '{key}' is empty", context, item)
    if not value.is_scalar:
        inner = at(value, ctx.VALUE_FOR, key, context)
        raise refuse("Value is not a scalar value", inner, value)
    if not value.text:
        if empty_ok:
            return None
        inner = at(value, ctx.VALUE_FOR, key, context)
        raise refuse("Value must be non-empty", inner, value)
    return value


def required(item: Node, key: str, context: Context) -> Node:
    """The scalar under ``key``, which must be there and hold something."""
    value = scalar(item, key, context)
    assert value is not None
    return value


def text(item: Node, key: str, context: Context) -> Text:
    """The scalar under ``key`` as a text that knows its places."""
    node = required(item, key, context)
    return Text.of(node.text, node)


def boolean(item: Node, key: str, context: Context, default: bool | None = None) -> bool:
    """The boolean under ``key``; ``default`` (unless None) where the key is absent."""
    node = scalar(item, key, context, optional=default is not None)
    if node is None:
        assert default is not None
        return default
    value = node.as_bool()
    if value is None:
        inner = at(node, ctx.VALUE_FOR, key, context)
        raise refuse("Can't decode YAML scalar value", inner, node, "Write true or false.")
    return value


def unsigned(item: Node, key: str, context: Context, default: int | None = None) -> int:
    """The whole number from 0 to 2³²-1 under ``key``; ``default`` where the key is absent."""
    node = scalar(item, key, context, optional=default is not None)
    if node is None:
        assert default is not None
        return default
    value = node.as_int()
    if value is None or node.text.startswith("-") or value > _MAX_UNSIGNED:
        inner = at(node, ctx.VALUE_FOR, key, context)
        raise refuse(
            "Can't decode YAML scalar value", inner, node, "Write a whole number, 0 or more."
        )
    return value


def sequence(item: Node, key: str, context: Context, *, optional: bool) -> Iterator[Node]:
    """The scalars of the sequence under ``key``; none where it is absent and ``optional``."""
    value = item.get(key)
    if value is None:
        if optional:
            return
        raise refuse(f"Item has no mapping for key '{key}'", context, item)
    inner = at(value, ctx.VALUE_FOR, key, context)
    if not value.is_sequence:
        raise refuse("Value is not a sequence", inner, value)
    for each in value.items:
        if not each.is_scalar:
            raise refuse("sequence value is not scalar", at(each, ctx.LIST_ITEM, "", inner), each)
        yield each


def key_text(key: Node, context: Context) -> str:
    """A key as text. Raises :class:`RuleError` for a key that is itself a list or a map."""
    if key.is_null:
        return "null"
    if not key.is_scalar:
        raise RuleError(
            ERR_VALIDATE, "bad conversion: a key must be text", context, place=key.place
        )
    return key.text
