"""What a plugin suggests as open parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass

from plugins.host.errors import PluginError, clean


@dataclass(frozen=True, slots=True)
class OpenParam:
    """One suggestion. ``separator`` joins this value with further ones, where the plugin allows."""

    value: str
    description: str = ""
    separator: str = ""


def parse_open_params(plugin: str, text: str | None) -> list[OpenParam]:
    """A JSON array of objects with ``value``, ``desc``, ``separator``; no text is an empty list."""
    if not text:
        return []
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError):
        entries = None
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("value"), str) and entry["value"]
        for entry in entries
    ):
        raise PluginError(
            plugin,
            "should give a JSON array of objects with a value, but does not",
            function="list_open_params",
        )
    return [
        OpenParam(
            clean(entry["value"]),
            clean(str(entry.get("desc") or "")),
            clean(str(entry.get("separator") or ""), 20),
        )
        for entry in entries
    ]
