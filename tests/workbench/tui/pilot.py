"""Drives the app on a real capture, as a person would."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot
from textual.widgets import Input

from workbench.tui.app import FalcowbApp
from workbench.tui.bench import Arguments
from workbench.tui.pane import pane_specs
from workbench.tui.panes.events.pane import EventsPane
from workbench.tui.state import State

#: Seconds within which anything must have happened, on a machine that does much else.
PATIENCE = float(os.environ.get("FALCOWB_TEST_PATIENCE") or 90)


class Driver:
    """An app that runs, and its pilot."""

    def __init__(self, app: FalcowbApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def events(self) -> EventsPane:
        pane = self.app.pane("events")
        assert isinstance(pane, EventsPane)
        return pane

    async def until(self, holds: Callable[[], object], what: str = "") -> None:
        """Wait until something holds; fails where it never does."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"never came to pass: {what or holds}")
            await self.pilot.pause(0.05)
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        """Into the line that has the focus, as a paste does: a key for each would take long."""
        focused = self.app.focused
        assert isinstance(focused, Input)
        focused.insert_text_at_cursor(text)
        await self.pilot.pause()

    async def settled(self) -> None:
        """All is indexed, judged and drawn."""
        bench = self.app.bench
        await self.until(lambda: bench.indexed is not None, "indexed")
        await self.until(lambda: bench.looked is not None and bench.looked.complete, "looked")
        await self.until(lambda: bench.judged is not None and bench.judged.complete, "judged")
        await self.drawn()

    async def drawn(self) -> None:
        """The rows in sight are there."""
        table = self.events.table

        def there() -> bool:
            top = int(table.scroll_offset.y)
            return table.cache.complete(top, min(top + table.lines, table.count))

        await self.until(there, "rows are drawn")

    def text(self) -> str:
        """What the screen shows, as plain text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in lines)


@asynccontextmanager
async def running(
    arguments: Arguments | None,
    folder: Path,
    size: tuple[int, int] = (120, 40),
    *,
    panes: Collection[str] | None = None,
) -> AsyncIterator[Driver]:
    """The app, with all panes or those of some modules; its state is in ``folder``."""
    app = FalcowbApp(arguments, State(folder / "state.json"), pane_specs(panes))
    async with app.run_test(size=size, notifications=True) as pilot:
        driver = Driver(app, pilot)
        try:
            yield driver
        finally:
            await asyncio.to_thread(app.bench.engine.close)
