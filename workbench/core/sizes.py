"""Sizes and times as a person writes them on the command line."""

from __future__ import annotations

import re

from capture.errors import FalcowbError
from workbench.config.durations import parse_duration_ms

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes of ``500MB``, ``2GB``, ``1.5GiB``, ``4096``. Raises FalcowbError."""
    found = _SIZE.fullmatch(text) if len(text) <= 32 else None
    if found is None or (found[3] and not found[2]):
        raise FalcowbError(f"'{text[:40]}' is no size", hint="Write it as 500MB, 2GB or 1GiB.")
    unit = found[2].lower()
    size = int(float(found[1]) * (_BINARY if found[3] else _UNITS)[unit])
    if size < 1:
        raise FalcowbError(f"'{text[:40]}' is no size: it is nothing")
    return size


def parse_seconds(text: str) -> float:
    """Seconds of ``90``, ``90s``, ``5m``, ``1h30m``. Raises FalcowbError."""
    try:
        milliseconds = parse_duration_ms(f"{text}s" if text.isdigit() else text)
    except ValueError:
        milliseconds = 0
    if not milliseconds:
        raise FalcowbError(f"'{text[:40]}' is no time", hint="Write it as 90s, 5m or 1h.")
    return milliseconds / 1000


def size_text(count: float) -> str:
    """``3.2 MB``."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            return f"{count / 1000**power:.3g} {unit}"
    return f"{count:.0f} B"
