"""The events pane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from workbench.backend.messages import Trouble
from workbench.backend.questions.catalogue import FieldList
from workbench.backend.questions.detail import Detail, EventDetail
from workbench.backend.questions.events import (
    AsJson,
    CheckCondition,
    Jump,
    JumpedTo,
    Looked,
    Page,
    PageOf,
    View,
)
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import ExportAlerts, Exported, Judged, Rules
from workbench.editing.conditions import Vocabulary
from workbench.editing.words import narrowed, quoted
from workbench.tui.bench import EventRef
from workbench.tui.conditions.line import ConditionLine
from workbench.tui.pane import Command, Pane
from workbench.tui.panes.events.follow import Following, what_to_follow
from workbench.tui.panes.events.layouts import RULE, Layouts
from workbench.tui.panes.events.table import EventTable
from workbench.tui.screens.columns import Columns
from workbench.tui.screens.dialogs import Menu, Prompt
from workbench.tui.times import parse_place

#: Events that are copied at a time, at most.
_MOST_COPIED = 2000


class EventsPane(Pane):
    """See the module."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", key_display="/"),
        Binding("g", "jump", "Go to"),
        Binding("n", "alert(1)", "Next alert"),
        Binding("N,p", "alert(-1)", "Previous alert", show=False),
        Binding("f", "follow", "Follow"),
        Binding("space", "mark", "Mark"),
        Binding("equals_sign", "cell('and')", "Only this value", show=False, key_display="="),
        Binding("minus", "cell('not')", "Without this value", show=False, key_display="-"),
        Binding("a", "only('alerts')", "Alerts only"),
        Binding("M", "marked", "Marked only", show=False),
        Binding("right_square_bracket", "next_mark(1)", "Next mark", show=False, key_display="]"),
        Binding("left_square_bracket", "next_mark(-1)", "Previous mark", show=False,
                key_display="["),
        Binding("x", "everything", "All"),
        Binding("u", "back", "Back to the filter before", show=False),
        Binding("c", "copy", "Copy as JSON", show=False),
        Binding("C", "copy_cell", "Copy the value", show=False),
        Binding("o", "columns", "Columns"),
        Binding("greater_than_sign", "widen(4)", "Widen the column", show=False, key_display=">"),
        Binding("less_than_sign", "widen(-4)", "Narrow the column", show=False, key_display="<"),
        Binding("S", "source", "Only one source", show=False),
    ]  # fmt: skip
    COMMANDS: ClassVar[tuple[Command, ...]] = (
        Command("Export all alerts", "export_alerts", "As Falco's JSON lines, into a file"),
        Command("Unmark all", "unmark_all", "Take the marks from all events"),
        Command("Next grave alert", "grave(1)", "Error or worse"),
        Command("Previous grave alert", "grave(-1)", "Error or worse"),
    )

    def __init__(self) -> None:
        super().__init__()
        self.table = EventTable()
        self._vocabulary = Vocabulary()
        self.line = ConditionLine("/ filter: a condition, as in rules", self._vocabulary)
        self._layouts: Layouts | None = None
        self._restore: dict[str, object] = {}
        self._history: list[View] = []
        self._alerts: tuple[tuple[str, int], ...] = ()

    def compose(self) -> ComposeResult:
        yield self.line
        yield self.table

    def take_focus(self) -> None:
        self.table.focus()

    @property
    def subtitle(self) -> str:
        looked = self.bench.looked
        if looked is None:
            return ""
        view = self.bench.view
        at = f"{min(self.table.cursor + 1, looked.rows):,} of {looked.rows:,}"
        if view.is_all:
            return at
        words = [word for word in (view.only, view.rule, view.source) if word]
        if view.numbers is not None:
            words.append(f"{len(view.numbers):,} chosen")
        if view.start is not None or view.stop is not None:
            words.append("a range of time")
        if view.condition:
            words.append("filtered")
        return f"{' + '.join(words)}  {at}"

    # What happens elsewhere.

    def case_opened(self, opened: Opened) -> None:
        sources = [source.name for source in opened.sources]
        self._layouts = Layouts(self.bench.state, sources)
        layout = self._layouts.current()
        self.table.marks = self.bench.marks
        self.table.set_columns(layout.fields, layout.widths)
        restore = self.bench.remembered("events", default={})
        self._restore = restore
        condition = restore.get("condition")
        view = View(condition=condition if isinstance(condition, str) else "")
        near = restore.get("number")
        self.bench.look(
            view,
            near=near if isinstance(near, int) else None,
            on_trouble=lambda trouble: self.bench.look(View()),
        )

    def not_opened(self, trouble: Trouble) -> None:
        self.table.empty = trouble.message
        self.table.set_count(0, 0)

    def fields_known(self, fields: FieldList) -> None:
        self._vocabulary.fields = fields.fields
        self._vocabulary.event_types = fields.event_types

    def rules_loaded(self, rules: Rules) -> None:
        self._vocabulary.macros, self._vocabulary.lists = rules.macros, rules.lists

    def judged(self, judged: Judged) -> None:
        if judged.alerts != self._alerts:
            self._alerts = judged.alerts
            self.table.want_again()

    def view_changed(self, view: View, looked: Looked, first: bool) -> None:
        self.table.empty = "no events" if looked.complete else "looking …"
        if not view.is_all and looked.complete:
            self.table.empty = "no events match"
        if first and not self.line.has_focus_within:  # what is being typed stays
            self.line.set_value(view.condition)
            self.line.show_trouble(None)
        self.table.set_count(looked.rows, looked.version)
        if looked.near_row is not None and self._should_go(looked):
            self.table.go(looked.near_row)
        self.bench.remember("events", {**self._place(), "condition": view.condition})

    def _should_go(self, looked: Looked) -> bool:
        """The place is known once the view has got there; the cursor may have been moved since."""
        return looked.complete or (looked.near_row or 0) + 1 < looked.rows

    def marks_changed(self) -> None:
        self.table.marks = self.bench.marks
        self.table.refresh()

    def engine_restarted(self) -> None:
        self.table.cache.clear()
        self.table.want()

    def _place(self) -> dict[str, object]:
        event = self.bench.event
        return {"number": event.number if event else self._restore.get("number")}

    # The table.

    @on(EventTable.Wanted)
    def _wanted(self, event: EventTable.Wanted) -> None:
        fields = tuple(field for field in self.table.fields if field != RULE)

        def arrived(answer: object, last: bool) -> None:
            assert isinstance(answer, PageOf)
            looked = self.bench.looked
            if looked is None or answer.version == looked.version:
                self.table.cache.put(_with_rules(answer, self.table.fields))
                self.table.arrived()

        self.ask(Page(event.first, event.count, fields), arrived, lambda trouble: None)

    @on(EventTable.Moved)
    def _moved(self, event: EventTable.Moved) -> None:
        row = self.table.row(event.row)
        if row is not None:
            self.bench.choose_event(EventRef(row.number, row.time, row.source, event.row))
            self.bench.remember("events", {**self._place(), "condition": self.bench.view.condition})

    @on(EventTable.Chosen)
    def _chosen(self) -> None:
        self.app.show_pane("detail")

    # The filter.

    def action_filter(self) -> None:
        self.line.edit()

    @on(ConditionLine.Submitted)
    def _filtered(self, event: ConditionLine.Submitted) -> None:
        if not isinstance(event, ConditionLine.Paused):
            self._look_at(condition=event.condition.strip())
            self.table.focus()

    @on(ConditionLine.Paused)
    def _paused(self, event: ConditionLine.Paused) -> None:
        self.ask(
            CheckCondition(event.condition),
            lambda answer, last: self.line.show_trouble(None),
            self.line.show_trouble,
        )

    @on(ConditionLine.Left)
    def _left(self) -> None:
        self.line.set_value(self.bench.view.condition)
        self.line.show_trouble(None)
        self.table.focus()

    def _look_at(self, **changes: object) -> None:
        """Look at the view changed so; what is looked at now can be had back."""
        before = self.bench.view

        def refused(trouble: Trouble) -> None:
            self.line.show_trouble(trouble)
            self.line.edit()

        view = replace(before, **changes)  # type: ignore[arg-type] # the names are View's own
        if view == before:
            return
        self._history = [*self._history[-49:], before]
        self.bench.look(view, on_trouble=refused)

    def action_everything(self) -> None:
        if not self.bench.view.is_all:
            self._history.append(self.bench.view)
            self.bench.look(View())

    def action_back(self) -> None:
        if self._history:
            self.bench.look(self._history.pop())

    def action_only(self, what: str) -> None:
        on_now = self.bench.view.only == what
        self._look_at(only="" if on_now else what)

    def action_marked(self) -> None:
        if self.bench.view.numbers is not None:
            self._look_at(numbers=None)
        elif self.bench.marks:
            self._look_at(numbers=tuple(sorted(self.bench.marks)))
        else:
            self.bench.notify("No event is marked; space marks the one under the cursor.")

    def action_source(self) -> None:
        opened = self.bench.opened
        names = [source.name for source in opened.sources] if opened else []
        if len(names) < 2:
            self.bench.notify("The capture has one source.")
            return
        every = ["", *names]
        at = every.index(self.bench.view.source) if self.bench.view.source in every else 0
        self._look_at(source=every[(at + 1) % len(every)])

    def action_cell(self, how: str) -> None:
        """Narrow the filter by the value under the cursor."""
        row, field = self.table.row(self.table.cursor), self.table.field
        if row is None or field == RULE:
            return
        value = row.cells[self.table.column]
        if value is None:
            check = f"not {field} exists" if how == "and" else f"{field} exists"
        elif value.startswith("(") and value.endswith(")"):
            check = f"{field} in {value}" if how == "and" else f"not {field} in {value}"
        else:
            check = f"{field} {'=' if how == 'and' else '!='} {quoted(value)}"
        self.narrow_by(check)

    def narrow_by(self, check: str) -> None:
        """Only events for which a check holds as well."""
        self._look_at(condition=narrowed(self.bench.view.condition, check))

    # Going somewhere.

    def action_jump(self) -> None:
        def took(text: str | None) -> None:
            if text:
                self._jump_to(text.strip())

        help_ = (
            "1234           the event of this number\n"
            "14:05:03.2     the time of day\n"
            "2026-05-01 14:05   date and time\n"
            "+10m  -2.5s    from here on, or back"
        )
        self.app.push_screen(Prompt("Go to", help_, check=self._check_place), took)

    def _around(self) -> int:
        event, opened = self.bench.event, self.bench.opened
        if event is not None:
            return event.time
        return opened.first_time or 0 if opened else 0

    def _check_place(self, text: str) -> str:
        text = text.strip().replace(",", "")
        if not text or text.isdigit() or parse_place(text, self._around()) is not None:
            return ""
        return "Neither a number nor a time."

    def _jump_to(self, text: str) -> None:
        plain = text.replace(",", "")
        if plain.isdigit():
            self._go(Jump("number", int(plain)), "no such event")
        else:
            time = parse_place(text, self._around())
            if time is not None:
                self._go(Jump("time", time), "no event then")

    def _go(self, question: Jump, otherwise: str) -> None:
        def went(answer: object, last: bool) -> None:
            assert isinstance(answer, JumpedTo)
            if answer.row is None:
                self.bench.notify(otherwise.capitalize() + ".")
            else:
                self.table.go(answer.row)

        self.ask(question, went)

    def action_alert(self, step: int) -> None:
        which = "further" if step > 0 else "earlier"
        self._go(
            Jump("alert", start=self.table.cursor, back=step < 0), f"no {which} alert in this view"
        )

    def action_grave(self, step: int) -> None:
        self._go(
            Jump("alert", start=self.table.cursor, back=step < 0, priority=3),
            "no further alert of that priority",
        )

    def action_next_mark(self, step: int) -> None:
        event = self.bench.event
        if event is None:
            return
        later = sorted(number for number in self.bench.marks if number > event.number)
        earlier = sorted(number for number in self.bench.marks if number < event.number)
        found = later[:1] if step > 0 else earlier[-1:]
        if found:
            self._go(Jump("number", found[0]), "no further mark")
        else:
            self.bench.notify("No further mark.")

    # Marks, copies, columns.

    def action_mark(self) -> None:
        row = self.table.row(self.table.cursor)
        if row is not None:
            self.bench.mark(row.number)
            self.table.action_move(1)

    def action_unmark_all(self) -> None:
        for number in list(self.bench.marks):
            self.bench.mark(number)

    def action_copy(self) -> None:
        event = self.bench.event
        numbers = sorted(self.bench.marks) or ([event.number] if event else [])
        if not numbers:
            return

        def copied(answer: object, last: bool) -> None:
            assert isinstance(answer, str)
            self.app.copy_to_clipboard(answer)
            lines = answer.count("\n") + 1
            what = "marked events" if self.bench.marks else "event"
            self.bench.notify(f"Copied {lines:,} {what} as JSON ({len(answer):,} characters).")

        if len(numbers) > _MOST_COPIED:
            self.bench.notify(f"Only the first {_MOST_COPIED:,} are copied.", severity="warning")
        self.ask(AsJson(tuple(numbers[:_MOST_COPIED])), copied)

    def action_export_alerts(self) -> None:
        def exported(answer: object, last: bool) -> None:
            assert isinstance(answer, Exported)
            self.bench.notify(f"{answer.alerts:,} alerts are in {answer.path}.")

        def took(path: str | None) -> None:
            if path and path.strip():
                self.ask(ExportAlerts(str(Path(path.strip()).expanduser())), exported)

        self.app.push_screen(Prompt("Export all alerts to", "A new file of JSON lines."), took)

    def action_copy_cell(self) -> None:
        row = self.table.row(self.table.cursor)
        if row is not None and self.table.fields:
            value = row.rule if self.table.field == RULE else row.cells[self.table.column]
            self.app.copy_to_clipboard(value or "")
            self.bench.notify(f"Copied {self.table.field}.")

    def action_follow(self) -> None:
        self._with_detail(self._follow)

    def _with_detail(self, use: Callable[[EventDetail], None]) -> None:
        event = self.bench.event
        if event is None:
            return

        def known(answer: object, last: bool) -> None:
            assert isinstance(answer, EventDetail)
            use(answer)

        self.ask(Detail(event.number, event.source), known)

    def _follow(self, detail: EventDetail) -> None:
        def took(found: Following | None) -> None:
            if found is not None:
                self._look_at(condition=found.condition, only="", rule="", numbers=None)

        options = [(each, each.title, each.about) for each in what_to_follow(detail)]
        self.app.push_screen(Menu("Follow", options), took)

    def action_widen(self, by: int) -> None:
        self.table.widen(by)
        self._keep_layout()

    def action_columns(self) -> None:
        fields = self.bench.fields
        layouts = self._layouts
        if fields is None or layouts is None:
            return
        opened = self.bench.opened
        sources = {source.name for source in opened.sources} if opened else set()
        known = [each for each in fields.fields if sources & set(each.sources) or not sources]

        def took(chosen: list[str] | None) -> None:
            if chosen:
                self.set_fields(chosen)

        self.app.push_screen(Columns(self.table.fields, known, layouts.saved(), layouts.save), took)

    def set_fields(self, fields: list[str]) -> None:
        """Show these columns from now on."""
        widths = {name: width for name, width in self.table.widths.items() if name in fields}
        self.table.set_columns(fields, widths)
        self._keep_layout()

    def _keep_layout(self) -> None:
        if self._layouts is not None:
            layout = self._layouts.current()
            layout.fields, layout.widths = list(self.table.fields), dict(self.table.widths)
            self._layouts.keep(layout)


def _with_rules(page: PageOf, fields: list[str]) -> PageOf:
    """The page with a column for the rule, where one is shown."""
    if RULE not in fields:
        return page
    cells = list(page.cells)
    cells.insert(fields.index(RULE), tuple(rule or None for rule in page.rules))
    return replace(page, cells=tuple(cells))
