"""What a YAML scalar's text stands for where a boolean or a number is wanted, as yaml-cpp has it.

Quotes make no difference: ``"5"`` is a number where a number is wanted.
"""

from __future__ import annotations

import math
import re

_BOOLEANS = {
    "y": True, "n": False, "yes": True, "no": False, "true": True, "false": False, "on": True,
    "off": False,
}  # fmt: skip
_INTEGER = re.compile(r"([+-]?)(?:0[xX]([0-9a-fA-F]{1,64})|(0[0-7]{0,64})|([1-9][0-9]{0,64}))\s*")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
_SPECIAL = re.compile(r"([+-]?)\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST = 400


def as_bool(text: str) -> bool | None:
    """True, yes, on, y and their opposites, in lower case, upper case or capitalised; else None."""
    if text in (text.lower(), text.upper(), text.capitalize()):
        return _BOOLEANS.get(text.lower())
    return None


def as_int(text: str) -> int | None:
    """A decimal, 0x hexadecimal or 0 octal integer of at most 64 digits; else None."""
    match = _INTEGER.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    sign, hexadecimal, octal, decimal = match.groups()
    number = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    return -number if sign == "-" else number


def as_float(text: str) -> float | None:
    """A decimal number, ``.inf`` or ``.nan``; None for anything else, or what overflows."""
    if len(text) > _LONGEST:
        return None
    if match := _SPECIAL.fullmatch(text):
        return math.nan if match[1] is None else float(f"{match[1]}inf")
    if not _FLOAT.fullmatch(text):
        return None
    number = float(text)
    return None if math.isinf(number) else number
