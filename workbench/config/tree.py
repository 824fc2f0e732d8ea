"""A configuration as a tree that can be changed, each value with its place.

Files, included files and ``-o`` options all end in one tree; only then is it read. Values come
from the environment too and may be secrets: nothing here shows itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from capture.errors import FalcowbError, Place
from capture.redact import HIDDEN, redact_text
from engine.yaml import Node
from workbench.config.environment import expand


class ConfigError(FalcowbError):
    """A configuration that cannot be used: what is wrong, where, and what is allowed."""


@dataclass(frozen=True, slots=True)
class ConfigWarning:
    """Something in a configuration that has no effect, or not the one meant."""

    message: str
    place: Place
    hint: str = ""

    def __str__(self) -> str:
        return str(FalcowbError(self.message, place=self.place, hint=self.hint))


@dataclass(slots=True, eq=False)
class Scalar:
    """``text`` is None for an empty value (null)."""

    text: str | None = field(repr=False)
    place: Place


@dataclass(slots=True, eq=False)
class Sequence:
    items: list[Value] = field(repr=False)
    place: Place


@dataclass(slots=True, eq=False)
class Mapping_:
    entries: dict[str, Value] = field(repr=False)
    place: Place
    key_places: dict[str, Place] = field(default_factory=dict, repr=False)

    def key_place(self, key: str) -> Place:
        return self.key_places.get(key, self.place)


Value = Scalar | Sequence | Mapping_

_SECRETIVE = re.compile(r"(init_config|init_args|open_params)\b")


def discreet(place: Place) -> Place:
    """The place with what may be a secret taken out of its line, columns kept."""
    line = place.source_line
    if _SECRETIVE.search(line):
        head, colon, rest = line.partition(":")
        shown = head + colon + (f" {HIDDEN}" if rest.strip() else "")
    else:
        shown = redact_text(line)
    if shown == line:
        return place
    # The caret must not point past what is left.
    column = place.column if shown[: place.column] == line[: place.column] else 0
    return Place(place.file, place.line, column, shown)


def from_node(
    node: Node, environment: Mapping[str, str] | None, warnings: list[ConfigWarning]
) -> Value:
    """The tree of a YAML node, variables expanded (not where ``environment`` is None).

    The first of two equal keys counts; the second is warned about.
    """
    if node.is_sequence:
        items = [from_node(item, environment, warnings) for item in node.items]
        return Sequence(items, node.place)
    if node.is_map:
        entries: dict[str, Value] = {}
        places: dict[str, Place] = {}
        for key, value in node.pairs:
            name = key.text if key.is_scalar else "null" if key.is_null else ""
            if not name:
                raise ConfigError("a key must be a word", place=discreet(key.place))
            if name in entries:
                warnings.append(
                    ConfigWarning(
                        f"'{name}' is written twice; the first counts", discreet(key.place)
                    )
                )
                continue
            entries[name] = from_node(value, environment, warnings)
            places[name] = key.place
        return Mapping_(entries, node.place, places)
    if node.is_null:
        return Scalar(None, node.place)
    if environment is None:
        return Scalar(node.text, node.place)
    try:
        return Scalar(expand(node.text, environment), node.place)
    except ValueError as error:
        raise ConfigError(str(error), place=discreet(node.place)) from None


def walk(value: Value) -> Iterator[Value]:
    stack = [value]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, Sequence):
            stack.extend(current.items)
        elif isinstance(current, Mapping_):
            stack.extend(current.entries.values())
