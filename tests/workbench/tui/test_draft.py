"""The Draft pane on a real capture: rules from marks, exceptions from false alarms, an export."""

from __future__ import annotations

import json
from pathlib import Path

from textual.widgets import Input

from tests.workbench.backend.made import INTRUSION, needs_captures
from tests.workbench.command import falcowb
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.diff.pane import DiffPane
from workbench.tui.panes.draft.pane import DraftPane
from workbench.tui.screens.dialogs import Prompt

pytestmark = needs_captures
OPENS = """\
# What cat reads.
- rule: Opens
  desc: Any file is opened by cat.
  condition: evt.type in (open, openat, openat2) and proc.name = cat
  output: "%proc.name opens %fd.name"
  priority: NOTICE
"""


def pane(driver: Driver) -> DraftPane:
    found = driver.app.pane("draft")
    assert isinstance(found, DraftPane)
    return found


def hits(driver: Driver, rule: str) -> int:
    judged = driver.app.bench.judged
    return dict(judged.matches).get(rule, 0) if judged and judged.complete else -1


async def answer(driver: Driver, text: str) -> None:
    """Type into the dialog that comes."""
    await driver.until(lambda: isinstance(driver.app.screen, Prompt), "a dialog")
    driver.app.screen.query_one(Input).value = text
    await driver.press("enter")
    await driver.until(lambda: not isinstance(driver.app.screen, Prompt))


async def test_marked_events_become_a_rule_and_a_test(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        await driver.settled()
        bench = driver.app.bench
        bench.mark(30)  # cat reads /etc/shadow
        driver.app.show_pane("draft")
        await driver.press("d")
        draft = pane(driver)
        await driver.until(lambda: draft.rule and draft.rule.matches is not None, "drafted")
        made = draft.rule
        assert made is not None and made.marked == 1 and made.events == 1400
        assert made.matches == 1 + len(made.others)
        assert any("/etc/shadow" in check for check, _ in made.steps)
        assert [left for _, left in made.steps] == sorted(
            (left for _, left in made.steps), reverse=True
        )
        assert "it matches" in driver.text() and "- rule: Draft" in driver.text()
        # Its name, and into a file that is judged at once.
        await driver.press("n")
        await answer(driver, "Shadow read")
        await driver.until(lambda: draft.rule and draft.rule.name == "Shadow read")
        mine, tests = tmp_path / "mine.yaml", tmp_path / "tests.yaml"
        await driver.press("w")
        await answer(driver, str(mine))
        await driver.until(lambda: hits(driver, "Shadow read") == made.matches, "it judges")
        await driver.press("t")
        await answer(driver, str(tests))
        await driver.until(tests.exists)
    done = falcowb("rules", "test", tests, "-r", mine)
    assert done.code == 0, done.out + done.err


async def test_a_false_alarm_becomes_an_exception_that_spares_what_is_kept(
    tmp_path: Path,
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        await driver.settled()
        bench = driver.app.bench
        before = hits(driver, "Opens")
        bench.mark(25)  # cat opens /etc/ld.so.cache
        driver.app.show_pane("draft")
        await driver.press("x")
        draft = pane(driver)
        await driver.until(lambda: draft.exceptions is not None, "drafted")
        assert draft.exceptions is not None
        assert (draft.exceptions.rule, draft.exceptions.alerts) == ("Opens", before)
        choice = draft.choice
        assert choice is not None and choice.silenced == choice.others + 1
        assert f"{choice.silenced:,} of {before:,}" in driver.text()
        # What is marked now is to be kept: no exception silences it.
        bench.mark(30)
        await driver.press("k")
        await driver.until(lambda: draft.exceptions and draft.exceptions.keep == (30,))
        assert all(30 not in each.first_others for each in draft.exceptions.choices)
        choice = draft.choice
        assert choice is not None
        await driver.press("w")
        await answer(driver, str(rules))
        await driver.until(lambda: hits(driver, "Opens") == before - choice.silenced, "silent")
        assert rules.read_text().startswith("# What cat reads.") and choice.name in (
            rules.read_text()
        )
        # The diff since the capture was opened has just these.
        driver.app.show_pane("diff")
        diff = driver.app.pane("diff")
        assert isinstance(diff, DiffPane)
        await driver.press("right")
        await driver.until(lambda: diff.diffed and diff.diffed.lost == choice.silenced)


async def test_what_cannot_be_drafted_is_told(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        await driver.settled()
        driver.app.show_pane("draft")
        await driver.press("x")  # the first event is no alert
        await driver.until(lambda: "no rule fires on event 1" in driver.text())
        await driver.press("w")
        await driver.until(lambda: "Draft an exception first" in driver.text())
        # A file with edits that are not saved is not written to.
        driver.app.bench.mark(30)
        await driver.press("d")
        await driver.until(lambda: pane(driver).rule is not None)
        driver.app.bench.edit(str(rules), OPENS + "\n")
        await driver.press("w")
        await driver.until(lambda: isinstance(driver.app.screen, Prompt))
        await driver.press("enter")
        await driver.until(lambda: "edits are not saved" in driver.text())
        await driver.press("escape")
        assert rules.read_text() == OPENS


async def test_all_alerts_are_exported_as_falco_prints_them(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        await driver.settled()
        driver.app.show_pane("draft")
        target = tmp_path / "alerts.jsonl"
        await driver.press("J")
        await answer(driver, str(target))
        await driver.until(target.exists, "written")
        count = hits(driver, "Opens")
    lines = target.read_text().splitlines()
    assert len(lines) == count > 1
    done = falcowb("replay", INTRUSION, "-r", rules, "-o", "json_output=true")
    printed = [line for line in done.out.splitlines() if line.startswith("{")]
    assert [json.loads(line) for line in lines] == [json.loads(line) for line in printed]
