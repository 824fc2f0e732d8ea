"""The prompt: history, several lines, highlighting, completion, paging."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import ThreadedCompleter
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import HTML
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.lexers import PygmentsLexer
from prompt_toolkit.styles import Style
from pygments.lexers.sql import PostgresLexer

from capture.errors import FalcowbError
from workbench.console.commands import commands
from workbench.console.completion import SqlCompleter, Word
from workbench.console.console import Console
from workbench.sql.client import SqlClient
from workbench.sql.messages import Note, Setup
from workbench.sql.tokens import complete

_STYLE = Style.from_dict(
    {
        "pygments.keyword": "ansiblue bold",
        "pygments.literal.string": "ansigreen",
        "pygments.literal.string.single": "ansigreen",
        "pygments.literal.string.name": "ansicyan",
        "pygments.literal.number": "ansimagenta",
        "pygments.comment": "ansibrightblack italic",
        "bottom-toolbar": "noreverse ansibrightblack",
    }
)


def run_console(setup: Setup, *, quiet: bool = False) -> None:
    """Ask until the person leaves. Raises FalcowbError where the session cannot begin."""
    with SqlClient(setup, _tell) as client:
        client.begin()
        ready = client.wait()
        _clear()
        console = Console(client, print, _page, lambda: shutil.get_terminal_size().columns)
        if not quiet:
            names = ", ".join(ready.captures)
            rules = f", {len(ready.rules):,} rules" if ready.rules else ""
            print(f"{names}{rules}. A query ends with ;  .help tells more.")
            for text in ready.notes:
                print(text)
            if ready.warnings:
                print(f"{len(ready.warnings)} warnings about rules and configuration.")
        prompt = make_prompt(console)
        while not console.over:
            try:
                text = prompt.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                break
            console.handle(text)
            _clear()


def make_prompt(console: Console, **more: Any) -> PromptSession[str]:
    """``more`` is passed to prompt_toolkit: input and output of a test."""
    completer = SqlCompleter(
        lambda: console.tables,
        lambda: _known_words(console),
        {each.name: each.help for each in commands().values()},
        lambda: _condition_fields(console),
    )
    return PromptSession(
        "sql> ",
        history=_history(),
        multiline=True,
        prompt_continuation="  -> ",
        lexer=PygmentsLexer(PostgresLexer),
        completer=ThreadedCompleter(completer),
        complete_while_typing=True,
        auto_suggest=AutoSuggestFromHistory(),
        key_bindings=_keys(),
        style=_STYLE,
        bottom_toolbar=lambda: HTML(
            "<b>Enter</b> asks after ;  <b>Tab</b> completes  <b>Ctrl-C</b> cancels  "
            "<b>Ctrl-D</b> leaves  <b>.help</b>"
        ),
        reserve_space_for_menu=6,
        **more,
    )


def _keys() -> KeyBindings:
    keys = KeyBindings()

    @keys.add("enter", filter=Condition(lambda: True))
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion:
            buffer.complete_state = None
            return
        text = buffer.text.strip()
        if not text or text.startswith(".") or complete(text) or text in ("exit", "quit"):
            buffer.validate_and_handle()
        else:
            buffer.insert_text("\n")

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    return keys


def _history() -> History:
    configured = os.environ.get("XDG_STATE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".local/state"
    path = base / "falcowb" / "sql_history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)


def _known_words(console: Console) -> list[Word]:
    """DuckDB's functions and keywords, and ours."""
    from workbench.sql.views import FUNCTION_HELP

    words = [Word(name, call, 2) for name, (call, _) in FUNCTION_HELP.items()]
    for query, meta, rank in (
        ("SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_name ~ '^[a-z_]+$'",
         "function", 4),
        ("SELECT upper(keyword_name) FROM duckdb_keywords()", "keyword", 3),
    ):  # fmt: skip
        try:
            table = console.client.run(query).table()
        except FalcowbError:
            continue
        words += [Word(text, meta, rank) for text in table.column(0).to_pylist()]
    return words


def _condition_fields(console: Console) -> list[Word]:
    """Fields as conditions write them."""
    return [
        Word(column.name, f"{column.type} · {column.description}", 1)
        for table in console.tables
        if table.group == "events"
        for column in table.columns
        if "." in column.name
    ]


def _page(text: str) -> None:
    """Print; what is longer than the screen goes through a pager."""
    lines = text.count("\n") + 1
    pager = shutil.which("less")
    if pager is None or not sys.stdout.isatty() or lines < shutil.get_terminal_size().lines:
        print(text)
        return
    try:
        # No keys that run commands or write files: what is shown may be a stranger's.
        subprocess.run(
            [pager, "-S", "-F", "-X"],
            input=text.encode("utf-8", "replace"),
            env={**os.environ, "LESSSECURE": "1", "LESSCHARSET": "utf-8"},
            check=False,
        )
    except (OSError, KeyboardInterrupt):
        print()


def _tell(note: Note) -> None:
    if sys.stderr.isatty():
        done = "" if note.fraction is None else f" {note.fraction:.0%}"
        events = f", {note.events:,} events" if note.events else ""
        print(f"\r\x1b[K{note.text}{done}{events} …", end="", file=sys.stderr, flush=True)


def _clear() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
