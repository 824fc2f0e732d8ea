"""Keys that reach into a configuration: ``a.b[2].c``, as ``-o`` takes them.

    key  := name ('.' name)*
    name := (character | '\\' ('.' | '[' | ']' | '\\'))+ ('[' number? ']')*

An empty bracket adds an item to a list. From userspace/engine/yaml_helper.h in falcosecurity/falco.
"""

from __future__ import annotations

from dataclasses import dataclass

from capture.errors import Place
from workbench.config.tree import ConfigError, Mapping_, Scalar, Sequence, Value

_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Index:
    """A step into a list; ``number`` None adds an item."""

    number: int | None


Step = str | Index


def parse_key(key: str) -> list[Step]:
    """The steps of ``key``. Raises ValueError saying what is wrong at which position."""
    steps: list[Step] = []
    name = ""
    index = 0
    while index < len(key):
        char = key[index]
        if char == "\\":
            following = key[index + 1 : index + 2]
            if not following:
                raise ValueError(f"trailing backslash at pos {index}")
            if following not in ".[]\\":
                raise ValueError(f"invalid escape sequence '\\{following}' at pos {index}")
            name += following
            index += 2
        elif char == "." or char == "[":
            after_bracket = bool(steps) and key[index - 1] == "]" and not name
            if name:
                steps.append(name)
            elif not after_bracket:
                raise ValueError(f"unexpected character at pos {index}")
            name = ""
            index += 1
            if char == "[":
                index = _bracket(key, index, steps)
        else:
            if not name and index > 0 and key[index - 1] != ".":
                raise ValueError(f"expected '.' character at pos {index - 1}")
            name += char
            index += 1
    if name:
        steps.append(name)
    if not steps:
        raise ValueError("the key is empty")
    return steps


def _bracket(key: str, start: int, steps: list[Step]) -> int:
    end = key.find("]", start)
    if end < 0:
        raise ValueError(f"expected a ']' after pos {start - 1}")
    number = key[start:end]
    if number and not (number.isascii() and number.isdigit() and len(number) <= _DIGITS):
        raise ValueError(f"expected a numeric index, found '{number}'")
    steps.append(Index(int(number) if number else None))
    return end + 1


def lookup(root: Mapping_, key: str) -> Value | None:
    """The value at ``key``; None where there is none. Raises ValueError for a bad key."""
    value: Value | None = root
    for step in parse_key(key):
        if isinstance(step, str):
            value = value.entries.get(step) if isinstance(value, Mapping_) else None
        elif isinstance(value, Sequence) and step.number is not None:
            value = value.items[step.number] if step.number < len(value.items) else None
        else:
            value = None
    return value


def assign(root: Mapping_, key: str, new: Value, place: Place) -> None:
    """Put ``new`` at ``key``, making the maps and lists on the way.

    Raises :class:`ConfigError` for a bad key, or one that leads through a value that is neither.
    """
    try:
        steps = parse_key(key)
    except ValueError as error:
        raise ConfigError(f'Config error at key "{key}": {error}', place=place) from None
    holder: Value = root
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        below: Value
        if following is None:
            below = new
        else:
            found = _child(holder, step)
            if found is None or (isinstance(found, Scalar) and found.text is None):
                below = _empty(following, place)
            else:
                below = found
        _put(holder, step, below, key, place)
        holder = below


def _empty(step: Step, place: Place) -> Value:
    return Mapping_({}, place) if isinstance(step, str) else Sequence([], place)


def _child(holder: Value, step: Step) -> Value | None:
    if isinstance(step, str):
        return holder.entries.get(step) if isinstance(holder, Mapping_) else None
    if isinstance(holder, Sequence) and step.number is not None:
        return holder.items[step.number] if step.number < len(holder.items) else None
    return None


def _put(holder: Value, step: Step, value: Value, key: str, place: Place) -> None:
    if isinstance(step, str):
        if not isinstance(holder, Mapping_):
            raise ConfigError(
                f"Config error at key \"{key}\": '{step}' is looked for in a value that is no map",
                place=place,
            )
        holder.entries[step] = value
        holder.key_places.setdefault(step, place)
        return
    if not isinstance(holder, Sequence):
        raise ConfigError(
            f'Config error at key "{key}": an index is used on a value that is no list',
            place=place,
        )
    number = len(holder.items) if step.number is None else step.number
    if number < len(holder.items):
        holder.items[number] = value
    elif number == len(holder.items):
        holder.items.append(value)
    else:
        raise ConfigError(
            f'Config error at key "{key}": the list has {len(holder.items)} items, '
            f"so the next is [{len(holder.items)}]",
            place=place,
        )
