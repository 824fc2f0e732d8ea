"""What begins with a dot: about tables, fields and rules, and what a query may not do itself."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from capture.errors import FalcowbError
from workbench.sql.described import TableInfo

if TYPE_CHECKING:
    from workbench.console.console import Console


@dataclass(frozen=True, slots=True)
class Command:
    """``run`` is given what stands behind the name."""

    name: str
    argument: str
    help: str
    run: Callable[[Console, str], None]


def commands() -> dict[str, Command]:
    """All commands by name."""
    every = (
        Command(".help", "", "what can be typed here", _help),
        Command(".tables", "[WORD]", "tables and views", _tables),
        Command(".schema", "TABLE", "columns of a table, with types and meaning", _schema),
        Command(".fields", "[WORD]", "fields of events, their types and meaning", _fields),
        Command(".functions", "", "functions beside DuckDB's own", _functions),
        Command(".rules", "[WORD]", "the loaded rules", _rules),
        Command(".captures", "", "the captures that are open", _captures),
        Command(".recipes", "[NAME]", "ready queries, or the text of one", _recipes),
        Command(".run", "NAME", "ask a ready query", _run_recipe),
        Command(".read", "FILE", "ask what a file says", _read),
        Command(".explain", "QUERY", "how DuckDB would answer a query", _explain),
        Command(".save", "FILE [QUERY]", "write a result to .csv, .json or .parquet", _save),
        Command(".rows", "[NUMBER]", "how many rows are shown at most", _rows),
        Command(".quit", "", "leave; Ctrl-D does too", _quit),
    )
    return {each.name: each for each in every}


def run_command(console: Console, line: str) -> None:
    """Raises FalcowbError for a command that does not exist."""
    name, _, rest = line.strip().partition(" ")
    known = commands()
    command = known.get({".exit": ".quit", ".q": ".quit", ".h": ".help"}.get(name, name))
    if command is None:
        near = difflib.get_close_matches(name, list(known), n=1)
        hint = f"Did you mean {near[0]}?" if near else ".help tells which there are."
        raise FalcowbError(f"there is no command {name}", hint=hint)
    command.run(console, rest.strip().rstrip(";").strip())


def _help(console: Console, _: str) -> None:
    rows = [(f"{each.name} {each.argument}".rstrip(), each.help) for each in commands().values()]
    console.say(_aligned(rows))
    console.say(
        "\nA query ends with a semicolon; Enter before it begins another line. Ctrl-C cancels.\n"
        'Fields are columns of events: "proc.name" in quotes, or proc_name without.'
    )


def _tables(console: Console, word: str) -> None:
    groups: dict[str, list[TableInfo]] = {}
    for table in console.tables:
        if word.lower() in f"{table.name} {table.description}".lower():
            groups.setdefault(table.group, []).append(table)
    for group, tables in groups.items():
        if group == "event types" and not word:
            console.say(f"{group}: " + ", ".join(table.name for table in tables))
            continue
        console.say(f"{group}:")
        console.say(_aligned([(f"  {table.name}", table.description) for table in tables]))
    if not groups:
        console.say(f"No table has {word} in its name or meaning.")


def _schema(console: Console, name: str) -> None:
    if not name:
        _tables(console, "")
        return
    bare = name.strip('"').lower()
    table = next((each for each in console.tables if each.name.lower() == bare), None)
    if table is None:
        near = difflib.get_close_matches(bare, [each.name for each in console.tables], n=1)
        hint = f"Did you mean {near[0]}?" if near else ".tables shows them all."
        raise FalcowbError(f"there is no table {name}", hint=hint)
    console.page(_aligned([(c.name, c.type, c.description) for c in table.columns]))


def _fields(console: Console, word: str) -> None:
    rows = [
        (column.name, column.type, column.description)
        for table in console.tables
        if table.group == "events"
        for column in table.columns
        if "." in column.name
        and word.lower() in f"{column.name} {column.also} {column.description}".lower()
    ]
    console.page(_aligned(rows) if rows else f"No field has {word} in its name or meaning.")


def _functions(console: Console, _: str) -> None:
    from workbench.sql.views import FUNCTION_HELP

    console.say(_aligned(list(FUNCTION_HELP.values())))


def _rules(console: Console, word: str) -> None:
    rules = console.client.ready.rules
    if not rules:
        console.say("No rules are loaded; begin with -r FILE.")
        return
    rows = [
        (rule.name, rule.priority, rule.source, " ".join(rule.tags))
        for rule in rules
        if word.lower() in f"{rule.name} {rule.priority} {' '.join(rule.tags)}".lower()
    ]
    console.page(_aligned(rows) if rows else f"No rule has {word} in its name or tags.")


def _captures(console: Console, _: str) -> None:
    for name, path in zip(
        console.client.ready.captures, console.client.setup.captures, strict=True
    ):
        console.say(f"{name}  {path}")


def _recipes(console: Console, name: str) -> None:
    from workbench.sql.recipes import RECIPES

    if not name:
        console.say(_aligned([(each.name, each.title) for each in RECIPES]))
        return
    console.say(_recipe_text(name))


def _recipe_text(name: str) -> str:
    from workbench.sql.recipes import RECIPES, recipe

    found = recipe(name)
    if found is None:
        near = difflib.get_close_matches(name, [each.name for each in RECIPES], n=1)
        hint = f"Did you mean {near[0]}?" if near else ".recipes shows them all."
        raise FalcowbError(f"there is no recipe {name or 'without a name'}", hint=hint)
    return found.sql


def _run_recipe(console: Console, name: str) -> None:
    console.ask(_recipe_text(name))


def _read(console: Console, path: str) -> None:
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FalcowbError(f"{path or 'no file'} cannot be read: {error}") from None
    console.ask(text)


def _explain(console: Console, query: str) -> None:
    query = query or console.last
    if not query:
        raise FalcowbError("there is no query to explain", hint="Write .explain SELECT …")
    table = console.client.run(f"EXPLAIN {query}").table()
    console.page("\n".join(str(text) for text in table.column(table.num_columns - 1).to_pylist()))


def _save(console: Console, rest: str) -> None:
    from workbench.sql.output import form_of, save

    path, _, query = rest.partition(" ")
    query = query.strip() or console.last
    if not path or not query:
        raise FalcowbError(
            "there is nothing to save" if path else "no file is named",
            hint="Write .save FILE.csv after a query, or .save FILE.parquet SELECT …",
        )
    target = Path(path).expanduser()
    form_of(target)
    count = save(console.client.run(query), target)
    console.say(f"{count:,} rows written to {target}.")


def _rows(console: Console, number: str) -> None:
    if number:
        if not number.isdecimal() or int(number) < 1:
            raise FalcowbError(f"'{number}' is no number of rows")
        console.most_rows = int(number)
    console.say(f"At most {console.most_rows:,} rows are shown.")


def _quit(console: Console, _: str) -> None:
    console.over = True


def _aligned(rows: Sequence[tuple[str, ...]]) -> str:
    """Columns side by side; the last is as long as it is."""
    if not rows:
        return ""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]) - 1)]
    return "\n".join(
        "  ".join(
            [cell.ljust(width) for cell, width in zip(row, widths, strict=False)] + [row[-1]]
        ).rstrip()
        for row in rows
    )
