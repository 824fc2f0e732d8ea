"""Progress told not too often."""

from __future__ import annotations

import time


class Throttle:
    """``due`` is true at first and then at most once in so many seconds."""

    def __init__(self, seconds: float = 0.1) -> None:
        self._seconds = seconds
        self._last = 0.0

    def due(self) -> bool:
        now = time.monotonic()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
