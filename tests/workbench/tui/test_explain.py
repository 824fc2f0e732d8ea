"""The Explain pane on a real capture: why a rule fires, what stands in its way, near misses."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.backend.made import INTRUSION, RULES, needs_captures
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.explain.pane import ExplainPane
from workbench.tui.screens.dialogs import Menu

pytestmark = needs_captures
CASE = Arguments(str(INTRUSION), (str(RULES),))


def pane(driver: Driver) -> ExplainPane:
    found = driver.app.pane("explain")
    assert isinstance(found, ExplainPane)
    return found


async def opened(driver: Driver) -> ExplainPane:
    await driver.settled()
    driver.app.show_pane("explain")
    explain = pane(driver)
    await driver.until(lambda: explain.found is not None, "explained")
    return explain


async def alert(driver: Driver) -> None:
    """Go to the next event that alerts."""
    explain, before = pane(driver), driver.app.bench.event
    driver.app.show_pane("events")
    await driver.press("n")
    await driver.until(lambda: driver.app.bench.event != before, "another event")
    event = driver.app.bench.event
    assert event is not None
    await driver.until(lambda: explain.found and explain.found.number == event.number)
    driver.app.show_pane("explain")
    await driver.pilot.pause()


async def test_why_a_rule_fires_and_the_part_that_stands_in_the_way(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(160, 50)) as driver:
        explain = await opened(driver)
        await alert(driver)
        assert explain.explanation is not None and explain.explanation.fires
        fired = explain.explanation.rule
        assert f"{fired} fires." in driver.text()
        assert "saw" in driver.text()
        # A rule chosen by hand stays while events change, and says what is in its way.
        await driver.press("r")
        await driver.until(lambda: isinstance(driver.app.screen, Menu))
        await driver.press("enter")  # those that fire here come first
        await driver.until(lambda: explain.rule == fired)
        driver.app.show_pane("events")
        await driver.press("home")
        await driver.until(
            lambda: explain.explanation is not None and not explain.explanation.fires
        )
        assert f"{fired} does not fire." in driver.text()
        driver.app.show_pane("explain")
        await driver.press("A")
        await driver.until(lambda: explain.rule == "")


async def test_near_misses_lead_to_their_events(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(160, 50)) as driver:
        explain = await opened(driver)
        await alert(driver)
        await driver.press("right")
        await driver.until(lambda: explain.near.missed is not None, "near misses")
        missed = explain.near.missed
        assert missed is not None
        assert 1 <= missed.matched < missed.events <= 1400
        assert missed.groups, "this rule misses something"
        group = missed.groups[0]
        assert f"{group.count:,}" in driver.text() and group.text[:20] in driver.text()
        await driver.press("enter")
        bench = driver.app.bench
        await driver.until(lambda: bench.view.numbers == group.first, "those events are shown")
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        assert bench.looked is not None and bench.looked.rows == len(group.first)


async def test_a_check_narrows_the_events(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(160, 50)) as driver:
        explain = await opened(driver)
        await alert(driver)
        leaf = next(part for part in explain.explanation.root.walk() if part.saw)  # type: ignore[union-attr] # there is one
        while explain.condition.chosen is not leaf:
            await driver.press("down")
        await driver.press("equals_sign")
        bench = driver.app.bench
        await driver.until(lambda: bench.view.condition == leaf.text)
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        assert bench.looked is not None and 0 < bench.looked.rows < 1400
