"""The SQL pane: a query, a mistake, rows that lead to their events, a query that is cancelled."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.command import SAMPLES
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.sql.pane import SqlPane

RULES = SAMPLES.parent / "rules" / "syscall_rules.yaml"
CASE = Arguments(str(SAMPLES / "intrusion.fcap"), (str(RULES),))


async def opened(driver: Driver) -> SqlPane:
    await driver.settled()
    driver.app.show_pane("sql")
    pane = driver.app.pane("sql")
    assert isinstance(pane, SqlPane)
    return pane


async def asked(driver: Driver, sql: str) -> SqlPane:
    pane = driver.app.pane("sql")
    assert isinstance(pane, SqlPane)
    driver.app.show_pane("sql")
    pane.query_text.text = sql
    await driver.press("f5")
    await driver.until(lambda: not pane.running, sql)
    return pane


async def test_rows_mistakes_and_events(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(120, 45)) as driver:
        await opened(driver)
        pane = await asked(driver, "SELECT count(*) AS many FROM events")
        assert pane.rows is not None and pane.rows.rows == (("2263",),)
        assert "2263" in driver.text()
        pane = await asked(driver, "SELECT proc_nme FROM events")
        assert pane.rows is None
        assert "Did you mean proc_name?" in driver.text()
        pane = await asked(driver, "SELECT num, rule FROM alerts ORDER BY num")
        assert pane.rows is not None and pane.rows.numbers is not None
        numbers = sorted({number for number in pane.rows.numbers if number is not None})
        await driver.press("f6")
        bench = driver.app.bench
        await driver.until(lambda: bench.view.numbers == tuple(numbers), "their events are shown")
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        assert bench.looked is not None and bench.looked.rows == len(numbers)
        driver.app.show_pane("sql")
        await driver.press("escape")
        assert pane.table.has_focus
        await driver.press("enter")
        await driver.until(lambda: bench.event is not None and bench.event.number == numbers[0])


async def test_a_query_is_cancelled_and_the_next_one_is_answered(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(120, 45)) as driver:
        pane = await opened(driver)
        pane.query_text.text = "SELECT count(*) FROM range(100000) a, range(10000000) b"
        await driver.press("f5")
        await driver.until(lambda: pane.running)
        await driver.press("escape")
        assert not pane.running and "cancelled" in driver.text()
        pane = await asked(driver, "SELECT 41 + 1 AS answer")
        assert pane.rows is not None and pane.rows.rows == (("42",),)
