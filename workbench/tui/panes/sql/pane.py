"""SQL; see the package."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import DataTable, Static, TextArea

from workbench.backend.messages import Trouble
from workbench.backend.questions.events import View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.sql import AskSql, SqlRows, SqlWait
from workbench.sql.recipes import RECIPES
from workbench.tui.pane import Pane
from workbench.tui.screens.dialogs import Menu
from workbench.tui.theme import word_colour
from workbench.tui.words import visible

_FIRST = 'SELECT "proc.name", count(*) AS events FROM events GROUP BY ALL ORDER BY events DESC'
#: Events that are shown at a time, queries that are remembered, columns of a cell, at most.
_MOST_EVENTS, _MOST_QUERIES, _WIDEST = 100_000, 50, 60


class SqlPane(Pane):
    """``rows``: the last answer. Rules count as they are saved."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "run", "Run", priority=True),
        Binding("f6", "events", "Show these events", priority=True),
        Binding("f7", "recipes", "Recipes", priority=True),
        Binding("f8", "history", "Asked before", priority=True, show=False),
        Binding("escape", "stop", "Cancel the query, or leave it", show=False),
    ]
    DEFAULT_CSS = """
    SqlPane TextArea { height: 4; border: none; padding: 0 1; background: $surface; }
    SqlPane TextArea:focus { border: none; }
    SqlPane #said { height: auto; max-height: 6; padding: 0 1; }
    SqlPane DataTable { height: 1fr; background: $background; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.query_text = TextArea(_FIRST, soft_wrap=True, tab_behavior="focus")
        self.table: DataTable[Text] = DataTable(cursor_type="row", zebra_stripes=False)
        self.rows: SqlRows | None = None
        self.running = False
        self._said = Static(id="said")

    def compose(self) -> ComposeResult:
        yield self.query_text
        yield self._said
        yield self.table

    def on_mount(self) -> None:
        kept = self.remembered("query", "")
        if isinstance(kept, str) and kept:
            self.query_text.text = kept
        self._say(Text("F5 runs the query, F7 has recipes.", "dim"))

    def take_focus(self) -> None:
        self.query_text.focus()

    @property
    def subtitle(self) -> str:
        if self.running:
            return "running …"
        if self.rows is None:
            return ""
        many = f"{len(self.rows.rows):,}{'+' if self.rows.more else ''} rows"
        return f"{many}  {self.rows.seconds:.3g}s"

    def case_opened(self, opened: Opened) -> None:
        self.rows, self.running = None, False
        self.table.clear(columns=True)

    def engine_restarted(self) -> None:
        if self.running:
            self._ended(Text("The engine was restarted; ask again.", "dim"))

    # Asking.

    def action_run(self) -> None:
        sql = self.query_text.text.strip()
        if self.bench.opened is None or not sql:
            return
        self._keep(sql)
        self.running, self.rows = True, None
        self._say(Text("running …", "dim"))
        given = self.bench.arguments
        question = AskSql(
            sql, given.capture or "", given.config, given.options, given.plugins, given.rules
        )

        def answered(answer: object, last: bool) -> None:
            if isinstance(answer, SqlWait):
                self._say(Text(answer.text, "dim"))
            elif isinstance(answer, SqlRows):
                self.rows = answer
                self._show(answer)

        def refused(trouble: Trouble) -> None:
            colour = word_colour("error", self.app.current_theme.dark)
            self._ended(Text(visible_lines(trouble.text), colour))

        self.ask(question, answered, refused)

    def _show(self, rows: SqlRows) -> None:
        self.table.clear(columns=True)
        for place, name in enumerate(rows.columns):
            self.table.add_column(visible(name), key=str(place))
        self.table.add_rows([[_cell(value) for value in row] for row in rows.rows])
        text = Text()
        if not rows.rows:
            text.append("no rows", "dim")
        elif rows.more:
            text.append(f"the first {len(rows.rows):,} rows; narrow the query, or use falcowb sql "
                        "-o FILE for all", "dim")  # fmt: skip
        if rows.numbers is not None and rows.rows:
            text.append("  " if text else "")
            text.append("Enter goes to a row's event, F6 shows the events of all", "dim")
        self._ended(text)

    def _ended(self, said: Text) -> None:
        self.running = False
        self._say(said)

    def _say(self, text: Text) -> None:
        self._said.update(text)
        self._said.display = bool(text)
        self.app.refresh_notes()

    def action_stop(self) -> None:
        if self.running:
            self.bench.engine.forget(f"{self.id} AskSql")
            self._ended(Text("cancelled", "dim"))
        elif self.query_text.has_focus:
            self.table.focus()
        else:
            self.query_text.focus()

    # What is asked often, and what was asked.

    def _keep(self, sql: str) -> None:
        self.remember("query", sql)
        self.remember("asked", [sql, *(each for each in self._asked() if each != sql)])

    def _asked(self) -> list[str]:
        kept = self.remembered("asked", [])
        if not isinstance(kept, list):
            return []
        return [each for each in kept if isinstance(each, str)][: _MOST_QUERIES - 1]

    def action_recipes(self) -> None:
        options = [(recipe.sql, recipe.name, recipe.title) for recipe in RECIPES]
        self.app.push_screen(Menu("Recipes", options), self._chosen)

    def action_history(self) -> None:
        options = [(sql, " ".join(sql.split()), "") for sql in self._asked()]
        if options:
            self.app.push_screen(Menu("Asked before", options), self._chosen)

    def _chosen(self, sql: str | None) -> None:
        if sql is not None:
            self.query_text.text = sql
            self.action_run()

    # From rows to events.

    @on(DataTable.RowSelected)
    def _selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        numbers = self.rows.numbers if self.rows else None
        number = numbers[event.cursor_row] if numbers is not None else None
        if number is None:
            self.bench.notify("This row tells of no event: select its number as num.")
            return
        self.bench.look(View(), near=number)
        self.app.show_pane("events")

    def action_events(self) -> None:
        numbers = self.rows.numbers if self.rows else None
        if numbers is None:
            self.bench.notify("The result tells of no events: select their numbers as num.")
            return
        found = sorted({number for number in numbers if number is not None})[:_MOST_EVENTS]
        if found:
            self.bench.look(View(numbers=tuple(found)), near=found[0])
            self.app.show_pane("events")


def _cell(value: str | None) -> Text:
    if value is None:
        return Text("∅", "dim")
    text = visible(value)
    return Text(text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…")


def visible_lines(text: str) -> str:
    """The same for a text of several lines, of which a caret may point into another."""
    return "\n".join(visible(line) for line in text.split("\n"))
