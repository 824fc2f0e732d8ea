"""Explain; see the package."""

from __future__ import annotations

from typing import ClassVar, Literal

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import OptionList, Static, Tree

from engine.explain.tree import Explained, Explanation, Kind
from workbench.backend.messages import Trouble
from workbench.backend.questions.events import View
from workbench.backend.questions.explain import Explain, ExplainedEvent
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import Judged, RuleFacts
from workbench.editing.words import narrowed
from workbench.tui.bench import EventRef
from workbench.tui.pane import Pane
from workbench.tui.panes.explain.labels import heading
from workbench.tui.panes.explain.near import NearMisses
from workbench.tui.panes.explain.tree import ConditionTree
from workbench.tui.screens.dialogs import Menu
from workbench.tui.theme import PRIORITIES, word_colour

_TABS = ("Why", "Near misses")
#: Seconds after which the event is asked for: who holds a key down passes many.
_PAUSE = 0.15


class ExplainPane(Pane):
    """``rule``: the one that was chosen by hand, empty for those that fire, or come nearest."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Part before", show=False),
        Binding("right", "tab(1)", "Why or near misses", key_display="←→"),
        Binding("r", "choose", "Choose a rule"),
        Binding("A", "automatic", "Rules that fire", show=False),
        Binding("full_stop", "next", "Next rule", key_display="."),
        Binding("u", "unfold", "Unfold all"),
        Binding("equals_sign", "narrow('')", "Events like this", key_display="="),
        Binding("minus", "narrow('not ')", "Events unlike this", show=False, key_display="-"),
    ]
    DEFAULT_CSS = """
    ExplainPane #parts { height: 1; padding: 0 1; background: $surface; }
    ExplainPane #said { height: auto; max-height: 3; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.rule = ""
        self.part = 0
        self.found: ExplainedEvent | None = None
        self.at = 0
        self._parts = Static(id="parts")
        self._said = Static(id="said")
        self.condition = ConditionTree()
        self.near = NearMisses()
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._parts
        yield self._said
        yield self.condition
        yield self.near

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    def take_focus(self) -> None:
        (self.condition if self.part == 0 else self.near).focus()

    @property
    def subtitle(self) -> str:
        if self.part == 1:
            return self.near.subtitle
        if self.found is None:
            return ""
        many = len(self.found.explanations)
        which = f"{self.at + 1} of {many}  " if many > 1 else ""
        return f"{which}event {self.found.number:,}"

    # What happens.

    def case_opened(self, opened: Opened) -> None:
        self.found = None
        self.near.forget()
        self._draw()

    def event_chosen(self, event: EventRef) -> None:
        self._soon()

    def judged(self, judged: Judged) -> None:
        if judged.complete:
            self.near.forget()
            self._soon()

    def engine_restarted(self) -> None:
        self.near.forget()
        self._soon()

    def shown(self) -> None:
        self._soon()

    def _soon(self) -> None:
        if not self.display or not self.is_on_screen:
            return  # Nobody looks; it is asked when the pane is shown.
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._fetch)

    def _fetch(self) -> None:
        if self.part == 1:
            self._fetch_near()
            return
        event = self.bench.event
        if event is None or self.bench.rules is None:
            return

        def known(answer: object, last: bool) -> None:
            assert isinstance(answer, ExplainedEvent)
            same = self._shown_rule()
            self.found = answer
            names = [each.rule for each in answer.explanations]
            self.at = names.index(same) if same in names else 0
            self._draw()

        def refused(trouble: Trouble) -> None:
            self.found = None
            self._draw(Text(trouble.message, "dim"))

        self.ask(Explain(event.number, event.source, self.rule), known, refused)

    def _fetch_near(self) -> None:
        rule = self.rule or self._shown_rule()
        if rule and self.bench.rules is not None:
            self.near.look_for(self, rule)
        self._draw()

    # Drawing.

    @property
    def explanation(self) -> Explanation | None:
        found = self.found
        return found.explanations[self.at] if found and found.explanations else None

    def _shown_rule(self) -> str:
        shown = self.explanation
        return shown.rule if shown else ""

    def _draw(self, said: Text | None = None) -> None:
        dark = self.app.current_theme.dark
        parts = Text(no_wrap=True, overflow="ellipsis")
        for place, name in enumerate(_TABS):
            chosen = f"bold underline {word_colour('field', dark)}" if place == self.part else "dim"
            parts.append(name, chosen)
            parts.append("  ")
        if self.rule:
            parts.append(f"of {self.rule}", word_colour("macro", dark))
        self._parts.update(parts)
        self.condition.display = self.part == 0
        self.near.display = self.part == 1
        if self.part == 1:
            self._said.update(self.near.said(self.rule or self._shown_rule(), dark))
        else:
            self._said.update(said if isinstance(said, Text) else self._heading(dark))
            self.condition.show(self.explanation, dark)
        self.app.refresh_notes()

    def refresh_shown(self) -> None:
        """What is known of near misses changed."""
        self._draw()

    def _heading(self, dark: bool) -> Text:
        found = self.found
        if found is None:
            return Text("Move to an event to see why rules fire on it or do not.", "dim")
        shown = self.explanation
        if shown is None:
            return Text(f"No rule is for events of source {found.source}.", "dim")
        text = heading(shown, dark)
        others = [name for name in found.firing if name != shown.rule]
        if others:
            text.append(f" Also: {', '.join(others)}.", "dim")
        elif not found.firing and not self.rule and len(found.explanations) > 1:
            text.append(" No rule fires; this one is the nearest, '.' for others.", "dim")
        return text

    # Doing.

    def action_tab(self, step: int) -> None:
        self.part = (self.part + step) % len(_TABS)
        focused = self.has_focus_within
        self._draw()
        if focused:
            self.take_focus()
        self._fetch()

    def action_next(self) -> None:
        if self.found is not None and self.found.explanations:
            self.at = (self.at + 1) % len(self.found.explanations)
            self._draw()
            if self.part == 1:
                self._fetch()

    def action_choose(self) -> None:
        rules = self.bench.rules
        if rules is None or not rules.rules:
            self.bench.notify("No rules are loaded; start with -r FILE.")
            return
        firing = set(self.found.firing) if self.found else set()
        counts = dict(self.bench.judged.matches) if self.bench.judged else {}

        def about(rule: RuleFacts) -> str:
            fires = "fires here, " if rule.name in firing else ""
            off = "" if rule.enabled else ", off"
            number = counts.get(rule.name, 0)
            return f"{fires}{PRIORITIES[rule.priority]}, {number:,} events{off}"

        source = self.bench.event.source if self.bench.event else ""
        able = [rule for rule in rules.rules if not source or rule.source == source]
        able.sort(key=lambda rule: (rule.name not in firing, -counts.get(rule.name, 0)))
        options = [(rule.name, rule.name, about(rule)) for rule in able]
        self.app.push_screen(Menu("Explain a rule", options), self._chosen)

    def _chosen(self, rule: str | None) -> None:
        if rule is not None:
            self.explain_rule(rule)

    def explain_rule(self, rule: str) -> None:
        """Explain this rule from now on, whatever the event."""
        self.rule = rule
        self._draw()
        self._fetch()

    def action_automatic(self) -> None:
        self.explain_rule("")

    def action_unfold(self) -> None:
        self.condition.unfold()

    def action_narrow(self, negation: Literal["", "not "]) -> None:
        if self.part == 1:
            self.near.look(self)
            return
        part = self.condition.chosen
        if part is None or part.kind not in (Kind.CHECK, Kind.MACRO):
            self.bench.notify("Choose a check or a macro first.")
            return
        self.bench.narrow(condition=narrowed(self.bench.view.condition, f"{negation}{part.text}"))

    @on(OptionList.OptionSelected)
    def _look(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.near.look(self)

    @on(ConditionTree.OtherTab)
    def _other_tab(self, event: ConditionTree.OtherTab) -> None:
        event.stop()
        self.action_tab(event.step)

    @on(Tree.NodeHighlighted)
    def _highlighted(self, event: Tree.NodeHighlighted[Explained]) -> None:
        event.stop()

    def look_at(self, numbers: tuple[int, ...], note: str) -> None:
        """Show these events."""
        self.bench.look(View(numbers=numbers), near=numbers[0] if numbers else None)
        self.bench.notify(note)
