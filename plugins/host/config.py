"""A plugin's init configuration: from text or a map to the text that ``plugin_init`` is given.

The plugin's schema comes from the plugin and is as untrusted as the rest of it: it may refer to
itself, but nothing is fetched for it. Messages name keys and expected types, never the values,
which may be secrets.
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

SCHEMA_NONE = 0
SCHEMA_JSON = 1


def as_text(plugin: str, config: str | Mapping[str, Any] | None) -> str:
    """The configuration as text: text stays as it is, a map becomes JSON, None is empty."""
    if config is None:
        return ""
    if isinstance(config, str):
        if "\0" in config:
            raise PluginError(plugin, "init_config holds a NUL character", function="init")
        return config
    try:
        return json.dumps(config)
    except (TypeError, ValueError, RecursionError) as error:
        raise PluginError(
            plugin, f"init_config cannot be written as JSON ({error})", function="init"
        ) from None


def check(plugin: str, text: str, schema: str, schema_type: int) -> str:
    """The configuration to hand over, checked against the plugin's schema (both JSON).

    With a schema, an empty configuration becomes ``{}``, as Falco has it. Raises PluginError that
    says which key is wrong and what it should be.
    """
    if not schema or schema_type == SCHEMA_NONE:
        return text
    if schema_type != SCHEMA_JSON:
        raise PluginError(
            plugin, f"has a schema of the unknown type {schema_type}", function="get_init_schema"
        )
    try:
        described = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise PluginError(
            plugin, f"gave a schema that is not JSON ({error})", function="get_init_schema"
        ) from None
    if not isinstance(described, dict):
        raise PluginError(plugin, "gave a schema that is no object", function="get_init_schema")
    text = text if text.strip() else "{}"
    try:
        value = json.loads(text)
    except ValueError as error:
        # Only the position: the message of a JSON error never quotes the text, but be sure.
        place = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise PluginError(
            plugin,
            f"init_config is not valid JSON{place}",
            function="init",
            hint="write it as a YAML map, or as one JSON object in quotes",
        ) from None
    except RecursionError:
        raise PluginError(plugin, "init_config is nested too deeply", function="init") from None
    _validate(plugin, value, described)
    return text


def _validate(plugin: str, value: Any, schema: dict[str, Any]) -> None:
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
        reason, hint = explain(error)
        raise PluginError(plugin, reason, function="init", hint=hint)


def explain(error: ValidationError) -> tuple[str, str]:
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
