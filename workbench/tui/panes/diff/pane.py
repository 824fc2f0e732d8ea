"""Diff; see the package."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static, Tree

from workbench.backend.messages import Trouble
from workbench.backend.questions.diff import (
    Comparing,
    DiffAlerts,
    DiffEvents,
    DiffRules,
    RulesDiffed,
    SavedTexts,
)
from workbench.backend.questions.events import View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import Judged, Rules
from workbench.tui.goto import go_to_event
from workbench.tui.pane import Pane
from workbench.tui.panes.diff.tree import ChangeTree, Line, More
from workbench.tui.theme import word_colour

_TABS = ("Since saved", "Since opened")


class DiffPane(Pane):
    """``part``: beside what the rules in force are looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Beside the rules as saved", show=False),
        Binding("right", "tab(1)", "Saved or opened", key_display="←→"),
        Binding("s", "show('both')", "Show the events"),
        Binding("plus", "show('gained')", "Show those gained", key_display="+"),
        Binding("minus", "show('lost')", "Show those lost", show=False, key_display="-"),
        Binding("r", "again", "Compare again", show=False),
    ]
    DEFAULT_CSS = """
    DiffPane #parts { height: 1; padding: 0 1; background: $surface; }
    DiffPane #said { height: auto; max-height: 3; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.part = 0
        self.diffed: RulesDiffed | None = None
        self._opened_with: tuple[tuple[str, str], ...] | None = None
        self._stale = True
        self._trouble = ""
        self._comparing: Comparing | None = None
        self._parts = Static(id="parts")
        self._said = Static(id="said")
        self.tree_of = ChangeTree()

    def compose(self) -> ComposeResult:
        yield self._parts
        yield self._said
        yield self.tree_of

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw_all, init=False)
        self._draw()

    def take_focus(self) -> None:
        self.tree_of.focus()

    @property
    def subtitle(self) -> str:
        if self.diffed is None or self._stale:
            return ""
        if not (self.diffed.gained or self.diffed.lost):
            return "no difference"
        gained, lost = self.diffed.gained, self.diffed.lost
        return " ".join([f"+{gained:,}"] * bool(gained) + [f"−{lost:,}"] * bool(lost))

    # What happens.

    def case_opened(self, opened: Opened) -> None:
        self._opened_with = None
        self.diffed = None
        self._stale = True
        self.tree_of.show(None)
        self._draw()

    def rules_loaded(self, rules: Rules) -> None:
        if self._opened_with is None and rules.files:

            def read(answer: object, last: bool) -> None:
                assert isinstance(answer, tuple)
                self._opened_with = answer

            self.ask(SavedTexts(rules.files), read, lambda trouble: None)

    def judged(self, judged: Judged) -> None:
        if judged.complete:
            self._stale = True
            self._soon()

    def engine_restarted(self) -> None:
        self._stale = True
        self._soon()

    def shown(self) -> None:
        self._soon()

    def _soon(self) -> None:
        # Who was just chosen is on the screen once it is laid out.
        self.call_after_refresh(self._compare_if_seen)

    def _compare_if_seen(self) -> None:
        if self._stale and self.display and self.is_on_screen:
            self._compare()

    def _compare(self) -> None:
        judged, rules = self.bench.judged, self.bench.rules
        if judged is None or not judged.complete or rules is None or not rules.rules:
            self._draw()
            return
        self._stale, self._trouble, self._comparing = False, "", None
        texts = (self._opened_with or ()) if self.part else ()

        def found(answer: object, last: bool) -> None:
            if isinstance(answer, Comparing):
                self._comparing = answer
                self._draw()
                return
            assert isinstance(answer, RulesDiffed)
            self.diffed, self._comparing = answer, None
            self._draw_all()

        def refused(trouble: Trouble) -> None:
            self.diffed, self._comparing, self._trouble = None, None, trouble.text
            self._draw_all()

        self.ask(DiffRules(self.bench.arguments.rules, texts), found, refused)

    # Drawing.

    def _draw_all(self) -> None:
        self.tree_of.show(self.diffed)
        self._draw()

    def _draw(self) -> None:
        dark = self.app.current_theme.dark
        parts = Text(no_wrap=True, overflow="ellipsis")
        for place, name in enumerate(_TABS):
            chosen = f"bold underline {word_colour('field', dark)}" if place == self.part else "dim"
            parts.append(name, chosen)
            parts.append("  ")
        unsaved = len(self.bench.texts)
        if unsaved:
            files = "file is" if unsaved == 1 else "files are"
            parts.append(f"{unsaved} {files} edited and not saved", word_colour("macro", dark))
        self._parts.update(parts)
        self._said.update(self._summary(dark))
        self.app.refresh_notes()

    def _summary(self, dark: bool) -> Text:
        before = "as saved" if self.part == 0 else "as they were when the capture was opened"
        if self._trouble:
            text = Text(f"The rules {before} cannot be compared: ", "dim")
            return text.append(self._trouble, word_colour("error", dark))
        if self._comparing is not None:
            done = self._comparing.seen / max(self._comparing.total, 1)
            return Text(f"Judging by the rules {before} … {done:.0%}", "dim")
        diffed = self.diffed
        if self.bench.rules is None or not self.bench.rules.rules:
            return Text("No rules are loaded; start with -r FILE.", "dim")
        if diffed is None:
            return Text("What edits change shows here once the capture is judged.", "dim")
        if not diffed.rules:
            text = Text(f"The rules are {before}: ", "dim")
            alerts = "alert" if diffed.after == 1 else "alerts"
            return text.append(
                f"{diffed.after:,} {alerts} on {diffed.events:,} events. "
                "Edit one, and what that changes shows here"
                + ("; → for all since the capture was opened." if self.part == 0 else "."),
                "dim",
            )
        text = Text()
        if diffed.gained or diffed.lost:
            if diffed.gained:
                text.append(f"+{diffed.gained:,} gained  ", f"bold {word_colour('macro', dark)}")
            if diffed.lost:
                text.append(f"−{diffed.lost:,} lost  ", f"bold {word_colour('error', dark)}")
            text.append(f"{diffed.before:,} → {diffed.after:,} alerts")
        else:
            text.append("The alerts are the same", "bold")
            text.append(f": {diffed.after:,}")
        text.append(f" on {diffed.events:,} events, beside the rules {before}.", "dim")
        if self.bench.rules.failed:
            text.append(
                "  The edited rules do not load; these are the last that did.",
                word_colour("error", dark),
            )
        return text

    # Doing.

    @on(ChangeTree.Wanted)
    def _wanted(self, event: ChangeTree.Wanted) -> None:
        event.stop()

        def known(answer: object, last: bool) -> None:
            assert isinstance(answer, DiffAlerts)
            self.tree_of.arrived(answer)

        question = DiffEvents(event.rule, event.lost, event.first, event.count)
        kind = f"{self.id} events {event.rule} {event.lost}"
        self.bench.ask(question, known, lambda trouble: None, kind=kind)

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Line | More]) -> None:
        event.stop()
        line = event.node.data
        if isinstance(line, More):
            self.tree_of.more(line)
        elif line is not None and line.number is not None:
            go_to_event(self, line.number)

    @on(ChangeTree.OtherTab)
    def _other_tab(self, event: ChangeTree.OtherTab) -> None:
        event.stop()
        self.action_tab(event.step)

    def action_tab(self, step: int) -> None:
        self.part = (self.part + step) % len(_TABS)
        self.diffed, self._stale = None, True
        self._draw_all()
        self._soon()

    def action_again(self) -> None:
        self._stale = True
        self._soon()

    def action_show(self, which: str) -> None:
        """Show the events of the rule under the cursor in the events pane."""
        change = self.tree_of.change
        if change is None:
            self.bench.notify("Choose a rule first.")
            return
        numbers: tuple[int, ...] = ()
        count = 0
        if which in ("gained", "both"):
            numbers += change.gained
            count += change.gained_count
        if which in ("lost", "both"):
            numbers += change.lost
            count += change.lost_count
        if not numbers:
            self.bench.notify(f"{change.name} has no such alerts.")
            return
        self.bench.look(View(numbers=tuple(sorted(numbers))), near=min(numbers))
        if count > len(numbers):
            self.bench.notify(f"The first {len(numbers):,} of {count:,} events are shown.")
