"""Moments as people write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from capture.errors import FalcowbError

_EPOCH = re.compile(r"(\d{1,10})(?:\.(\d{1,9}))?")
_FRACTION = re.compile(r"\.(\d{1,9})")


def parse_moment(text: str) -> int:
    """Nanoseconds since the epoch of ``2026-01-31T23:59:59.000000001Z`` or of seconds since the
    epoch (``1769903999.5``). A moment without a zone is UTC; a date alone is its midnight.

    Raises FalcowbError for anything else, and for moments outside 1970 to 2262.
    """
    stripped = text.strip()
    nanoseconds = _parse(stripped)
    if nanoseconds is None or not 0 <= nanoseconds < 2**63:
        raise FalcowbError(
            f"'{text}' is no moment falcowb can read",
            hint="Write 2026-01-31T23:59:59Z, 2026-01-31 23:59, or seconds since the epoch.",
        )
    return nanoseconds


def _parse(text: str) -> int | None:
    if whole := _EPOCH.fullmatch(text):
        return int(whole[1]) * 10**9 + int((whole[2] or "0").ljust(9, "0"))
    # datetime keeps microseconds; ours are nanoseconds.
    fraction = _FRACTION.search(text)
    try:
        moment = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    rest = int(fraction[1].ljust(9, "0")) if fraction else 0
    return int(moment.timestamp()) * 10**9 + rest
