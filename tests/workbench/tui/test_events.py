"""The events pane and the detail beside it, on a real capture."""

from __future__ import annotations

import json
from pathlib import Path

from tests.workbench.backend.made import INTRUSION, RULES, needs_captures
from tests.workbench.command import SAMPLES
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.detail import DetailPane
from workbench.tui.panes.events.layouts import RULE
from workbench.tui.screens.columns import Columns
from workbench.tui.screens.dialogs import Menu, Prompt

pytestmark = needs_captures
CASE = Arguments(str(INTRUSION), (str(RULES),))
PANES = ("events", "detail")


async def filtered(driver: Driver, condition: str) -> None:
    await driver.press("slash")
    await driver.type(condition)
    await driver.press("enter")
    bench = driver.app.bench
    await driver.until(lambda: bench.view.condition == condition, condition)
    await driver.settled()


def number(driver: Driver) -> int:
    event = driver.app.bench.event
    assert event is not None
    return event.number


async def test_moving_jumping_and_alerts(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        table = driver.events.table
        assert "12 alerts" in driver.text() and "1 of 1,400" in driver.text()
        assert number(driver) == 1
        await driver.press("down", "down")
        await driver.until(lambda: number(driver) == 3)
        await driver.press("end")
        await driver.drawn()
        await driver.until(lambda: table.cursor == table.count - 1 == 1399)
        last = number(driver)
        await driver.press("n")
        await driver.until(lambda: "No further alert" in driver.text(), "no alert after the last")
        await driver.press("home")
        alerts = []
        for _ in range(3):
            before = table.cursor
            await driver.press("n")
            await driver.until(lambda before=before: table.cursor > before)  # type: ignore[misc] # default
            await driver.drawn()
            row = table.row(table.cursor)
            assert row is not None and row.priority >= 0 and row.rule
            alerts.append(row.number)
        await driver.press("p")
        await driver.until(lambda: number(driver) == alerts[1], "the alert before")
        await driver.press("g")
        await driver.type("777")
        await driver.press("enter")
        await driver.until(lambda: number(driver) == 777)
        await driver.press("g")
        await driver.type("+10m")
        await driver.press("enter")
        await driver.until(lambda: number(driver) == last, "the end is nearer than ten minutes")
        await driver.press("g")
        await driver.type("nowhere")
        await driver.press("enter")
        assert isinstance(driver.app.screen, Prompt)
        assert "Neither a number nor a time" in driver.text()
        await driver.press("escape")
        assert driver.app.screen is driver.app.screen_stack[0]


async def test_filter_with_completion_and_errors(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        await driver.until(lambda: driver.app.bench.fields is not None)
        await driver.press("g")
        await driver.type("390")
        await driver.press("enter")
        await driver.until(lambda: number(driver) == 390)
        await driver.press("slash")
        await driver.press(*"proc", "full_stop", *"na")
        assert "proc.name" in driver.text() and "charbuf" in driver.text()
        await driver.press("tab")
        assert driver.events.line.value == "proc.name "
        await driver.type("= ")
        await driver.type("bash and")
        await driver.until(lambda: "▲" in driver.text(), "the error is shown below the line")
        await driver.press("enter")
        await driver.pilot.pause(0.2)
        assert driver.app.bench.view.condition == "", "a wrong condition changes nothing"
        await driver.type(" evt.type=openat")
        await driver.until(lambda: "▲" not in driver.text(), "the error is gone")
        await driver.press("enter")
        bench = driver.app.bench
        await driver.until(lambda: bench.view.condition.endswith("openat"))
        await driver.settled()
        assert bench.looked is not None and 0 < bench.looked.rows < 1400
        assert number(driver) == 390, "the cursor stays at its event"
        types = {row.cells[4] for row in driver.events.table.cache.some()}
        assert types == {"openat"}
        # A macro of the rules; an unknown word; back and all.
        await driver.press("slash", "ctrl+u")
        await driver.type("spawned_process")
        await driver.press("enter")
        await driver.until(lambda: bench.view.condition == "spawned_process")
        await driver.settled()
        await driver.press("u")
        await driver.until(lambda: bench.view.condition.endswith("openat"))
        await driver.press("x")
        await driver.until(lambda: bench.view.is_all)
        await driver.settled()
        assert driver.events.table.count == 1400


async def test_narrowing_by_a_value_and_by_alerts(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        bench, table = driver.app.bench, driver.events.table
        await driver.press("a")
        await driver.until(lambda: bench.view.only == "alerts")
        await driver.settled()
        assert table.count == 12
        await driver.press("right", "right")
        assert table.field == "proc.name"
        row = table.row(table.cursor)
        assert row is not None
        await driver.press("equals_sign")
        await driver.until(lambda: bench.view.condition == f"proc.name = {row.cells[2]}")
        await driver.settled()
        assert 0 < table.count < 12
        await driver.press("a")
        await driver.until(lambda: bench.view.only == "")
        await driver.settled()
        more = table.count
        await driver.press("x")
        await driver.until(lambda: bench.view.is_all)
        await driver.settled()
        await driver.press("minus")
        await driver.until(lambda: "!=" in bench.view.condition)
        await driver.settled()
        assert 0 < table.count <= 1400 - more or table.count > 0


async def test_following_a_process_and_a_file(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        bench, table = driver.app.bench, driver.events.table
        await driver.press("g")
        await driver.type("30")
        await driver.press("enter")
        await driver.until(lambda: number(driver) == 30)
        await driver.press("f")
        await driver.until(lambda: isinstance(driver.app.screen, Menu))
        assert "process and its descendants" in driver.text() and "/etc/shadow" in driver.text()
        await driver.press("enter")
        await driver.until(lambda: "proc.apid" in bench.view.condition)
        await driver.settled()
        process = table.count
        assert 5 < process < 200
        await driver.press("f")
        await driver.until(lambda: isinstance(driver.app.screen, Menu))
        await driver.type("file")
        await driver.press("enter")
        await driver.until(lambda: bench.view.condition == "fd.name = /etc/shadow")
        await driver.settled()
        assert 0 < table.count < process


async def test_marks_and_copies(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        bench, table = driver.app.bench, driver.events.table
        await driver.press("space", "down", "space")
        await driver.until(lambda: bench.marks == {1, 3})
        assert "2 marked" in driver.text() and "✚" in driver.text()
        await driver.press("c")
        await driver.until(lambda: driver.app.clipboard)
        events = [json.loads(line) for line in driver.app.clipboard.splitlines()]
        assert [event["evt.num"] for event in events] == [1, 3]
        assert events[0]["evt.type"] == "openat" and len(events[0]) > 50
        await driver.press("end")
        await driver.until(lambda: table.cursor == 1399)
        await driver.drawn()
        await driver.press("left_square_bracket")
        await driver.until(lambda: number(driver) == 3)
        await driver.press("M")
        await driver.until(lambda: bench.view.numbers == (1, 3))
        await driver.settled()
        assert table.count == 2
    # All of it is there again: marks, and where one was.
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        assert driver.app.bench.marks == {1, 3}


async def test_where_one_was_is_remembered(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        await filtered(driver, "proc.name=find")
        await driver.press("end")
        await driver.drawn()
        await driver.until(lambda: driver.events.table.cursor == driver.events.table.count - 1)
        there = number(driver)
        await driver.press("ctrl+t")
        theme = driver.app.theme
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        assert driver.app.bench.view.condition == "proc.name=find"
        await driver.until(lambda: number(driver) == there)
        assert driver.app.theme == theme
        assert driver.app.state.recent()[0]["path"] == str(INTRUSION)


async def test_columns(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        await driver.until(lambda: driver.app.bench.fields is not None)
        table = driver.events.table
        await driver.press("o")
        assert isinstance(driver.app.screen, Columns)
        await driver.type("user.name")
        await driver.press("enter")
        await driver.press(*["backspace"] * 9)
        await driver.type("proc.aname[2]")
        await driver.press("enter", "ctrl+s")
        assert table.fields[-2:] == ["user.name", "proc.aname[2]"]
        await driver.drawn()
        row = table.row(table.count - 1 if table.count < 40 else 29)
        assert row is not None and row.cells[-2] == "root"
        await driver.press("o")
        await driver.press("ctrl+l")
        await driver.type("files")
        await driver.press("enter", "ctrl+s")
        assert "fd.name" in table.fields and "user.name" in table.fields
        await driver.press("greater_than_sign")
        assert table.widths
        driver.events.set_fields([*table.fields, RULE])
        await driver.drawn()
        await driver.press("n")
        await driver.until(lambda: (row := table.row(table.cursor)) and row.cells[-1])
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        assert RULE in driver.events.table.fields and driver.events.table.widths


async def test_detail(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, panes=PANES) as driver:
        await driver.settled()
        detail = driver.app.pane("detail")
        assert isinstance(detail, DetailPane)
        await driver.press("n")
        await driver.until(lambda: detail.detail and detail.detail.number == 30)
        assert "Read sensitive file untrusted" in driver.text()
        await driver.press("enter")
        assert detail.has_focus_within
        await driver.press("right")
        assert "dirfd" in driver.text()
        await driver.press("right")
        await driver.press("right")
        assert "cat /etc/shadow" in driver.text()
        await driver.press("right")
        await driver.until(
            lambda: "/etc/shadow" in driver.text() and "fd" in driver.text(), "files"
        )
        await driver.press("right")
        await driver.until(lambda: "cmdline" in driver.text())
        # A field of the detail becomes a column, and narrows the view.
        await driver.press("home")
        value = detail._value
        assert value is not None
        await driver.press("plus")
        assert value.name in driver.events.table.fields
        await driver.press("equals_sign")
        await driver.until(lambda: value.name in driver.app.bench.view.condition)


async def test_an_audit_log(tmp_path: Path) -> None:
    arguments = Arguments(str(SAMPLES / "k8s_intrusion.jsonl"), config=str(SAMPLES / "falco.yaml"))
    async with running(arguments, tmp_path, panes=PANES) as driver:
        await driver.settled()
        assert "ka.verb" in driver.text() and "28 alerts" in driver.text()
        detail = driver.app.pane("detail")
        assert isinstance(detail, DetailPane)
        await driver.until(lambda: detail.detail is not None)
        await driver.press("enter", "right", "right")
        await driver.until(lambda: '"auditID"' in driver.text(), "the payload as JSON")
