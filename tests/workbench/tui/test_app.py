"""The app as a whole: panes, palette, help, start, sizes, a crash of the engine."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.workbench.backend.made import INTRUSION, RULES, needs_captures, of_numbers
from tests.workbench.tui.pilot import running
from workbench.tui.bench import Arguments
from workbench.tui.commands import entries
from workbench.tui.screens.help import Help
from workbench.tui.screens.start import Start

CASE = Arguments(str(INTRUSION), (str(RULES),))


@needs_captures
async def test_panes_sizes_and_zoom(tmp_path: Path) -> None:
    async with running(CASE, tmp_path) as driver:
        await driver.settled()
        work, app = driver.app.workspace, driver.app
        main, side = work.areas["main"], work.areas["side"]
        await driver.press("2")
        assert side.has_focus_within
        await driver.press("1")
        assert main.has_focus_within
        await driver.press("tab")
        assert not main.has_focus_within
        await driver.press("shift+tab")
        assert main.has_focus_within
        width = main.size.width
        await driver.press("alt+right", "alt+right")
        await driver.until(lambda: main.size.width > width)
        await driver.press("z")
        await driver.until(lambda: main.size.width == app.size.width)
        assert not side.is_on_screen or side.size.width == 0
        await driver.press("z")
        await driver.until(lambda: side.size.width > 0)
        await driver.pilot.resize_terminal(80, 24)
        await driver.until(lambda: main.size.width == 80 == side.size.width)
        assert main.region.y < side.region.y
        await driver.pilot.resize_terminal(200, 60)
        await driver.until(lambda: main.region.y == side.region.y)
        await driver.drawn()


@needs_captures
async def test_every_action_is_in_the_palette_and_the_help(tmp_path: Path) -> None:
    async with running(CASE, tmp_path) as driver:
        await driver.settled()
        titles = {entry.title for entry in entries(driver.app)}
        for title in ("Events: Filter", "Events: Follow", "Detail: Add as column", "Quit",
                      "Show Detail", "Restart the engine", "Dark or light"):  # fmt: skip
            assert title in titles
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, Help)
        assert "Everywhere" in driver.text()
        await driver.press("escape")
        await driver.press("ctrl+p")
        await driver.type("alerts only")
        await driver.pilot.pause(0.5)
        await driver.press("enter")
        await driver.until(lambda: driver.app.bench.view.only == "alerts", "run from the palette")


async def test_start_screen(tmp_path: Path) -> None:
    path = of_numbers(tmp_path / "small.fcap", {"red": [[1, 2, 3]]})
    async with running(Arguments(str(path)), tmp_path) as driver:
        await driver.settled()
    async with running(None, tmp_path) as driver:
        await driver.until(lambda: isinstance(driver.app.screen, Start))
        assert "small.fcap" in driver.text() and "A token leaves the shop" in driver.text()
        await driver.press("enter")
        await driver.settled()
        assert driver.app.bench.opened is not None
        assert driver.events.table.count == 3
        assert "No loaded plugin knows" in "".join(driver.app.bench.opened.notes)


async def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "bad.scap").write_bytes(b"this is no capture")
    async with running(Arguments(str(tmp_path / "bad.scap")), tmp_path) as driver:
        await driver.until(lambda: driver.app.bench.trouble)
        assert "bad.scap" in driver.text() and "✖" in driver.text()


async def test_a_crash_of_the_engine_is_told_and_mended(tmp_path: Path) -> None:
    path = of_numbers(tmp_path / "small.fcap", {"red": [list(range(1, 500))]})
    async with running(Arguments(str(path)), tmp_path) as driver:
        await driver.settled()
        await driver.press("g")
        await driver.type("400")
        await driver.press("enter")
        bench = driver.app.bench
        await driver.until(lambda: bench.event is not None and bench.event.number == 400)
        pid = bench.engine.pid
        assert pid is not None
        os.kill(pid, signal.SIGSEGV)
        await driver.until(lambda: bench.engine.pid not in (None, pid), "a new process")
        await driver.until(lambda: "Engine restarted" in driver.text())
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        await driver.drawn()
        assert bench.event is not None and bench.event.number == 400
        await driver.press("home")
        await driver.drawn()
        await driver.until(lambda: bench.event is not None and bench.event.number == 1)


async def test_keys_while_nothing_is_open(tmp_path: Path) -> None:
    """No key fails before a capture is there."""
    (tmp_path / "bad.scap").write_bytes(b"no")
    async with running(Arguments(str(tmp_path / "bad.scap")), tmp_path) as driver:
        keys = ["n", "p", "space", "equals_sign", "minus", "a", "x", "u", "c", "C", "o", "f", "M"]
        for key in [*keys, "down", "end", "pagedown", "left", "enter", "plus", "c", "2", "right"]:
            await driver.press(key)
        await driver.until(lambda: driver.app.bench.trouble)


async def test_the_picture_of_the_screen(tmp_path: Path, monkeypatch: object) -> None:
    path = of_numbers(tmp_path / "small.fcap", {"red": [[1, 2, 3]]})
    async with running(Arguments(str(path)), tmp_path) as driver:
        await driver.settled()
        before = Path.cwd()
        try:
            os.chdir(tmp_path)
            await driver.press("f12")
        finally:
            os.chdir(before)
        (picture,) = tmp_path.glob("*.svg")
        assert "<svg" in picture.read_text(encoding="utf-8")
