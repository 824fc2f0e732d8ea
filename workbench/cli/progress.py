"""One line that tells how far a long command is, on a terminal only."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

_FIRST_AFTER = 1.0  # seconds: what is over sooner needs no progress
_EVERY = 0.25


class Progress:
    """``fraction`` tells how far, from 0 to 1, or None where nobody knows."""

    def __init__(self, fraction: Callable[[], float | None]) -> None:
        self._fraction = fraction
        self._started = time.monotonic()
        self._next = self._started + _FIRST_AFTER
        self._shown = False
        self._on = sys.stderr.isatty()

    def show(self, events: int) -> None:
        """Say how far it is, if that was last said a while ago."""
        now = time.monotonic()
        if not self._on or now < self._next:
            return
        self._next = now + _EVERY
        elapsed = now - self._started
        text = f"{events:,} events, {events / elapsed:,.0f}/s"
        fraction = self._fraction()
        if fraction:
            left = elapsed / fraction - elapsed
            text = f"{min(fraction, 1):.0%}, {text}, {left:.0f} s left"
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
        self._shown = True

    def clear(self) -> None:
        """Take the line away, so that something else can be printed."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False
