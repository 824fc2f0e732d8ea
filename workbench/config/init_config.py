"""A plugin's ``init_config``: text as it is, a map as JSON."""

from __future__ import annotations

import json
import math

from engine.yaml_values import as_bool, as_float, as_int
from workbench.config.tree import ConfigError, Mapping_, Scalar, Sequence, Value, discreet

_INT32 = range(-(1 << 31), 1 << 31)


def init_text(value: Value, plugin: str) -> str:
    """What the plugin is given. Raises :class:`ConfigError` for a list."""
    if isinstance(value, Scalar):
        return value.text or ""
    if isinstance(value, Mapping_):
        return json.dumps(
            _as_json(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False
        )
    raise ConfigError(
        f"'init_config' of {plugin} must be a text or a map", place=discreet(value.place)
    )


def _as_json(value: Value) -> object:
    if isinstance(value, Mapping_):
        return {key: _as_json(below) for key, below in value.entries.items()}
    if isinstance(value, Sequence):
        return [_as_json(item) for item in value.items]
    return _typed(value.text)


def _typed(text: str | None) -> object:
    """A scalar as Falco types it: a number or boolean where it looks like one, even in quotes,
    and integers of more than 32 bits as floating point."""
    if text is None:
        return None
    integer = as_int(text)
    if integer is not None and integer in _INT32:
        return integer
    number = as_float(text)
    if number is not None:
        return number if math.isfinite(number) else None
    boolean = as_bool(text)
    return text if boolean is None else boolean
