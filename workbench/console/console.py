"""The console without its prompt: lines in, text out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from capture.errors import FalcowbError
from workbench.console.commands import run_command
from workbench.console.display import table_text
from workbench.sql.client import SqlClient
from workbench.sql.described import TableInfo


class Console:
    """``say`` prints a text, ``page`` one that may be long; ``width`` is that of the screen."""

    def __init__(
        self,
        client: SqlClient,
        say: Callable[[str], None],
        page: Callable[[str], None] | None = None,
        width: Callable[[], int | None] = lambda: None,
    ) -> None:
        self.client = client
        self.say = say
        self.page = page or say
        self.width = width
        self.over = False
        self.last = ""
        self.most_rows = 1000

    @property
    def tables(self) -> Sequence[TableInfo]:
        return self.client.tables

    def handle(self, text: str) -> None:
        """A line, or several: a command or a query. What is wrong is said."""
        text = text.strip()
        if not text:
            return
        try:
            if text.startswith("."):
                run_command(self, text)
            elif text.rstrip(";").strip().lower() in ("exit", "quit"):
                self.over = True
            else:
                self.ask(text)
        except FalcowbError as error:
            self.say(str(error))
        except KeyboardInterrupt:
            self.say("cancelled")

    def ask(self, query: str) -> None:
        """Ask a query and show what it answers. Raises FalcowbError."""
        started = time.monotonic()
        result = self.client.run(query)
        self.last = query
        table = result.table(self.most_rows + 1)
        seconds = time.monotonic() - started
        if table.num_rows > self.most_rows:
            result.close()
        if not table.num_columns or (table.schema.names == ["Count"] and _made(query)):
            self.say(f"done, {seconds:.3f} s")
            return
        shown = table.slice(0, self.most_rows)
        more = table.num_rows > self.most_rows
        count = f"the first {shown.num_rows:,}" if more else f"{shown.num_rows:,}"
        rows = "row" if shown.num_rows == 1 else "rows"
        hint = " (.save FILE writes all, .rows N shows more)" if more else ""
        self.page(f"{table_text(shown, self.width())}\n{count} {rows}, {seconds:.3f} s{hint}")


def _made(query: str) -> bool:
    return query.lstrip()[:6].upper() in ("CREATE", "DROP", "ALTER ", "DROP T", "DROP V")
