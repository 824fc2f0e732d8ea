"""Durations as falco.yaml writes them."""

from __future__ import annotations

import re

_UNITS = {
    "y": 365 * 86_400_000, "w": 7 * 86_400_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000,
    "s": 1000, "ms": 1,
}  # fmt: skip
_DURATION = re.compile("".join(f"(?:([0-9]+){unit})?" for unit in _UNITS))
_BLANKS = re.compile(r"[ \t\n\v\f\r]+")
_LARGEST = (1 << 64) - 1


def parse_duration_ms(text: str) -> int:
    """Milliseconds of a duration such as ``1h3m2s1ms``: units from years to milliseconds, each at
    most once, in that order, blanks anywhere.

    Like Falco, gives 0 for whatever is no duration, a bare number included, and reads a number
    with a leading zero as octal. Raises ValueError for a number beyond 64 bits.
    """
    match = _DURATION.fullmatch(_BLANKS.sub("", text))
    if match is None:
        return 0
    total = 0
    for digits, unit in zip(match.groups(), _UNITS.values(), strict=True):
        total += _number(digits or "0") * unit
    return total & _LARGEST


def _number(digits: str) -> int:
    if digits.startswith("0"):
        octal = re.match("[0-7]*", digits)
        number = int(octal[0], 8) if octal and len(digits) < 64 else 0
    else:
        number = int(digits) if len(digits) <= 20 else _LARGEST + 1
    if number > _LARGEST:
        raise ValueError(f"'{digits[:24]}' is too large a number for a duration")
    return number
