"""Times in words: nanoseconds since the epoch to UTC text and back."""

from __future__ import annotations

import datetime

SECOND = 1_000_000_000


def format_time(ns: int) -> str:
    """``2026-01-31T23:59:59.000000001Z``; the plain number where no calendar reaches."""
    seconds, rest = divmod(ns, SECOND)
    try:
        day = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    except (OverflowError, ValueError, OSError):
        return f"{ns} ns"
    return f"{day:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def format_span(ns: int) -> str:
    """A length of time for people: ``340 ms``, ``12.5 s``, ``3 h 05 min``, ``2 d 04 h``."""
    seconds = ns / SECOND
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if seconds < 3600:
        return f"{minutes} min {int(seconds % 60):02d} s"
    if seconds < 86400:
        return f"{hours} h {minutes % 60:02d} min"
    return f"{days} d {hours % 24:02d} h"
