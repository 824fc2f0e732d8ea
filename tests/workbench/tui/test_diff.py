"""The Diff pane on a real capture: what an edit gains and loses, before and after it is saved."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.backend.made import INTRUSION, needs_captures
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.diff.pane import DiffPane

pytestmark = needs_captures
SHADOW = """\
- rule: Shadow
  desc: Someone reads the passwords.
  condition: evt.type in (open, openat, openat2) and fd.name = /etc/shadow
  output: "%proc.name reads %fd.name"
  priority: WARNING
"""
OPENS = """\
- rule: Opens
  desc: Any file is opened by cat.
  condition: evt.type in (open, openat, openat2) and proc.name = cat
  output: "%proc.name opens %fd.name"
  priority: NOTICE
"""


async def opened(driver: Driver) -> DiffPane:
    await driver.settled()
    driver.app.show_pane("diff")
    pane = driver.app.pane("diff")
    assert isinstance(pane, DiffPane)
    await driver.until(lambda: pane.diffed is not None, "compared")
    return pane


def numbers(driver: Driver) -> set[int]:
    return set(driver.app.bench.view.numbers or ())


async def test_an_edit_shows_what_it_gains_and_loses(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(SHADOW + OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        pane = await opened(driver)
        bench = driver.app.bench
        assert pane.diffed is not None and not pane.diffed.rules
        assert "as saved" in driver.text()
        before = pane.diffed.after
        counts = dict(bench.judged.alerts) if bench.judged else {}
        assert counts["Opens"] > 1
        # Edited and not saved: the rule is silent on /etc/ld.so.cache.
        edited = SHADOW + OPENS.replace("= cat", "= cat and not fd.name contains ld.so")
        bench.edit(str(rules), edited)
        await driver.until(lambda: pane.diffed and pane.diffed.lost, "alerts are lost")
        (change,) = pane.diffed.rules
        assert (change.name, change.status, change.gained_count) == ("Opens", "edited", 0)
        assert change.before == counts["Opens"]
        assert change.before - change.after == change.lost_count == len(change.lost) > 0
        assert pane.diffed.before == before
        await driver.until(lambda: "ld.so.cache" in driver.text(), "the lost events are named")
        assert f"−{change.lost_count}" in driver.text()
        assert "not saved" in driver.text()
        # Its events, and one of them.
        await driver.press("minus")
        await driver.until(lambda: numbers(driver) == set(change.lost))
        await driver.press("home", "down", "enter")
        await driver.until(lambda: bench.event and bench.event.number == change.lost[0])
        # Saved: nothing differs from the file, all the same from when it was opened.
        rules.write_text(edited)
        bench.edit(str(rules), None)
        await driver.until(lambda: pane.diffed and not pane.diffed.rules, "saved")
        await driver.press("right")
        await driver.until(lambda: pane.diffed and pane.diffed.lost == change.lost_count)
        assert "when the capture was opened" in driver.text()


async def test_a_rule_that_takes_alerts_from_another_says_so(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        pane = await opened(driver)
        bench = driver.app.bench
        bench.edit(str(rules), SHADOW + OPENS)
        await driver.until(lambda: pane.diffed and pane.diffed.rules, "compared again")
        assert pane.diffed is not None
        changes = {change.name: change for change in pane.diffed.rules}
        shadow = changes["Shadow"]
        assert shadow.status == "new" and shadow.gained_count == shadow.after > 0
        taken = dict(shadow.before_that).get("Opens", 0)
        assert taken > 0
        assert changes["Opens"].lost_count == taken
        assert dict(changes["Opens"].instead) == {"Shadow": taken}
        await driver.until(lambda: "before alerted by Opens" in driver.text())


async def test_files_that_do_not_load_are_no_side_of_a_comparison(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(OPENS)
    async with running(Arguments(str(INTRUSION), (str(rules),)), tmp_path, (140, 50)) as driver:
        pane = await opened(driver)
        bench = driver.app.bench
        bench.edit(str(rules), OPENS + SHADOW)
        await driver.until(lambda: pane.diffed and pane.diffed.gained, "compared")
        # What is in force is the last that loaded.
        bench.edit(str(rules), OPENS + SHADOW + "- rule: [\n")
        await driver.until(lambda: bench.rules is not None and bench.rules.failed)
        await driver.until(lambda: "do not load" in driver.text() and pane.diffed)
        assert pane.diffed is not None and pane.diffed.gained
        # What is saved is gone.
        rules.unlink()
        bench.edit(str(rules), OPENS)
        await driver.until(lambda: "cannot be compared" in driver.text(), "the trouble is told")
