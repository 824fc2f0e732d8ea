"""Times as people read and write them: local time, as Falco prints ``evt.time``."""

from __future__ import annotations

import re
import time as clocks

_SECOND = 1_000_000_000
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?")
_RELATIVE = re.compile(r"([+-])\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)?")
_UNITS = {
    "ns": 1, "us": 1_000, "ms": 1_000_000, "s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND,
    "d": 86400 * _SECOND,
}  # fmt: skip


def clock(time: int) -> str:
    """Nanoseconds since the epoch as ``14:05:03.123456``."""
    seconds, rest = divmod(time, _SECOND)
    return f"{clocks.strftime('%H:%M:%S', clocks.localtime(seconds))}.{rest // 1000:06}"


def day_and_time(time: int) -> str:
    """``2026-01-31 14:05:03``."""
    return clocks.strftime("%Y-%m-%d %H:%M:%S", clocks.localtime(time // _SECOND))


def span(length: int) -> str:
    """A length of time (ns) in two units at most: ``1h 54m``, ``3.2s``."""
    seconds = length / _SECOND
    if seconds < 1:
        return f"{seconds * 1000:.3g}ms"
    if seconds < 60:
        return f"{seconds:.3g}s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h {minutes:02}m"
    return f"{hours // 24}d {hours % 24:02}h"


def parse_place(text: str, around: int) -> int | None:
    """A time of day (of the day of ``around``), a date with time, or an offset from ``around``
    (``+10m``, ``-2.5s``), in ns; None where it is none of these."""
    text = text.strip()
    found = _RELATIVE.fullmatch(text)
    if found is not None:
        sign, number, unit = found.groups()
        length = int(float(number) * _UNITS[unit or "s"])
        return around + (length if sign == "+" else -length)
    found = _CLOCK.fullmatch(text)
    if found is not None:
        hours, minutes, seconds, rest = found.groups()
        if int(hours) > 23 or int(minutes) > 59 or int(seconds or 0) > 60:
            return None
        day = clocks.localtime(around // _SECOND)
        moment = clocks.struct_time(
            (day.tm_year, day.tm_mon, day.tm_mday, int(hours), int(minutes), int(seconds or 0),
             0, 0, -1)
        )  # fmt: skip
        return int(clocks.mktime(moment)) * _SECOND + int(float(rest or 0) * _SECOND)
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"):
        try:
            return int(clocks.mktime(clocks.strptime(text, form))) * _SECOND
        except ValueError:
            continue
    return None
