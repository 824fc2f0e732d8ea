"""A plugin's init configuration: from text or a map to the text that ``plugin_init`` is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from plugins.host.errors import PluginError

SCHEMA_NONE = 0
SCHEMA_JSON = 1

#: Keywords of a schema for objects that only limit what members there are.
_ABOUT_MEMBERS = {"$schema", "type", "title", "description", "properties", "additionalProperties"}


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
    if value != {} or not _lets_empty_pass(described):
        from plugins.host.schema import validate  # which takes long to import

        validate(plugin, value, described)
    return text


def _lets_empty_pass(schema: dict[str, Any]) -> bool:
    """Whether a schema plainly lets an object without members pass. Most do."""
    return schema.get("type") == "object" and schema.keys() <= _ABOUT_MEMBERS
