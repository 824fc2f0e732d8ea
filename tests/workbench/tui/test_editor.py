"""The editor on a real capture: what is typed is completed, looked at, judged, saved."""

from __future__ import annotations

from pathlib import Path

from tests.workbench.backend.made import INTRUSION, needs_captures
from tests.workbench.tui.pilot import Driver, running
from workbench.tui.bench import Arguments
from workbench.tui.panes.editor.pane import EditorPane
from workbench.tui.panes.rules.pane import RulesPane
from workbench.tui.screens.dialogs import Menu, Prompt

pytestmark = needs_captures

BASE = """\
- list: shells
  items: [bash, sh]
- macro: started
  condition: evt.type in (execve, execveat)
"""
OWN = """\
- rule: Shell started
  desc: A shell was started
  condition: started and proc.name in (shells)
  output: Shell %proc.cmdline
  priority: NOTICE

- rule: Opened
  desc: Something was opened
  condition: evt.type = openat
  output: Opened %fd.name
  priority: WARNING
"""
PANES = ("events", "rules", "editor")


def case(tmp_path: Path, own: str = OWN) -> Arguments:
    for name, text in (("base.yaml", BASE), ("own.yaml", own)):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return Arguments(str(INTRUSION), (str(tmp_path / "base.yaml"), str(tmp_path / "own.yaml")))


async def opened(driver: Driver) -> EditorPane:
    await driver.settled()
    driver.app.show_pane("editor")
    pane = editor(driver)
    await driver.until(lambda: pane.buffer is not None and pane.buffer.text.has_focus)
    await driver.until(lambda: pane.known.definitions.every)
    return pane


def editor(driver: Driver) -> EditorPane:
    pane = driver.app.pane("editor")
    assert isinstance(pane, EditorPane)
    return pane


def hits(driver: Driver, rule: str) -> int | None:
    judged = driver.app.bench.judged
    return dict(judged.matches).get(rule) if judged and judged.complete else None


def text(pane: EditorPane) -> str:
    assert pane.buffer is not None
    return pane.buffer.text.text


def end_of(pane: EditorPane, line: str) -> None:
    """Put the cursor at the end of a line."""
    assert pane.buffer is not None
    number = next(n for n, each in enumerate(pane.buffer.text.lines) if line in each)
    pane.buffer.text.go(number, len(pane.buffer.text.lines[number]))


async def write(driver: Driver, text: str) -> None:
    """Type into the editor: the last character by its key, the others at once."""
    buffer = editor(driver).buffer
    assert buffer is not None and buffer.text.has_focus
    if not buffer.text.read_only:
        buffer.text.insert(text[:-1])
    await driver.press(text[-1])


async def test_an_edited_rule_is_judged_after_a_pause(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        before = hits(driver, "Opened")
        assert before and "own.yaml" in driver.text()
        end_of(pane, "evt.type = openat")
        await write(driver, " and fd.name startswith /etc")
        await driver.until(lambda: (hits(driver, "Opened") or before) < before, "fewer hits")
        assert hits(driver, "Shell started") == 3
        now = hits(driver, "Opened")
        await driver.until(lambda: f"{now} hits" in driver.text())
        assert f"saved: {before:,}" in driver.text()
        rules = driver.app.pane("rules")
        assert isinstance(rules, RulesPane)
        changed = {line.title for line in rules.table.lines if line.changed}
        assert changed == {"own.yaml", "Opened"}
        assert (tmp_path / "own.yaml").read_text(encoding="utf-8") == OWN, "not saved yet"
        await driver.press("ctrl+s")
        await driver.until(lambda: "startswith /etc" in (tmp_path / "own.yaml").read_text())
        await driver.until(lambda: not driver.app.bench.texts)
        await driver.until(lambda: not any(line.changed for line in rules.table.lines))
        assert hits(driver, "Opened") in (now, None)
        # Undo goes back beyond the saving; what is on disk stays until it is saved again.
        for _ in range(40):
            await driver.press("ctrl+z")
            if text(pane) == OWN:
                break
        assert text(pane) == OWN
        await driver.until(lambda: hits(driver, "Opened") == before)


async def test_errors_stand_below_their_lines_and_the_last_good_rules_judge(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        before = hits(driver, "Opened")
        end_of(pane, "evt.type = openat")
        await write(driver, " and proc.nam = x")
        buffer = pane.buffer
        assert buffer is not None
        await driver.until(lambda: buffer.text.found, "the error is known")
        (found,) = [each for each in buffer.text.found if each.severity == "error"]
        assert found.line == 8 and buffer.text.lines[8][found.column : found.end] == "proc.nam"
        await driver.pilot.pause(0.1)
        rows = driver.text().splitlines()
        at = next(n for n, row in enumerate(rows) if "proc.nam = x" in row)
        assert "✖" in rows[at] and "✖" in rows[at + 1], "below its line"
        assert "output: Opened" in "".join(rows[at + 2 : at + 4]), "the next line is pushed down"
        assert hits(driver, "Opened") == before, "the last good rules judge"
        assert driver.app.bench.rules is not None and driver.app.bench.rules.failed
        await driver.press("home", "f8")
        assert buffer.text.cursor_location == (8, found.column)
        # The cursor goes past the remark as if it were not there.
        await driver.press("down")
        assert buffer.text.cursor_location[0] == 9
        await driver.press("up")
        assert buffer.text.cursor_location[0] == 8
        end_of(pane, "proc.nam = x")
        for _ in range(4):
            await driver.press("backspace")
        await write(driver, "e = tar")
        await driver.until(lambda: not buffer.text.found, "the error is gone")
        await driver.until(lambda: (hits(driver, "Opened") or before or 0) < (before or 0))


async def test_completion_at_the_cursor(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        await driver.until(lambda: pane.known.names.vocabulary.fields)
        end_of(pane, "evt.type = openat")
        await write(driver, " and proc.exep")
        assert pane.popup.display
        assert "proc.exepath" in driver.text() and "charbuf" in driver.text()
        await driver.press("tab")
        assert text(pane).count("and proc.exepath\n") == 1
        await write(driver, " in (sh")
        assert "bash, sh" in driver.text(), "what the list holds"
        await driver.press("tab")
        assert "in (shells" in text(pane)
        await write(driver, ") and sta")
        await driver.press("down", "up", "enter")
        assert text(pane).count("and started\n") == 1
        await driver.press("ctrl+space")
        await driver.press("escape")
        assert not pane.popup.display
        await driver.press("escape")
        assert not pane.has_focus_within


async def test_definitions_and_back(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        buffer = pane.buffer
        assert buffer is not None
        line = buffer.text.lines[2]
        buffer.text.go(2, line.index("started") + 2)
        await driver.pilot.pause()
        assert "macro started  evt.type in (execve, execveat)" in driver.text()
        await driver.press("f2")
        assert pane.path.endswith("base.yaml")
        assert pane.buffer is not None and pane.buffer.text.cursor_location == (2, 9)
        await driver.press("f3")
        assert pane.path.endswith("own.yaml")
        assert pane.buffer.text.cursor_location == (2, line.index("started") + 2)
        await driver.press("f9")
        assert isinstance(driver.app.screen, Menu)
        await driver.type("shells")
        await driver.press("enter")
        await driver.until(lambda: pane.path.endswith("base.yaml"))
        assert pane.buffer.text.cursor_location[0] == 0
        driver.app.bench.go_to(str(tmp_path / "own.yaml"), 7)
        await driver.until(lambda: pane.buffer and pane.buffer.text.cursor_location[0] == 6)
        await driver.press("f10")
        await driver.until(lambda: driver.app.bench.view.rule == "Opened")


async def test_formatting_can_be_undone(tmp_path: Path) -> None:
    spread, laid_out = "evt.type=openat   and   fd.name=/x", "evt.type = openat and fd.name = /x"
    own = OWN.replace("evt.type = openat", spread)
    async with running(case(tmp_path, own), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        await driver.press("f4")
        await driver.until(lambda: text(pane) == own.replace(spread, laid_out), "laid out")
        await driver.press("ctrl+z")
        assert text(pane) == own


async def test_changes_by_others(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        before = hits(driver, "Opened")
        path.write_text(OWN.replace("openat", "close"), encoding="utf-8")
        await driver.until(lambda: "evt.type = close" in text(pane), "loaded again")
        await driver.until(lambda: hits(driver, "Opened") not in (None, before))
        # With edits of ours both stay, and saving asks.
        end_of(pane, "desc: Something")
        await write(driver, " here")
        path.write_text(OWN + "# theirs\n", encoding="utf-8")
        await driver.until(lambda: "was changed on disk" in driver.text())
        assert "Something was opened here" in text(pane)
        await driver.press("ctrl+s")
        await driver.until(lambda: isinstance(driver.app.screen, Menu))
        await driver.press("enter")
        await driver.until(lambda: "opened here" in path.read_text(encoding="utf-8"))
        assert "# theirs" not in path.read_text(encoding="utf-8")
        # A file that is not open is looked at too.
        (tmp_path / "base.yaml").write_text(BASE.replace("bash, sh", "dash"), encoding="utf-8")
        await driver.until(lambda: hits(driver, "Shell started") == 0)


async def test_a_file_deleted_under_the_editor(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        before = hits(driver, "Opened")
        path.unlink()
        await driver.until(lambda: "was deleted" in driver.text())
        await driver.until(lambda: hits(driver, "Opened") == before, "what is open still judges")
        end_of(pane, "evt.type = openat")
        await write(driver, " and fd.name startswith /etc")
        await driver.until(lambda: (hits(driver, "Opened") or before or 0) < (before or 0))
        await driver.press("ctrl+s")
        await driver.until(path.is_file)
        assert "startswith /etc" in path.read_text(encoding="utf-8")
        await driver.until(lambda: "was deleted" not in driver.text())


async def test_unsaved_edits_come_back(tmp_path: Path) -> None:
    arguments = case(tmp_path)
    async with running(arguments, tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        before = hits(driver, "Opened")
        end_of(pane, "evt.type = openat")
        await write(driver, " and fd.name startswith /etc")
        await driver.until(lambda: (hits(driver, "Opened") or before or 0) < (before or 0))
        now = hits(driver, "Opened")
    async with running(arguments, tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        assert "startswith /etc" in text(pane)
        await driver.until(lambda: hits(driver, "Opened") == now)
        await driver.press("ctrl+r")
        assert text(pane) == OWN
        await driver.until(lambda: hits(driver, "Opened") == before)


async def test_what_cannot_be_edited_is_only_shown(tmp_path: Path) -> None:
    arguments = case(tmp_path)
    (tmp_path / "own.yaml").write_bytes(OWN.encode().replace(b"Something", b"S\xf6mething"))
    async with running(arguments, tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        assert "Only shown: the file is not plain UTF-8" in driver.text()
        before = text(pane)
        await write(driver, "x")
        await driver.press("ctrl+s", "f4")
        assert text(pane) == before
        assert b"\xf6" in (tmp_path / "own.yaml").read_bytes()


async def test_an_enormous_regex(tmp_path: Path) -> None:
    regex = "|".join(f"/opt/app{number}/.*" for number in range(8000))
    own = OWN.replace("evt.type = openat", f'evt.type = openat and fd.name regex "{regex}"')
    async with running(case(tmp_path, own), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        buffer = pane.buffer
        assert buffer is not None
        await driver.until(lambda: buffer.text.found)
        assert "too long" in driver.text()
        end_of(pane, "desc: Something")
        await write(driver, " at all")
        assert "opened at all" in driver.text()


async def test_find(tmp_path: Path) -> None:
    async with running(case(tmp_path), tmp_path, (140, 45), panes=PANES) as driver:
        pane = await opened(driver)
        await driver.press("ctrl+f")
        assert isinstance(driver.app.screen, Prompt)
        await driver.type("priority")
        await driver.press("enter")
        assert pane.buffer is not None
        await driver.until(lambda: pane.buffer and pane.buffer.text.cursor_location == (4, 2))
        await driver.press("ctrl+g")
        assert pane.buffer.text.cursor_location == (10, 2)
        await driver.press("ctrl+g")
        assert pane.buffer.text.cursor_location == (4, 2)
