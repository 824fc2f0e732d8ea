"""Draft; see the package."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.backend.messages import Trouble
from workbench.backend.questions.drafts import (
    DraftExceptions,
    DraftRule,
    ExceptionChoice,
    ExceptionDrafts,
    ExportAlerts,
    ExportedAlerts,
    RuleDraft,
    WriteException,
    WriteItem,
    WroteFile,
)
from workbench.backend.questions.events import View
from workbench.backend.questions.opening import Opened
from workbench.tui.pane import Command, Pane
from workbench.tui.panes.draft import shown
from workbench.tui.screens.dialogs import Prompt
from workbench.tui.theme import word_colour

_TABS = ("Rule", "Exception")
#: Marked events that a draft is made from, at most.
_MOST = 2000
#: Columns from which on the text stands beside the list.
_WIDE = 100


class DraftPane(Pane):
    """``rule`` and ``exceptions``: the drafts that are shown, each in its part."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Part before", show=False),
        Binding("right", "tab(1)", "Rule or exception", show=False),
        Binding("d", "draft", "Rule from marks"),
        Binding("x", "silence", "Exception"),
        Binding("w", "write", "Write"),
        Binding("t", "write_test", "Write test"),
        Binding("o", "others", "Others"),
        Binding("k", "keep", "Keep marked"),
        Binding("n", "name", "Name", show=False),
        Binding("c", "copy", "Copy the YAML", show=False),
        Binding("J", "export", "Export all alerts as Falco JSON", show=False),
    ]
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("Draft a rule from the marked events", "draft", "Or from the event at the cursor"),
        Command(
            "Draft an exception for a false alarm",
            "silence",
            "For the marked alerts, or the one at the cursor",
        ),
    )
    DEFAULT_CSS = """
    DraftPane #parts { height: 1; padding: 0 1; background: $surface; }
    DraftPane #said { height: auto; max-height: 3; padding: 0 1; }
    DraftPane Horizontal { height: 1fr; }
    DraftPane OptionList { width: 3fr; height: 1fr; border: none; background: $background;
        padding: 0; scrollbar-size-vertical: 1; }
    DraftPane OptionList:focus { border: none; }
    DraftPane VerticalScroll { width: 2fr; height: 1fr; padding: 0 1; background: $surface;
        scrollbar-size-vertical: 1; }
    DraftPane.narrow Horizontal { layout: vertical; }
    DraftPane.narrow OptionList { width: 1fr; height: auto; max-height: 5; }
    DraftPane.narrow VerticalScroll { width: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.part = 0
        self.rule: RuleDraft | None = None
        self.exceptions: ExceptionDrafts | None = None
        self.name_ = "Draft"
        self._numbers: tuple[int, ...] = ()
        self._busy = ""
        self._trouble = ""
        self._parts = Static(id="parts")
        self._said = Static(id="said")
        self.list_ = OptionList(compact=True)
        self._text = Static()
        self._scroll = VerticalScroll(self._text)
        self._scroll.can_focus = False

    def compose(self) -> ComposeResult:
        yield self._parts
        yield self._said
        with Horizontal():
            yield self.list_
            yield self._scroll

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    def on_resize(self) -> None:
        self.set_class(self.size.width < _WIDE, "narrow")

    def take_focus(self) -> None:
        self.list_.focus()

    @property
    def subtitle(self) -> str:
        marks = len(self.bench.marks)
        return f"{marks:,} marked" if marks else ""

    def case_opened(self, opened: Opened) -> None:
        self.rule = self.exceptions = None
        self._busy = self._trouble = ""
        self._draw()

    def marks_changed(self) -> None:
        self._draw_heads()

    def engine_restarted(self) -> None:
        self._busy = ""
        self._draw()

    # Drawing.

    def _draw(self) -> None:
        dark = self.app.current_theme.dark
        self._draw_heads()
        lines: list[Text] = []
        if self.part == 0 and self.rule is not None:
            lines = shown.rule_lines(self.rule, dark)
        elif self.part == 1 and self.exceptions is not None:
            drafts = self.exceptions
            lines = [shown.exception_line(each, drafts, dark) for each in drafts.choices]
        at = self.list_.highlighted or 0
        self.list_.clear_options()
        self.list_.add_options([Option(line) for line in lines])
        self.list_.highlighted = min(at, len(lines) - 1) if lines else None
        self._draw_text()

    def _draw_heads(self) -> None:
        dark = self.app.current_theme.dark
        parts = Text(no_wrap=True, overflow="ellipsis")
        for place, name in enumerate(_TABS):
            chosen = f"bold underline {word_colour('field', dark)}" if place == self.part else "dim"
            parts.append(name, chosen)
            parts.append("  ")
        self._parts.update(parts)
        self._said.update(self._heading(dark))
        self.app.refresh_notes()

    def _heading(self, dark: bool) -> Text:
        if self._busy:
            return Text(self._busy, "dim")
        if self._trouble:
            return Text(self._trouble, word_colour("error", dark))
        marks = len(self.bench.marks)
        those = f"the {shown.events(marks)} marked" if marks else "the event at the cursor"
        if self.part == 0:
            if self.rule is not None:
                return shown.rule_heading(self.rule, dark)
            return Text(
                f"Mark events (space in the events) and press d: a rule is drafted from {those}.",
                "dim",
            )
        if self.exceptions is not None:
            return shown.exception_heading(self.exceptions, dark)
        return Text(f"Press x: exceptions that silence the rule on {those}, narrowly.", "dim")

    @property
    def choice(self) -> ExceptionChoice | None:
        """The exception under the cursor."""
        at, drafts = self.list_.highlighted, self.exceptions
        if self.part != 1 or drafts is None or at is None or at >= len(drafts.choices):
            return None
        return drafts.choices[at]

    def _yaml(self) -> str:
        if self.part == 0:
            return f"{self.rule.rule}\n# The test:\n{self.rule.test}" if self.rule else ""
        return self.choice.text if self.choice else ""

    def _draw_text(self) -> None:
        text = self._yaml()
        self._scroll.display = bool(text)
        self._text.update(shown.yaml(text, self.app.current_theme.dark))

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if self.part == 1:
            self._draw_text()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self.part == 1:
            self.action_write()

    # Drafting.

    def _chosen(self) -> tuple[int, ...]:
        """The marked events, or the one at the cursor."""
        event = self.bench.event
        numbers = sorted(self.bench.marks) or ([event.number] if event else [])
        if len(numbers) > _MOST:
            self.bench.notify(f"Only the first {_MOST:,} marked events are taken.")
        return tuple(numbers[:_MOST])

    def action_tab(self, step: int) -> None:
        self.part = (self.part + step) % len(_TABS)
        self._draw()

    def action_draft(self) -> None:
        self._numbers = self._chosen()
        self.rule = None
        self._draft()

    def _draft(self) -> None:
        if not self._numbers:
            return
        self.part, self._trouble = 0, ""
        self._busy = f"Looking for what {shown.events(len(self._numbers))} have in common …"
        if len(self._numbers) == 1:
            self._busy = "Looking for what tells this event from others …"
        self._draw()

        def drafted(answer: object, last: bool) -> None:
            assert isinstance(answer, RuleDraft)
            self.rule, self._busy = answer, ""
            self._draw()

        self.ask(DraftRule(self._numbers, self.name_), drafted, self._refused)

    def action_name(self) -> None:
        def named(name: str | None) -> None:
            if name and name.strip():
                self.name_ = name.strip()
                self._draft()

        self.app.push_screen(Prompt("Name of the rule", value=self.name_), named)

    def action_silence(self) -> None:
        self._silence(self._chosen(), (), "")

    def _silence(self, false_alarms: tuple[int, ...], keep: tuple[int, ...], rule: str) -> None:
        if not false_alarms:
            return
        self.part, self._trouble = 1, ""
        self._busy = "Trying what the false alarms have in common …"
        if not keep:
            self.exceptions = None
        self._draw()

        def drafted(answer: object, last: bool) -> None:
            assert isinstance(answer, ExceptionDrafts)
            self.exceptions, self._busy = answer, ""
            self.list_.highlighted = 0
            self._draw()

        self.ask(DraftExceptions(false_alarms, keep, rule), drafted, self._refused)

    def action_keep(self) -> None:
        """The marked events, but for the false alarms, must not be silenced."""
        drafts = self.exceptions
        if drafts is None:
            self.bench.notify("Draft an exception first: x.")
            return
        keep = (self.bench.marks | set(drafts.keep)) - set(drafts.false_alarms)
        if not keep:
            self.bench.notify("Mark the alerts that are to stay (o shows those at risk), then k.")
            return
        self._silence(drafts.false_alarms, tuple(sorted(keep))[:_MOST], drafts.rule)

    def _refused(self, trouble: Trouble) -> None:
        self._busy = ""
        self._trouble = "" if trouble.crash else trouble.text
        self._draw()

    def action_others(self) -> None:
        """Show what the draft matches, or silences, beside what was marked."""
        choice = self.choice
        others = choice.first_others if choice else self.rule.others if self.rule else ()
        if self.part == 1 and choice is None:
            others = ()
        if not others:
            self.bench.notify("There are no others.")
            return
        self.bench.look(View(numbers=others), near=others[0])

    def action_copy(self) -> None:
        text = self._yaml()
        if text:
            self.app.copy_to_clipboard(text)
            self.bench.notify("Copied the YAML.")

    # Writing.

    def _default_file(self) -> str:
        kept = self.remembered("file", "")
        files = self.bench.rules.files if self.bench.rules else ()
        return str(kept or (files[-1] if files else "rules.yaml"))

    def _unsaved(self, path: str) -> str:
        """What is wrong with writing to a file: it is edited."""
        if not path.strip():
            return "a file is to be named"
        edited = {Path(each).resolve() for each in self.bench.texts}
        if Path(path.strip()).expanduser().resolve() in edited:
            return "its edits are not saved: save them in the editor first"
        return ""

    def action_write(self) -> None:
        if self.part == 1:
            self._write_exception()
        elif self.rule is None:
            self.bench.notify("Draft a rule first: d.")
        else:
            self._write_item("Add the rule to", self._default_file(), self.rule.rule, rules=True)

    def action_write_test(self) -> None:
        if self.rule is None:
            self.bench.notify("Draft a rule first: d.")
            return
        file = Path(self._default_file())
        kept = self.remembered("tests", "") or file.with_name(f"{file.stem}_tests.yaml")
        self._write_item("Add the test to", str(kept), self.rule.test, rules=False)

    def _write_item(self, title: str, value: str, item: str, *, rules: bool) -> None:
        def wrote(answer: object, last: bool) -> None:
            assert isinstance(answer, WroteFile)
            self.remember("file" if rules else "tests", answer.path)
            if rules:
                self._load(answer.path)
                self.bench.notify(f"The rule is at the end of {answer.path}, and judges.")
            else:
                self.bench.notify(
                    f"The test is at the end of {answer.path}: falcowb rules test runs it."
                )

        def named(path: str | None) -> None:
            if path is not None:
                self.ask(WriteItem(str(Path(path.strip()).expanduser()), item), wrote)

        help_ = "The end of a YAML file; it is made where there is none."
        self.app.push_screen(Prompt(title, help_, value, self._unsaved), named)

    def _write_exception(self) -> None:
        choice, drafts = self.choice, self.exceptions
        if choice is None or drafts is None:
            self.bench.notify("Draft an exception first: x.")
            return

        def wrote(answer: object, last: bool) -> None:
            assert isinstance(answer, WroteFile)
            self._load(answer.path)
            alerts = "alert is" if choice.silenced == 1 else "alerts are"
            self.bench.notify(
                f"{choice.silenced:,} {alerts} silent now: Diff, since opened, shows them."
            )

        def named(path: str | None) -> None:
            if path is not None:
                file = str(Path(path.strip()).expanduser())
                rules = self.bench.arguments.rules
                self.ask(WriteException(file, drafts.rule, choice, rules), wrote)

        help_ = (
            "In the rule where this file defines it, else as an item at the end that appends to "
            "it. Comments and layout stay."
        )
        prompt = Prompt("Write the exception to", help_, drafts.file, self._unsaved)
        self.app.push_screen(prompt, named)

    def _load(self, path: str) -> None:
        """Judge by what was written, whether or not the file was loaded before."""
        rules, arguments = self.bench.rules, self.bench.arguments
        loaded = rules.files if rules else ()
        if Path(path).resolve() not in {Path(each).resolve() for each in loaded}:
            before = arguments.rules or loaded
            self.bench.arguments = replace(arguments, rules=(*before, path))
        self.bench.load_rules()

    # All alerts.

    def action_export(self) -> None:
        opened = self.bench.opened
        stem = Path(opened.path).name.partition(".")[0] if opened else ""
        name = f"{stem or 'capture'}-alerts.jsonl"

        def exported(answer: object, last: bool) -> None:
            assert isinstance(answer, ExportedAlerts)
            if answer.done:
                alerts = "1 alert is" if answer.alerts == 1 else f"{answer.alerts:,} alerts are"
                self.bench.notify(f"{alerts} in {answer.path}.")

        def named(path: str | None) -> None:
            if path is not None:
                self.ask(ExportAlerts(str(Path(path.strip()).expanduser())), exported)

        def wrong(path: str) -> str:
            if not path.strip():
                return "a file is to be named"
            there = Path(path.strip()).expanduser().exists()
            return "this file is there already; name another" if there else ""

        help_ = "A JSON line for each alert, as Falco prints them with json_output."
        self.app.push_screen(Prompt("Export all alerts to", help_, name, wrong), named)
