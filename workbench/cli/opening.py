"""Opening a capture for a command, telling how far an import of a ``.scap`` is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from capture.reader import Capture


def open_with_progress(path: str | Path) -> Capture:
    """A capture folder, or a ``.scap`` through the cache. Raises CaptureError; KeyboardInterrupt
    when Ctrl-C is pressed during an import."""
    from workbench.core.captures import open_any

    with ImportProgress() as progress:
        return open_any(path, progress)


class ImportProgress:
    """Gives what an import calls with its progress; shown on a terminal, stopped by Ctrl-C."""

    def __enter__(self) -> Callable[[int, float | None], None]:
        from workbench.cli.interrupt import Interrupt
        from workbench.cli.progress import Progress

        self._fraction: float | None = None
        self._shown = Progress(lambda: self._fraction)
        self._interrupt = Interrupt().__enter__()
        return self._tell

    def __exit__(self, *_: object) -> None:
        self._interrupt.__exit__()
        self._shown.clear()

    def _tell(self, events: int, fraction: float | None) -> None:
        self._fraction = fraction
        self._shown.show(events)
        if self._interrupt.wanted:
            raise KeyboardInterrupt


class Told:
    """Called with the events so far, out of ``total``: shows how far a command is, and raises
    KeyboardInterrupt once Ctrl-C was pressed."""

    def __init__(self, total: int) -> None:
        from workbench.cli.interrupt import Interrupt
        from workbench.cli.progress import Progress

        self._events = 0
        self._shown = Progress(lambda: self._events / total if total else None)
        self._interrupt = Interrupt()

    def __enter__(self) -> Told:
        self._interrupt.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._interrupt.__exit__()
        self._shown.clear()

    def __call__(self, events: int) -> None:
        self._events = events
        self._shown.show(events)
        if self._interrupt.wanted:
            raise KeyboardInterrupt
