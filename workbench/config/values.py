"""Values of the merged tree, each asked for by key and type, refusals with their place."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import TypeVar

from capture.errors import Place
from engine.yaml_values import as_bool, as_float
from workbench.config.keys import lookup
from workbench.config.tree import (
    ConfigError,
    ConfigWarning,
    Mapping_,
    Scalar,
    Sequence,
    Value,
    discreet,
)

T = TypeVar("T")


class Values:
    """The tree and what there is to warn about. Every getter raises :class:`ConfigError` for a
    value of another type and gives the default for one that is absent or empty."""

    def __init__(self, tree: Mapping_, warnings: list[ConfigWarning]) -> None:
        self.tree = tree
        self.warnings = warnings

    def error(self, message: str, place: Place, hint: str = "") -> ConfigError:
        return ConfigError(message, place=discreet(place), hint=hint)

    def scalar(self, key: str) -> Scalar | None:
        """The scalar at ``key``; None where there is none or it is empty."""
        value = lookup(self.tree, key)
        if value is None or (isinstance(value, Scalar) and value.text is None):
            return None
        if not isinstance(value, Scalar):
            raise self.error(f"'{key}' must be a single value", value.place)
        return value

    def text(self, key: str, default: str) -> str:
        value = self.scalar(key)
        return default if value is None else value.text or ""

    def flag(self, key: str, default: bool) -> bool:
        value = self.scalar(key)
        if value is None:
            return default
        found = as_bool(value.text or "")
        if found is None:
            raise self.error(f"'{key}' must be true or false", value.place)
        return found

    def number(self, key: str, default: float) -> float:
        found = as_float(self.text(key, ""))
        return default if found is None else found

    def choice(
        self,
        key: str,
        default: str,
        parse: Callable[[str], T],
        message: Callable[[str], str],
        allowed: tuple[str, ...],
    ) -> T:
        value = self.scalar(key)
        text = default if value is None else value.text or ""
        try:
            return parse(text)
        except ValueError:
            place = value.place if value else self.tree.place
            near = difflib.get_close_matches(text.lower()[:64], allowed, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"allowed: {', '.join(allowed)}"
            raise self.error(message(text[:64]), place, hint) from None

    def each(self, key: str) -> list[Value]:
        """The items at ``key``; a single value counts as a list of one."""
        value = lookup(self.tree, key)
        if value is None or (isinstance(value, Scalar) and value.text is None):
            return []
        if isinstance(value, Sequence):
            return value.items
        if isinstance(value, Scalar):
            return [value]
        raise self.error(f"'{key}' must be a list", value.place)

    def texts(self, key: str) -> list[Scalar]:
        found = []
        for item in self.each(key):
            if not isinstance(item, Scalar) or item.text is None:
                raise self.error(f"'{key}' must be a list of texts", item.place)
            found.append(item)
        return found

    def member(self, holder: Mapping_, key: str, what: str) -> str:
        """The text under ``key`` of a map; empty where there is none."""
        value = holder.entries.get(key)
        if value is None or (isinstance(value, Scalar) and value.text is None):
            return ""
        if not isinstance(value, Scalar):
            raise self.error(f"'{key}' of {what} must be a text", value.place)
        return value.text or ""

    def warn(self, message: str, place: Place, hint: str = "") -> None:
        self.warnings.append(ConfigWarning(message, discreet(place), hint))
