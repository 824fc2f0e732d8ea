"""The fields that a plugin declares, and the arguments they take.

``plugin_get_fields`` answers with a JSON array; its keys are those that Falco reads: ``name``,
``type``, ``desc``, ``isList``, ``arg`` (``isRequired``, ``isIndex``, ``isKey``), ``display``,
``addOutput``, ``properties``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from plugins.host.errors import PluginError

_MAX_FIELDS = 65536
_NO_INDEX = 2**64 - 1  #: what Falco passes for ``arg_index`` where there is none


class PluginFieldType(IntEnum):
    """Types of fields; the values are those of the plugin API."""

    UINT64 = 8
    STRING = 9
    RELTIME = 20
    ABSTIME = 21
    BOOL = 25
    IPADDR = 40
    IPNET = 41


@dataclass(frozen=True, slots=True)
class PluginArgument:
    """What may stand in the brackets after a field's name.

    A field may take both forms: a decimal number then counts as an index and as a key.
    """

    required: bool = False
    index: bool = False
    key: bool = False


@dataclass(frozen=True, slots=True)
class PluginField:
    """One field as its plugin declares it. ``id`` is its position in the declaration."""

    id: int
    name: str
    type: PluginFieldType
    is_list: bool
    argument: PluginArgument | None
    description: str
    display: str = ""
    add_output: bool = False
    properties: frozenset[str] = frozenset()

    @property
    def path(self) -> bool:
        """Whether the field is a path namespace: ``NAME.a.b`` stands for ``NAME[a.b]``."""
        return "path" in self.properties


@dataclass(frozen=True, slots=True)
class Request:
    """A field with its argument, ready for the native side."""

    field: PluginField
    key: str | None
    index: int
    has_argument: bool


def request(field: PluginField, argument: str | None) -> Request:
    """Checks an argument against what the field takes. Raises ValueError that says what is wrong.

    An index is decimal digits without a leading zero, below 2**64, as Falco has it.
    """
    takes = field.argument
    if argument is None:
        if takes and takes.required:
            raise ValueError(f"field {field.name} requires an argument: {field.name}[…]")
        return Request(field, None, _NO_INDEX, False)
    if takes is None or not (takes.index or takes.key):
        raise ValueError(f"field {field.name} takes no argument, but [{argument}] is given")
    if "\0" in argument:
        raise ValueError(f"the argument of {field.name} holds a NUL character")
    index = _as_index(argument) if takes.index else None
    if index is None and not takes.key:
        raise ValueError(
            f"field {field.name} takes an index: digits only, no leading zero, not [{argument}]"
        )
    return Request(
        field, argument if takes.key else None, _NO_INDEX if index is None else index, True
    )


def _as_index(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()) or (len(text) > 1 and text[0] == "0"):
        return None
    value = int(text) if len(text) <= 20 else 2**64
    return value if value < 2**64 else None


def parse_fields(plugin: str, text: str | None) -> tuple[PluginField, ...]:
    """The declaration as fields. Raises PluginError naming the entry and the key at fault."""

    def refuse(reason: str) -> PluginError:
        return PluginError(plugin, reason, function="get_fields")

    if text is None:
        raise refuse("gave no list of fields")
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refuse(f"gave a list of fields that is not JSON ({error})") from None
    if not isinstance(entries, list):
        raise refuse(f"gave {_kind(entries)} where a JSON array of fields should be")
    if not entries:
        raise refuse("gave an empty list; a plugin that extracts has at least one field")
    if len(entries) > _MAX_FIELDS:
        raise refuse(f"declares {len(entries)} fields; at most {_MAX_FIELDS} are allowed")
    fields = []
    for position, entry in enumerate(entries):
        try:
            fields.append(_field(position, entry))
        except ValueError as error:
            raise refuse(str(error)) from None
    return tuple(fields)


def _field(position: int, entry: Any) -> PluginField:
    if not isinstance(entry, dict):
        raise ValueError(f"entry {position} is {_kind(entry)}, not an object")
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise ValueError(f"entry {position} has no name")
    where = f"field {name!r}"
    type_name = entry.get("type")
    types = {kind.name.lower(): kind for kind in PluginFieldType}
    if not isinstance(type_name, str) or type_name not in types:
        raise ValueError(f"{where} has type {type_name!r}; it should be one of {', '.join(types)}")
    description = entry.get("desc")
    if not isinstance(description, str) or not description:
        raise ValueError(f"{where} has no desc")
    display = entry.get("display")
    return PluginField(
        id=position,
        name=name,
        type=types[type_name],
        is_list=_flag(entry, "isList", where),
        argument=_argument(entry.get("arg"), where),
        description=description,
        display=display if isinstance(display, str) else "",
        add_output=_flag(entry, "addOutput", where),
        properties=_properties(entry.get("properties"), where),
    )


def _argument(entry: Any, where: str) -> PluginArgument | None:
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise ValueError(f"{where}: arg is {_kind(entry)}, not an object")
    argument = PluginArgument(
        required=_flag(entry, "isRequired", where),
        index=_flag(entry, "isIndex", where),
        key=_flag(entry, "isKey", where),
    )
    if not (argument.index or argument.key):
        if argument.required:
            raise ValueError(f"{where} requires an argument that is neither isIndex nor isKey")
        return None
    return argument


def _properties(entry: Any, where: str) -> frozenset[str]:
    if entry is None:
        return frozenset()
    if not isinstance(entry, list) or not all(isinstance(item, str) for item in entry):
        raise ValueError(f"{where}: properties should be an array of strings")
    return frozenset(entry)


def _flag(entry: dict[str, Any], key: str, where: str) -> bool:
    value = entry.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        raise ValueError(f"{where}: {key} is {_kind(value)}, not true or false")
    return value


def _kind(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", dict: "an object", list: "an array", str: "a string"}
    return names.get(type(value), "a number")
