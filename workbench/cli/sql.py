"""``falcowb sql``: questions in SQL over captures, one or a console of them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.sql.messages import Note, Setup
    from workbench.sql.result import Result

#: Rows of a table that are printed; who wants more takes a form for files.
_MOST_ROWS = 1000


def sql(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="CAPTURE… [QUERY]",
            help="Captures (X.fcap, X.scap), then a query. Without a query a console begins; if "
            "standard input is no terminal, the query is read from it.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="Read the query from a file.")
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Write CSV.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, an object a line.")] = False,
    as_parquet: Annotated[
        bool, typer.Option("--parquet", help="Write Parquet, with -o FILE or to a pipe.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to a new file: .csv, .json, .parquet."
        ),
    ] = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules",
            "-r",
            metavar="FILE",
            help="Rules file, or folder of them: their alerts are the table alerts.",
        ),
    ] = None,
    all_rules: Annotated[
        bool,
        typer.Option("--all", help="Every rule that matches an event alerts, not the first alone."),
    ] = False,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A falco.yaml.")] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="NAME", help="Load this plugin too; see replay."),
    ] = None,
    memory: Annotated[
        str, typer.Option("--memory", metavar="SIZE", help="Memory a query may use.")
    ] = "900MB",
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="TIME", help="Time a query may take; 0 for any.")
    ] = "5m",
    recipes: Annotated[
        bool, typer.Option("--recipes", help="Print a sheet of ready queries, and end.")
    ] = False,
    recipe: Annotated[
        str | None, typer.Option("--recipe", metavar="NAME", help="Ask one of the ready queries.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
) -> None:
    """Ask captures in SQL (DuckDB's): events with a column a field, processes, connections, files,
    alerts, and matches('condition') for the rule language. A query reads the captures and nothing
    else.

    Exit code 0 if the query was answered, 1 if not, 130 if interrupted.
    """
    from capture.errors import FalcowbError
    from workbench.sql.recipes import cheat_sheet

    if recipes:
        sys.stdout.write(cheat_sheet())
        return
    captures, query = _split(arguments or [])
    if sum([query is not None, file is not None, recipe is not None]) > 1:
        raise FalcowbError("there is more than one query", hint="Give QUERY, -f or --recipe.")
    if recipe is not None:
        query = _recipe(recipe)
    elif file is not None:
        query = _read(file)
    if not captures:
        raise FalcowbError(
            "no capture is named", hint="For example: falcowb sql X.fcap 'SELECT * FROM events'."
        )
    form = _form(as_csv, as_json, as_parquet, output)
    if query is None and not sys.stdin.isatty():
        query = sys.stdin.read()
    setup = _setup(captures, config, plugin, rules, all_rules, memory, timeout)
    if query is None:
        from workbench.console.loop import run_console

        run_console(setup, quiet=quiet)
        return
    status = _ask(setup, query, form, output, quiet)
    if status:
        raise typer.Exit(status)


def _split(arguments: list[str]) -> tuple[list[str], str | None]:
    """Captures, and the query that may come last: what is no path and has a blank in it."""
    if arguments and not Path(arguments[-1]).exists() and any(map(str.isspace, arguments[-1])):
        return arguments[:-1], arguments[-1]
    return arguments, None


def _recipe(name: str) -> str:
    from capture.errors import FalcowbError
    from workbench.sql.recipes import RECIPES
    from workbench.sql.recipes import recipe as find

    found = find(name)
    if found is None:
        known = ", ".join(each.name for each in RECIPES)
        raise FalcowbError(f"there is no recipe '{name}'", hint=f"Known: {known}.")
    return found.sql


def _read(path: Path) -> str:
    from capture.errors import FalcowbError, Place

    if str(path) == "-":
        return sys.stdin.read()
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise FalcowbError(
            f"the query cannot be read: {error.strerror}", place=Place(str(path))
        ) from None
    except UnicodeDecodeError:
        raise FalcowbError("the query is not UTF-8", place=Place(str(path))) from None


def _form(as_csv: bool, as_json: bool, as_parquet: bool, output: Path | None) -> str:
    from capture.errors import FalcowbError

    chosen = [
        form for form, on in (("csv", as_csv), ("json", as_json), ("parquet", as_parquet)) if on
    ]
    if len(chosen) > 1:
        raise FalcowbError("name one of --csv, --json, --parquet")
    if chosen:
        if chosen == ["parquet"] and output is None and sys.stdout.isatty():
            raise FalcowbError("Parquet is nothing for a terminal", hint="Name a file: -o FILE.")
        return chosen[0]
    if output is not None:
        from workbench.sql.output import form_of

        return form_of(output)
    return "table"


def _setup(
    captures: list[str],
    config: Path | None,
    plugin: list[str] | None,
    rules: list[str] | None,
    all_rules: bool,
    memory: str,
    timeout: str,
) -> Setup:
    from workbench.core.sizes import parse_seconds, parse_size
    from workbench.sql.limits import Limits
    from workbench.sql.messages import Setup

    seconds = None if timeout.strip() in ("0", "0s") else parse_seconds(timeout)
    return Setup(
        tuple(captures),
        None if config is None else str(config),
        (),
        tuple(plugin or ()),
        tuple(rules or ()),
        all_rules,
        Limits(memory=parse_size(memory), seconds=seconds),
    )


def _ask(setup: Setup, query: str, form: str, output: Path | None, quiet: bool) -> int:
    from workbench.sql.client import SqlClient
    from workbench.sql.errors import Stopped

    shown = _Shown(quiet)
    with SqlClient(setup, shown.show) as client:
        try:
            try:
                ready = client.start()
                if not quiet:
                    for text in (*ready.notes, *_warned(ready.warnings)):
                        shown.clear()
                        print(text, file=sys.stderr)
                result = client.run(query)
            finally:
                shown.clear()
            _write(result, form, output)
        except KeyboardInterrupt:
            return 130
        except Stopped as error:
            print(error, file=sys.stderr)
            return 130 if error.message.endswith("cancelled") else 1
    return 0


def _warned(warnings: tuple[str, ...]) -> list[str]:
    return [f"{len(warnings)} warnings about rules and configuration"] if warnings else []


def _write(result: Result, form: str, output: Path | None) -> None:
    from workbench.sql.output import save_as, write

    if output is not None:
        count = save_as(result, output, "csv" if form == "table" else form)
        print(f"{count:,} rows written to {output}.", file=sys.stderr)
        return
    if form != "table":
        write(result, form, sys.stdout.buffer)
        return
    from workbench.console.display import table_text

    width = None
    if sys.stdout.isatty():
        import shutil

        width = shutil.get_terminal_size().columns
    table = result.table(_MOST_ROWS + 1)
    if not table.num_columns:
        return
    text = table_text(table.slice(0, _MOST_ROWS), width)
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")
    sys.stdout.flush()
    if table.num_rows > _MOST_ROWS:
        print(f"The first {_MOST_ROWS:,} rows; --csv or --json gives all.", file=sys.stderr)


class _Shown:
    """Tells on a terminal what takes long."""

    def __init__(self, quiet: bool) -> None:
        self._on = not quiet and sys.stderr.isatty()
        self._shown = False

    def show(self, note: Note) -> None:
        if self._on:
            done = "" if note.fraction is None else f" {note.fraction:.0%}"
            events = f", {note.events:,} events" if note.events else ""
            print(f"\r\x1b[K{note.text}{done}{events} …", end="", file=sys.stderr, flush=True)
            self._shown = True

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._shown = False
