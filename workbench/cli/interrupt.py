"""Ctrl-C as a wish to stop, taken up between two steps of work rather than in the midst of one.

A plugin written in Python runs in this interpreter: an exception out of a signal handler would
arise inside the plugin, and be taken for its failure.
"""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Self


class Interrupt:
    """Use with ``with``. ``wanted`` tells whether Ctrl-C was pressed; pressed again, the process
    ends at once."""

    def __init__(self) -> None:
        self.wanted = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _note(self, _signal: int, _frame: FrameType | None) -> None:
        if self.wanted:
            os._exit(130)
        self.wanted = True
