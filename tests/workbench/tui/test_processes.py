"""The Processes pane on a real capture: the tree follows the cursor, alerts are on processes."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.backend.made import INTRUSION, RULES, needs_captures
from tests.workbench.tui.pilot import Driver, running
from workbench.backend.questions.processes import ProcessAlerts, ProcessFacts, ProcessTree
from workbench.tui.bench import Arguments
from workbench.tui.panes.processes.forest import Branch, forest
from workbench.tui.panes.processes.pane import ProcessesPane

CASE = Arguments(str(INTRUSION), (str(RULES),))


async def opened(driver: Driver) -> ProcessesPane:
    """At the first alert."""
    await driver.settled()
    await driver.press("n")
    await driver.until(lambda: driver.app.bench.event and driver.app.bench.event.row)
    driver.app.show_pane("processes")
    pane = driver.app.pane("processes")
    assert isinstance(pane, ProcessesPane)
    await driver.until(lambda: pane.found is not None, "the tree")
    return pane


@needs_captures
async def test_the_tree_is_that_of_the_moment_with_its_alerts(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(140, 60)) as driver:
        pane = await opened(driver)
        found = pane.found
        assert found is not None and found.processes
        assert found.alerts_before == 1 and found.pid > 0
        first = {each.pid for each in found.processes}
        assert found.pid in first
        # At the end all alerts are somebody's.
        driver.app.show_pane("events")
        await driver.press("end")
        bench = driver.app.bench
        await driver.until(lambda: bench.event and bench.event.row == 1399)
        driver.app.show_pane("processes")
        await driver.until(lambda: pane.found and pane.found.number == bench.event.number)  # type: ignore[union-attr] # an event is chosen
        await driver.until(lambda: pane.found and pane.found.looked == pane.found.alerts_before)
        found = pane.found
        assert found is not None and found.processes
        assert found.alerts_before == 12
        assert sum(alert.count for alert in found.alerts) == 12
        keys = {(each.pid, each.start) for each in found.processes}
        assert all((alert.pid, alert.start) in keys for alert in found.alerts)
        assert {each.pid for each in found.processes if not each.exited} != first
        await driver.until(lambda: "12 alerts so far" in driver.text())
        # An alert of the tree leads to its event.
        await driver.press("a", "full_stop")
        await driver.until(lambda: isinstance(_chosen(pane), ProcessAlerts))
        alert = _chosen(pane)
        assert isinstance(alert, ProcessAlerts)
        await driver.press("enter")
        await driver.until(lambda: bench.event and bench.event.number == alert.last)
        await driver.until(lambda: pane.found and pane.found.pid == alert.pid)


def _chosen(pane: ProcessesPane) -> object:
    node = pane.forest.cursor_node
    return node.data if node is not None else None


@needs_captures
async def test_a_process_can_be_followed_from_the_tree(tmp_path: Path) -> None:
    async with running(CASE, tmp_path, size=(140, 60)) as driver:
        pane = await opened(driver)
        await driver.until(lambda: pane.forest.branch is not None and pane.forest.branch.is_now)
        await driver.press("F")
        bench = driver.app.bench
        assert pane.found is not None
        condition = f"proc.pid = {pane.found.pid}"
        await driver.until(lambda: bench.view.condition == condition)
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        assert bench.looked is not None and 0 < bench.looked.rows < 1400


def process(pid: int, parent: int, *, start: int = 0, exited: bool = False) -> ProcessFacts:
    return ProcessFacts(pid, parent, f"p{pid}", f"p{pid}", "root", "", start, exited)


def tree(pid: int, *found: ProcessFacts, alerts: tuple[ProcessAlerts, ...] = ()) -> ProcessTree:
    return ProcessTree(1, 0, pid, found, alerts, len(alerts), len(alerts))


def shape(branches: list[Branch]) -> list[object]:
    return [[each.facts.pid, *shape(each.children)] for each in branches]


def test_parents_that_lead_in_a_circle_are_cut() -> None:
    found = forest(tree(2, process(1, 2), process(2, 1), process(3, 3)), only_alerting=False)
    assert shape(found) == [[2, [1]], [3]] or shape(found) == [[1, [2]], [3]]


def test_alerts_are_of_the_process_that_had_the_number_then() -> None:
    alerts = (ProcessAlerts(7, 100, "Rule", 4, 3, 10, 20),)
    many = [process(pid, 1) for pid in range(50, 90)]
    found = forest(
        tree(
            50,
            process(1, 0),
            process(7, 1, start=500),
            process(7, 1, start=100, exited=True),
            *many,
            alerts=alerts,
        ),
        only_alerting=False,
    )
    (init,) = found
    assert init.below == 3 and init.is_open
    seven = {each.facts.exited: each.count for each in init.children if each.facts.pid == 7}
    assert seven == {True: 3, False: 0}
    narrowed = forest(
        tree(50, process(1, 0), process(7, 1, start=100, exited=True), *many, alerts=alerts),
        only_alerting=True,
    )
    assert shape(narrowed) == [[1, [7], [50]]]
