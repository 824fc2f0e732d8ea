"""The main screens as pictures: a person has looked at them, and these hold them.

After a change that is meant: ``pytest tests/workbench/tui/test_screens.py --snapshot-update``, and
look at the pictures in ``__snapshots__``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from tests.workbench.command import ROOT
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.detail import DetailPane

CASE = Arguments("samples/k8s_intrusion.jsonl", config="samples/falco.yaml")


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def at(driver: Driver, number: int) -> None:
    """The cursor and the detail are at an event, and all is drawn."""
    detail = driver.app.pane("detail")
    assert isinstance(detail, DetailPane)
    await driver.until(lambda: detail.detail and detail.detail.number == number, f"at {number}")
    await driver.drawn()
    await driver.pilot.pause(0.2)


async def test_the_main_screens(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    pictures = snapshot.use_extension(SVGImageExtension)

    def picture(name: str) -> None:
        assert driver.app.export_screenshot(title="falcowb") == pictures(name=name)

    async with running(CASE, tmp_path, (120, 40), panes=("events", "detail")) as driver:
        await driver.settled()
        await at(driver, 1)
        await driver.press("n")
        await at(driver, 18)
        await driver.press("n")
        await at(driver, 26)
        picture("an alert")
        await driver.press("question_mark")
        await driver.pilot.pause(0.2)
        picture("help")
        await driver.press("escape")
        await driver.pilot.resize_terminal(80, 24)
        await driver.pilot.pause(0.2)
        await at(driver, 26)
        picture("an alert on a small terminal")
        await driver.pilot.resize_terminal(120, 40)
        await driver.press("ctrl+t", "space")
        await at(driver, 27)
        picture("light")
        await driver.press("ctrl+t", "slash")
        await driver.until(lambda: driver.app.bench.fields is not None)
        driver.events.query_one(Input).cursor_blink = False
        await driver.type("ka.verb = delete and ka.target.re")
        await driver.until(lambda: "▲" in driver.text(), "what is wrong")
        await driver.until(lambda: "ka.target.resource " in driver.text(), "completions")
        await driver.pilot.pause(0.2)
        picture("a wrong filter with completions")
