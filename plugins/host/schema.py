"""A plugin's init configuration against the JSON schema that the plugin gives for it.

The schema is as untrusted as the rest of the plugin: it may refer to itself, but nothing is fetched
for it. Messages name keys and expected types, never the values, which may be secrets.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from jsonschema import Draft7Validator, ValidationError
from jsonschema.exceptions import SchemaError, best_match
from jsonschema.validators import validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from plugins.host.errors import PluginError, clean


def validate(plugin: str, value: Any, schema: dict[str, Any]) -> None:
    """Raises PluginError where ``value`` breaks the schema, or the schema makes no sense."""
    kind = validator_for(schema, default=Draft7Validator)
    try:
        kind.check_schema(schema)
        error = best_match(kind(schema, registry=Registry()).iter_errors(value))
    except (SchemaError, Unresolvable, RecursionError) as broken:
        raise PluginError(
            plugin,
            f"gave a schema that cannot be used ({clean(str(broken), 200)})",
            function="get_init_schema",
        ) from None
    if error is not None:
        reason, hint = _explain(error)
        raise PluginError(plugin, reason, function="init", hint=hint)


def _explain(error: ValidationError) -> tuple[str, str]:
    """A failed check in words without the offending value, and a hint ("" for none)."""
    key = _path(error.absolute_path)
    where = f"init_config key {key!r}" if key else "init_config"
    rule: Any = error.validator
    wanted: Any = error.validator_value
    if rule == "type":
        return f"{where} should be {_types(wanted)}, but is {_type_of(error.instance)}", ""
    if rule == "required" and isinstance(error.instance, Mapping):
        missing = [name for name in wanted if name not in error.instance]
        return f"{where} lacks {', '.join(map(repr, missing))}", ""
    if rule == "additionalProperties" and isinstance(error.instance, Mapping):
        return _unknown_keys(error, where)
    if rule in ("enum", "const"):
        allowed = wanted if rule == "enum" else [wanted]
        return f"{where} should be one of {clean(', '.join(map(json.dumps, allowed)))}", ""
    return f"{where} does not satisfy {rule}: {clean(json.dumps(wanted), 200)}", ""


def _unknown_keys(error: ValidationError, where: str) -> tuple[str, str]:
    schema: Any = error.schema
    known = list(schema.get("properties", ())) if isinstance(schema, Mapping) else []
    given: Any = error.instance
    unknown = [name for name in given if name not in known]
    near = difflib.get_close_matches(unknown[0], known, 1) if unknown else []
    names = ", ".join(map(repr, unknown)) or "keys"
    hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known) or 'none'}"
    return f"{where} has unknown {names}", hint


def _path(parts: Iterable[str | int]) -> str:
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return clean(text, 200)


def _types(wanted: Any) -> str:
    names = wanted if isinstance(wanted, list) else [wanted]
    return " or ".join(map(_article, map(str, names)))


def _article(name: str) -> str:
    if name == "null":
        return name
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "an integer", float: "a number", str: "a string"}
    return names.get(type(value), "an array" if isinstance(value, list) else "an object")
