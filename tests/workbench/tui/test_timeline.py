"""The Timeline pane on a real capture: bars, scrubbing, ranges, playing, running to hits."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workbench.backend.made import INTRUSION, RULES, needs_captures
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.timeline.pane import TimelinePane
from workbench.tui.panes.timeline.player import SPEEDS, Player
from workbench.tui.screens.dialogs import Menu

CASE = Arguments(str(INTRUSION), (str(RULES),))


async def opened(driver: Driver) -> TimelinePane:
    await driver.settled()
    driver.app.show_pane("timeline")
    pane = driver.app.pane("timeline")
    assert isinstance(pane, TimelinePane)
    await driver.until(
        lambda: pane.chart.binned is not None and sum(pane.chart.binned.alerts) > 0, "counted"
    )
    return pane


def number(driver: Driver) -> int:
    event = driver.app.bench.event
    assert event is not None
    return event.number


def row(driver: Driver) -> int:
    event = driver.app.bench.event
    assert event is not None
    return event.row


@needs_captures
async def test_every_event_is_in_a_bin_and_keys_move_through_time(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(120, 50)) as driver:
        pane = await opened(driver)
        binned = pane.chart.binned
        assert binned is not None
        assert sum(binned.events) == 1400
        assert sum(binned.alerts) == 12
        assert [bool(alerts) for alerts in binned.alerts] == [p >= 0 for p in binned.gravest]
        before = number(driver)
        for _ in range(30):
            await driver.press("right")
        await driver.until(lambda: number(driver) > before, "the cursor moved on")
        table = driver.events.table
        await driver.until(lambda: pane.is_still and row(driver) == table.cursor, "it is there")
        later = row(driver)
        await driver.press("comma")
        await driver.until(lambda: row(driver) == later - 1, "a step back")
        await driver.press("full_stop")
        await driver.until(lambda: row(driver) == later, "a step")


@needs_captures
async def test_a_range_narrows_the_events(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(120, 50)) as driver:
        pane = await opened(driver)
        await driver.press(*["shift+right"] * 40)
        brush = pane.chart.brush
        assert brush is not None
        await driver.press("enter")
        bench = driver.app.bench
        await driver.until(lambda: (bench.view.start, bench.view.stop) == brush)
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        assert bench.looked is not None and 0 < bench.looked.rows < 1400
        await driver.press("plus")
        await driver.until(lambda: pane.chart.binned and pane.chart.binned.start == brush[0])
        await driver.press("0", "escape")
        await driver.until(lambda: bench.view.start is None and pane.chart.brush is None)
        await driver.until(lambda: pane.chart.binned and sum(pane.chart.binned.events) == 1400)


@needs_captures
async def test_running_to_the_hits_of_a_rule_and_playing(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(120, 50)) as driver:
        pane = await opened(driver)
        await driver.press("r")
        await driver.until(lambda: number(driver) > 1, "the first alert")
        alert = number(driver)
        await driver.press("b")
        await driver.until(lambda: isinstance(driver.app.screen, Menu))
        await driver.press("down", "enter")  # the rule with the most hits
        await driver.until(lambda: pane.breakpoint)
        await driver.until(lambda: pane.chart.binned and sum(pane.chart.binned.hits) > 0)
        driver.app.show_pane("events")
        await driver.press("home")
        await driver.until(lambda: number(driver) == 1)
        driver.app.show_pane("timeline")
        await driver.press("r")
        await driver.until(lambda: number(driver) > 1, "a hit")
        assert number(driver) >= alert
        # Playing goes on by itself, faster with every press, and ends.
        await driver.press("0", *[">"] * len(SPEEDS), "space")
        await driver.until(lambda: not pane.player.playing, "it stops at a hit or at the end")


def test_time_stops_where_it_was_told_to_and_at_the_end() -> None:
    player = Player(playing=True, speed=10.0)
    assert player.advance(0.5, 20_000_000_000) == 5_000_000_000
    assert player.playing
    player.stop_at = 8_000_000_000
    assert player.advance(0.5, 20_000_000_000) == 8_000_000_000
    assert not player.playing
    player.playing, player.stop_at = True, None
    assert player.advance(100, 20_000_000_000) == 20_000_000_000
    assert not player.playing


@pytest.mark.parametrize(
    ("length", "speed"), [(30_000_000_000, 1.0), (10, 0.001), (10**18, SPEEDS[-1])]
)
def test_a_capture_plays_in_about_half_a_minute(length: int, speed: float) -> None:
    player = Player()
    player.fit(length)
    assert player.speed == speed
