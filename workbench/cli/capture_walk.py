"""What commands that question a capture again and again have in common."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workbench.authoring.walk import Walk
    from workbench.core.session import Session


@contextmanager
def walking(session: Session, source: str) -> Iterator[Walk]:
    """A capture or what a plugin opens, gone through with progress on a terminal. Ctrl-C raises
    KeyboardInterrupt."""
    from workbench.authoring.walk import Walk
    from workbench.cli.interrupt import Interrupt
    from workbench.cli.progress import Progress
    from workbench.core.events import (
        Events,
        is_capture,
        open_capture_events,
        open_plugin_events,
    )

    told: list[float | None] = [None]
    progress = Progress(lambda: told[0])

    def open_events() -> Events:
        if is_capture(source):
            return open_capture_events(session, source, None, None)
        return open_plugin_events(session, source, None, None)

    with Interrupt() as interrupt:

        def tick(events: int, fraction: float | None) -> None:
            told[0] = fraction
            progress.show(events)
            if interrupt.wanted:
                raise KeyboardInterrupt

        try:
            yield Walk(open_events, session, source if is_capture(source) else None, tick)
        finally:
            progress.clear()
