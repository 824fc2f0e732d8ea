"""Rules and editor as pictures; see ``test_screens``.

After a change that is meant: ``--snapshot-update``, and look at the pictures.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_textual_snapshot import SVGImageExtension
from syrupy.assertion import SnapshotAssertion

from tests.workbench.command import ROOT
from tests.workbench.tui.pilot import running
from tests.workbench.tui.test_editor import end_of, write
from workbench.tui.bench import Arguments
from workbench.tui.panes.editor.pane import EditorPane
from workbench.tui.panes.rules.pane import RulesPane

CASE = Arguments("samples/k8s_intrusion.jsonl", config="samples/falco.yaml")


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_rules_and_editor(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    pictures = snapshot.use_extension(SVGImageExtension)

    def picture(name: str) -> None:
        assert driver.app.export_screenshot(title="falcowb") == pictures(name=name)

    panes = ("events", "rules", "editor")
    async with running(CASE, tmp_path, (120, 40), panes=panes) as driver:
        await driver.settled()
        rules, editor = driver.app.pane("rules"), driver.app.pane("editor")
        assert isinstance(rules, RulesPane) and isinstance(editor, EditorPane)
        driver.app.show_pane("rules")
        hit = next(line for line in rules.table.lines if line.rule and line.hits)
        rules.table.go_to(hit.key)
        await driver.pilot.pause(0.2)
        picture("rules")
        await driver.press("e")
        await driver.until(lambda: editor.buffer is not None and editor.buffer.text.has_focus)
        await driver.until(lambda: driver.app.bench.fields is not None)
        buffer = editor.buffer
        assert buffer is not None
        await driver.until(lambda: buffer.text.size.height)
        await driver.pilot.pause(0.2)
        picture("editor")
        condition = next(
            value
            for item in buffer.text.outline.items
            if item.kind == "rule" and item.first >= buffer.text.cursor_location[0]
            for value in item.values
            if value.key == "condition"
        )
        end_of(editor, buffer.text.lines[condition.last])
        await write(driver, " and ka.user.na")
        assert editor.popup.display
        await driver.until(lambda: buffer.text.found, "what is wrong")
        await driver.until(lambda: driver.app.bench.rules and driver.app.bench.rules.failed)
        await driver.pilot.pause(0.2)
        picture("editor with completions")
        await driver.press("escape", "ctrl+t")
        await driver.pilot.pause(0.2)
        picture("editor with an error, light")
        await driver.pilot.resize_terminal(80, 24)
        await driver.pilot.pause(0.3)
        picture("editor with an error on a small terminal")
