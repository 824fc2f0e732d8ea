"""The main screens as pictures: a person has looked at them, and these hold them.

After a change that is meant: ``pytest tests/workbench/tui/test_screens.py --snapshot-update``, and
look at the pictures in ``__snapshots__``.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.workbench.command import ROOT
from tests.workbench.tui.pilot import Driver
from workbench.tui.app import FalcowbApp
from workbench.tui.bench import Arguments
from workbench.tui.pane import pane_specs
from workbench.tui.state import State

Before = Callable[[Driver], Awaitable[None]]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def looks_the_same(snap_compare: Any, tmp_path: Path) -> Callable[..., bool]:
    def compare(before: Before, size: tuple[int, int]) -> bool:
        panes = pane_specs(("events", "detail"))
        arguments = Arguments("samples/k8s_intrusion.jsonl", config="samples/falco.yaml")
        app = FalcowbApp(arguments, State(tmp_path / "state.json"), panes)

        async def run_before(pilot: Pilot[None]) -> None:
            driver = Driver(app, pilot)
            await driver.settled()
            detail = app.pane("detail")
            await driver.until(lambda: getattr(detail, "detail", None), "detail")
            await before(driver)
            await driver.drawn()

        same: bool = snap_compare(app, terminal_size=size, run_before=run_before)
        return same

    return compare


async def at_an_alert(driver: Driver) -> None:
    await driver.press("n", "n")
    event = driver.app.bench
    await driver.until(lambda: event.event is not None and event.event.number == 26)
    detail = driver.app.pane("detail")
    await driver.until(lambda: getattr(detail, "detail").number == 26)  # noqa: B009 # no pane has it


def test_an_alert(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same(at_an_alert, (120, 40))


def test_an_alert_on_a_small_terminal(looks_the_same: Callable[..., bool]) -> None:
    assert looks_the_same(at_an_alert, (80, 24))


def test_light(looks_the_same: Callable[..., bool]) -> None:
    async def light(driver: Driver) -> None:
        await at_an_alert(driver)
        await driver.press("ctrl+t", "space")

    assert looks_the_same(light, (120, 40))


def test_a_wrong_filter_with_completion(looks_the_same: Callable[..., bool]) -> None:
    async def wrong(driver: Driver) -> None:
        bench = driver.app.bench
        await driver.until(lambda: bench.fields is not None)
        await driver.press("slash")
        for part in driver.events.line.query("Input"):
            part.cursor_blink = False  # type: ignore[attr-defined] # an Input
        await driver.type("ka.verb = delete and ka.target.re")
        await driver.until(lambda: "▲" in driver.text(), "what is wrong")
        await driver.until(lambda: "ka.target.resource" in driver.text(), "completions")

    assert looks_the_same(wrong, (120, 40))


def test_the_help(looks_the_same: Callable[..., bool]) -> None:
    async def help_(driver: Driver) -> None:
        await driver.press("question_mark")

    assert looks_the_same(help_, (120, 40))
