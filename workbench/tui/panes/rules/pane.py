"""The rules; see the package."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from capture.errors import FalcowbError
from workbench.backend.questions.events import View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import Judged, Rules
from workbench.backend.questions.writing import Costs, RuleCosts
from workbench.editing.changes import changed_items
from workbench.editing.diagnostics import in_short
from workbench.editing.disk import read
from workbench.tui.pane import Command, Pane
from workbench.tui.panes.rules.lines import ORDERS, Line, Shown, lines
from workbench.tui.panes.rules.table import RuleLines
from workbench.tui.theme import PRIORITIES, priority_colour, word_colour
from workbench.tui.words import visible


class _Filter(Input):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,down", "leave", "Back", show=True)]

    def action_leave(self) -> None:
        pane = self.parent
        assert isinstance(pane, RulesPane)
        pane.table.focus()


class RulesPane(Pane):
    """``listed`` holds what the lines are made of."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "switch", "On or off"),
        Binding("e", "edit", "Edit"),
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("h", "only_hits", "Only hits"),
        Binding("s", "order", "Sort"),
        Binding("c", "costs", "Cost"),
        Binding("left,right", "fold", "Fold or unfold", show=False, key_display="←→"),
        Binding("x", "forget", "All rules", show=False),
    ]
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("Load the rules again", "load", "Read the rule files again and judge"),
        Command("Rules as the files say", "as_written", "Undo turning rules on and off by hand"),
    )
    DEFAULT_CSS = """
    RulesPane Input { height: 1; border: none; padding: 0 1; background: $surface; }
    RulesPane Input:focus { border: none; background: $panel; }
    RulesPane #about { height: auto; max-height: 34%; padding: 0 1; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.table = RuleLines()
        self._filter = _Filter(placeholder="words of names, tags, priorities", compact=True)
        self._about = Static(id="about")
        self.listed: Shown | None = None
        self._folded: set[str] = set()
        self._order = 0
        self._only_hits = False
        self._measured: RuleCosts | None = None
        self._conditions: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        self._filter.display = False
        yield self._filter
        yield self.table
        yield self._about

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    def take_focus(self) -> None:
        self.table.focus()

    @property
    def subtitle(self) -> str:
        rules = self.bench.rules
        if rules is None:
            return ""
        parts = []
        if self._order:
            parts.append(ORDERS[self._order])
        if self._only_hits:
            parts.append("only hits")
        on = sum(rule.enabled for rule in rules.rules)
        many = len(rules.rules)
        parts.append(f"{many} rules" if on == many else f"{on} of {many} on")
        return "  ".join(parts)

    # What happens.

    def case_opened(self, opened: Opened) -> None:
        self._measured = None
        self._folded.clear()
        self._draw()

    def rules_loaded(self, rules: Rules) -> None:
        self._draw()

    def judged(self, judged: Judged) -> None:
        self._draw()

    def _draw(self) -> None:
        rules, judged = self.bench.rules, self.bench.judged
        if rules is None:
            self.table.show([], "no rules are loaded")
            self._about.display = False
            return
        costs = {}
        if self._measured is not None:
            # What a rule cost is known as long as its condition is the same.
            now = {rule.name: rule.condition for rule in rules.rules}
            costs = {
                each.rule: each
                for each in self._measured.costs
                if now.get(each.rule) == self._conditions.get(each.rule)
            }
        self.listed = Shown(
            rules,
            dict(judged.matches) if judged else {},
            dict(judged.alerts) if judged else {},
            costs,
            self._changed(),
            self._folded,
            self._filter.value if self._filter.display else "",
            self._only_hits,
            self._order,
            tuple(self.bench.texts),
        )
        empty = "no rule fits" if rules.rules else "no rules are loaded: start with -r FILE"
        self.table.costs = bool(costs)
        self.table.show(lines(self.listed), empty)
        self.app.refresh_notes()

    def _changed(self) -> set[tuple[str, str]]:
        """The items that are written otherwise than on disk."""
        found: set[tuple[str, str]] = set()
        for path, text in self.bench.texts.items():
            try:
                found |= changed_items(read(path).text, text)
            except FalcowbError:
                found |= changed_items("", text)
        return found

    # The line under the cursor.

    @on(RuleLines.Moved)
    def _moved(self, event: RuleLines.Moved) -> None:
        event.stop()
        line = self.table.chosen
        text = Text() if line is None else self._describe(line)
        self._about.display = bool(text)
        self._about.update(text)

    def _describe(self, line: Line) -> Text:
        dark = self.app.current_theme.dark
        text = Text()
        for each in line.said[:3]:
            grave = 2 if each.severity == "error" else 4
            mark = {"error": "✖", "warning": "▲"}.get(each.severity, "●")
            where = f" {each.line}:" if each.line else ""
            said = visible(in_short(each.text, each.hint))
            text.append(f"{mark}{where} {said}\n", priority_colour(grave, dark))
        rule = line.rule
        if rule is None:
            if line.kind == "file":
                text.append(line.file, "dim")
            text.rstrip()
            return text
        text.append(PRIORITIES[rule.priority], priority_colour(rule.priority, dark))
        text.append(f"  {rule.file.rpartition('/')[2]}:{rule.line}", "dim")
        if line.hits is not None and line.alerts != line.hits:
            text.append(
                f"  {line.hits:,} match, {line.alerts:,} alert", word_colour("number", dark)
            )
        if not rule.enabled:
            text.append("  off", word_colour("number", dark))
        if rule.tags:
            text.append(f"  {' '.join(rule.tags)}", "dim")
        text.append(f"\n{visible(' '.join(rule.description.split()))}")
        return text

    @on(RuleLines.Chosen)
    def _chosen(self, event: RuleLines.Chosen) -> None:
        event.stop()
        line = self.table.chosen
        if line is None:
            return
        if line.kind in ("file", "source"):
            self.action_fold()
        elif line.rule is None:
            self.action_edit()
        else:
            self.bench.look(View(rule=line.rule.name))

    @on(RuleLines.Switch)
    def _switched(self, event: RuleLines.Switch) -> None:
        event.stop()
        self.action_switch()

    # Actions.

    def action_switch(self) -> None:
        """Turn the rule on or off; of a file or a source all of them."""
        line, shown = self.table.chosen, self.listed
        if line is None or shown is None:
            return
        if line.rule is not None:
            self.bench.switch(line.rule.name, not line.rule.enabled)
            return
        source = line.title if line.kind == "source" else None
        rules = [
            rule
            for rule in shown.rules.rules
            if rule.file == line.file and source in (None, rule.source)
        ]
        on = not any(rule.enabled for rule in rules)
        for rule in rules:
            self.bench.switched[rule.name] = on
        if rules:
            self.bench.load_rules()

    def action_edit(self) -> None:
        line = self.table.chosen
        if line is None:
            return
        if line.rule is not None:
            self.bench.go_to(line.file, line.rule.line)
            return
        said = next((each for each in line.said if each.line), None)
        self.bench.go_to(line.file, said.line if said else 1, said.column if said else 1)

    def action_fold(self) -> None:
        line = self.table.chosen
        if line is None:
            return
        key = line.key if line.kind in ("file", "source") else line.file
        self._folded ^= {key}
        self._draw()
        self.table.go_to(key)

    def action_filter(self) -> None:
        self._filter.display = True
        self._filter.focus()

    @on(Input.Changed)
    def _narrowed(self, event: Input.Changed) -> None:
        event.stop()
        self._draw()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.table.focus()

    def action_only_hits(self) -> None:
        self._only_hits = not self._only_hits
        self._draw()

    def action_order(self) -> None:
        self._order = (self._order + 1) % len(ORDERS)
        if ORDERS[self._order] == "by cost" and self._measured is None:
            self.action_costs()
        self._draw()

    def action_forget(self) -> None:
        """No filter, no order, all files unfolded."""
        self._filter.value = ""
        self._filter.display = self._only_hits = False
        self._order = 0
        self._folded.clear()
        self._draw()

    def action_costs(self) -> None:
        """Measure what the rules cost, on a sample of the events."""
        rules = self.bench.rules
        if rules is None or not rules.rules:
            return
        conditions = {rule.name: rule.condition for rule in rules.rules}

        def measured(answer: object, last: bool) -> None:
            assert isinstance(answer, RuleCosts)
            self._measured, self._conditions = answer, conditions
            self._draw()
            if last:
                self.bench.notify(
                    f"Each rule was asked alone of {answer.sampled:,} events: time for an event, "
                    "and the rows of the capture that it has to look at."
                )

        self.ask(Costs(), measured)

    def action_load(self) -> None:
        self.bench.load_rules()

    def action_as_written(self) -> None:
        self.bench.switched.clear()
        self.bench.load_rules()
