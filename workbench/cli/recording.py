"""A recording as a person meets it: signals, a status line, and what is said at its end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.core.record import Told

#: Seconds between two looks of the status line.
_EVERY = 0.5
#: Most notes that are printed at the end.
_MAX_NOTES = 5


class Signals:
    """What signals ask for. SIGINT, SIGTERM and SIGHUP (unless ignored, as under ``nohup``) set
    ``stop``; the second one ends the process at once. SIGUSR1 sets ``rotate``.

    With a command under us that is in the foreground of a terminal, Ctrl-C is the command's: it
    got the signal too, and its end ends the recording. SIGTERM is passed on to it (``passed_on``).
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.rotate = threading.Event()
        self.asked = 0  # the signal that asked to stop
        self.with_command = False
        self.passed_on: Callable[[], None] = lambda: None
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if each is not signal.SIGHUP or signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, self._stop)
        signal.signal(signal.SIGUSR1, self._rotate)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.asked:
            os._exit(128 + number)
        if number == signal.SIGINT and self.with_command and _in_foreground():
            return
        self.asked = number
        self.stop.set()
        if self.with_command and number == signal.SIGTERM:
            self.passed_on()

    def _rotate(self, _number: int, _frame: FrameType | None) -> None:
        self.rotate.set()


def _in_foreground() -> bool:
    """Whether this process is in the foreground of a terminal: then Ctrl-C reached all of it."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


class StatusLine:
    """Events a second, losses, size and alerts, on a terminal, twice a second; use with ``with``.

    ``alerts``: how many there were, None where nobody looks. Not ``on``, or on no terminal, it says
    nothing. ``size``: with the size on disk. ``say`` prints a line in its place.
    """

    def __init__(
        self, told: Told, alerts: Callable[[], int | None], *, on: bool = True, size: bool = True
    ) -> None:
        self._told = told
        self._alerts = alerts
        self._size = size
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._shown = False
        self._on = on and sys.stderr.isatty()
        self._thread = threading.Thread(target=self._show, name="status line", daemon=True)

    def __enter__(self) -> StatusLine:
        if self._on:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._on:
            self._thread.join()
            self._clear()

    def say(self, text: str) -> None:
        """A line for the person, above the status."""
        with self._lock:
            self._clear()
            print(text, file=sys.stderr, flush=True)

    def _show(self) -> None:
        started = last = time.monotonic()
        before = 0
        while not self._ended.wait(_EVERY):
            now = time.monotonic()
            events = sum(count for count, _ in list(self._told.counts.values()))
            rate = (events - before) / (now - last)
            before, last = events, now
            with self._lock:
                print(f"\r\x1b[K{self._text(events, rate, now - started)}", end="", file=sys.stderr)
                sys.stderr.flush()
                self._shown = True

    def _text(self, events: int, rate: float, seconds: float) -> str:
        from workbench.core.sizes import size_text

        if not self._told.counts:
            return f"{seconds:.0f} s  starting"
        lost = sum(drops for _, drops in list(self._told.counts.values()))
        parts = [
            f"{seconds:.0f} s",
            f"{events:,} events",
            f"{rate:,.0f}/s",
            f"{lost:,} lost",
        ]
        if self._size:
            parts.append(size_text(self._told.bytes))
        alerts = self._alerts()
        if alerts is not None:
            parts.append(f"{alerts:,} alert{'' if alerts == 1 else 's'}")
        return "  ".join(parts)

    def _clear(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False


def say(text: str) -> None:
    """A line for the person."""
    print(text, file=sys.stderr, flush=True)


def print_end(told: Told) -> None:
    """What was recorded, and what is missing."""
    for name, (count, drops) in told.counts.items():
        dropped = f", {drops:,} dropped" if drops else ""
        print(f"{name}: {count:,} events recorded{dropped}.", file=sys.stderr)
    print_losses(told)
    for note in told.notes[:_MAX_NOTES]:
        print(note, file=sys.stderr)
    if len(told.notes) > _MAX_NOTES:
        print(f"and {len(told.notes) - _MAX_NOTES} more; falcowb info tells them.", file=sys.stderr)


def print_losses(told: Told) -> None:
    for reason, count in told.lost.most_common():
        events = "event" if count == 1 else "events"
        print(f"Lost {count:,} {events}: {reason}.", file=sys.stderr)
