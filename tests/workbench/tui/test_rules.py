"""The Rules pane on a real capture: hits, filter, turning rules on and off, cost, problems."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.backend.made import INTRUSION, RULES, needs_captures
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.rules.lines import Line
from workbench.tui.panes.rules.pane import RulesPane

pytestmark = needs_captures

OWN = """\
- rule: Shell started
  desc: A shell was started
  condition: evt.type = execve and proc.name = bash
  output: Shell %proc.cmdline
  priority: NOTICE
  tags: [mine]
- rule: Made by a plugin
  desc: Never here
  condition: evt.type = nothing
  output: x
  priority: DEBUG
  source: somewhere
- rule: Off as written
  desc: It is off
  condition: evt.type = openat
  output: x
  priority: CRITICAL
  enabled: false
"""


def case(tmp_path: Path) -> Arguments:
    own = tmp_path / "own.yaml"
    own.write_text(OWN, encoding="utf-8")
    return Arguments(str(INTRUSION), (str(RULES), str(own)))


async def opened(driver: Driver) -> RulesPane:
    await driver.settled()
    driver.app.show_pane("rules")
    pane = driver.app.pane("rules")
    assert isinstance(pane, RulesPane)
    await driver.until(lambda: pane.table.lines)
    return pane


def line(pane: RulesPane, title: str) -> Line:
    return next(line for line in pane.table.lines if line.title == title)


def hits(driver: Driver) -> dict[str, int]:
    judged = driver.app.bench.judged
    return dict(judged.matches) if judged else {"Shell started": 0}


def titles(pane: RulesPane) -> list[str]:
    return [line.title for line in pane.table.lines]


async def on(driver: Driver, pane: RulesPane, title: str) -> None:
    pane.table.go_to(line(pane, title).key)
    await driver.pilot.pause()


async def test_files_rules_hits_and_problems(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (160, 50), panes=("events", "rules")) as driver:
        pane = await opened(driver)
        judged = driver.app.bench.judged
        assert judged is not None
        matches = dict(judged.matches)
        shell = line(pane, "Shell started")
        assert shell.hits == matches["Shell started"] > 0
        file = line(pane, "own.yaml")
        assert (file.count, file.on) == (2, 1), "a rule of an unknown source is left out"
        assert file.hits == shell.hits
        assert file.warnings >= 1
        problem = line(pane, "Made by a plugin")
        assert problem.warnings and not problem.errors
        await on(driver, pane, "Made by a plugin")
        assert "source" in str(pane.query_one("#about").render())
        await on(driver, pane, "Shell started")
        assert "A shell was started" in driver.text()
        assert f"{shell.hits} " in driver.text()


async def test_enter_shows_the_events_of_a_rule(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (160, 50), panes=("events", "rules")) as driver:
        pane = await opened(driver)
        await on(driver, pane, "Shell started")
        await driver.press("enter")
        bench = driver.app.bench
        await driver.until(lambda: bench.view.rule == "Shell started")
        await driver.until(lambda: bench.looked is not None and bench.looked.complete)
        assert bench.looked is not None
        assert bench.looked.rows == line(pane, "Shell started").hits


async def test_filter_order_and_fold(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (160, 50), panes=("events", "rules")) as driver:
        pane = await opened(driver)
        every = titles(pane)
        await driver.press("slash")
        await driver.type("mine notice")
        assert titles(pane) == ["own.yaml", "Shell started"]
        await driver.press("enter", "x")
        assert titles(pane) == every
        await driver.press("h")
        hits = [each.hits for each in pane.table.lines if each.rule]
        assert hits and all(hits) and len(hits) < len(every)
        await driver.press("s")
        falco = [each.hits or 0 for each in pane.table.lines if each.rule][: len(hits) - 1]
        assert falco == sorted(falco, reverse=True)
        await driver.press("x", "home", "left")
        assert len(pane.table.lines) < len(every) and pane.table.lines[0].folded
        await driver.press("right")
        assert titles(pane) == every


async def test_turning_rules_off_and_on(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (160, 50), panes=("events", "rules")) as driver:
        pane = await opened(driver)
        await on(driver, pane, "Shell started")
        await driver.press("space")
        await driver.until(lambda: not line(pane, "Shell started").rule.enabled)  # type: ignore[union-attr] # a rule
        await driver.until(lambda: "Shell started" not in hits(driver))
        assert line(pane, "Shell started").hits is None
        await on(driver, pane, "Off as written")
        await driver.press("space")
        await driver.until(lambda: hits(driver).get("Off as written"))
        await on(driver, pane, "own.yaml")
        await driver.press("space")  # some are on: all off
        await driver.until(lambda: line(pane, "own.yaml").on == 0)
        pane.action_as_written()
        await driver.until(lambda: line(pane, "own.yaml").on == 1)
        await driver.until(lambda: (line(pane, "Shell started").hits or 0) > 0)


async def test_what_rules_cost(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (160, 50), panes=("events", "rules")) as driver:
        pane = await opened(driver)
        await driver.press("c")
        await driver.until(lambda: line(pane, "Shell started").cost)
        cost = line(pane, "Shell started").cost
        assert cost is not None and cost.nanoseconds > 0
        assert 0 < cost.rows < 1400, "only of execve events"
        await driver.until(lambda: pane.table.costs)
        pane.table.refresh()
        await driver.pilot.pause()
        assert "time" in driver.text() and "rows" in driver.text()
