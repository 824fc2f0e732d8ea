"""Pictures of Diff, Processes and Draft; see ``test_screens``."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion

from tests.workbench.command import ROOT
from tests.workbench.tui.pilot import running
from workbench.tui.bench import Arguments
from workbench.tui.panes.diff.pane import DiffPane
from workbench.tui.panes.draft.pane import DraftPane
from workbench.tui.panes.processes.pane import ProcessesPane

RULES = """\
- rule: Secrets
  desc: Files with secrets are opened.
  condition: evt.type in (open, openat, openat2) and fd.name in (/etc/shadow, /etc/passwd)
  output: "%proc.name reads %fd.name (user %user.name)"
  priority: WARNING
- rule: Quiet opens
  desc: Files are opened by small programs.
  condition: evt.type in (open, openat, openat2) and proc.name in (cat, id, rm)
  output: "%proc.name opens %fd.name"
  priority: NOTICE
"""


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_the_screens_of_authoring(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    pictures = snapshot.use_extension(SVGImageExtension)

    def picture(name: str) -> None:
        assert driver.app.export_screenshot(title="falcowb") == pictures(name=name)

    async def still(pane: str) -> None:
        """Shown, and nothing moves any more."""
        driver.app.show_pane(pane)
        await driver.drawn()
        same, before = 0, ""
        while same < 4:
            await driver.pilot.pause(0.15)
            now = driver.app.export_screenshot(title="falcowb")
            same, before = (same + 1 if now == before else 0), now

    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    case = Arguments("samples/intrusion.fcap", (str(rules),))
    panes = ("events", "processes", "diff", "draft")
    async with running(case, tmp_path, (120, 40), panes=panes) as driver:
        await driver.settled()
        bench = driver.app.bench
        # At the last alert.
        table = driver.events.table
        await driver.press("end")
        await driver.until(lambda: bench.event and bench.event.row == table.count - 1)
        await driver.press("N")
        await driver.until(lambda: bench.event and bench.event.row < table.count - 1)
        await driver.drawn()
        event = bench.event
        assert event is not None
        processes, diff = driver.app.pane("processes"), driver.app.pane("diff")
        draft = driver.app.pane("draft")
        assert isinstance(processes, ProcessesPane) and isinstance(diff, DiffPane)
        assert isinstance(draft, DraftPane)

        driver.app.show_pane("processes")
        await driver.press("z")
        await driver.until(
            lambda: (
                processes.found
                and processes.found.number == event.number
                and processes.found.looked == processes.found.alerts_before
            )
        )
        await still("processes")
        picture("processes")

        bench.edit(str(rules), RULES.replace("(cat, id,", "(cat,"))
        driver.app.show_pane("diff")
        await driver.until(lambda: diff.diffed and diff.diffed.lost, "compared")
        await driver.until(lambda: "id opens" in driver.text())
        await still("diff")
        picture("diff")

        bench.mark(event.number)
        driver.app.show_pane("draft")
        await driver.press("d")
        await driver.until(lambda: draft.rule and draft.rule.matches is not None)
        await still("draft")
        picture("a drafted rule")
        await driver.press("x")
        await driver.until(lambda: draft.exceptions is not None)
        await driver.pilot.resize_terminal(80, 24)
        await still("draft")
        picture("exceptions on a small terminal")
