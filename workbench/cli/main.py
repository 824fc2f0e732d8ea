"""Command line entry: puts the command groups together and prints refusals as messages."""

from __future__ import annotations

import os
import sys

import typer

from capture.errors import FalcowbError
from workbench.cli import (
    events,
    explain,
    export,
    import_,
    info,
    live,
    open_,
    record,
    replay,
    rules,
    serve,
    sql,
)

app = typer.Typer(
    name="falcowb",
    help="Record, replay and question Falco events; write rules against them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("open")(open_.open_)
app.add_typer(rules.app, name="rules")
app.command("replay")(replay.replay)
app.command("events")(events.events)
app.command("explain")(explain.explain)
# What follows a command's name is the command's.
_COMMAND = {"allow_interspersed_args": False}
app.command("capture", context_settings=_COMMAND)(record.capture)
app.command("live", context_settings=_COMMAND)(live.live)
app.command("import")(import_.import_)
app.command("export")(export.export)
app.command("info")(info.info)
app.command("serve")(serve.serve)
app.command("sql")(sql.sql)


def command_names() -> list[str]:
    """The commands there are."""
    groups = [group.name for group in app.registered_groups]
    return [name for name in (*groups, *(each.name for each in app.registered_commands)) if name]


def _with_command(words: list[str]) -> list[str]:
    """The words of the command line; ``open`` stands before them where they name no command."""
    if not words:
        return ["open"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    if words[0] in ("--help", *command_names()):
        return words
    return ["open", *words]


def main() -> None:
    """Run the command; a :class:`FalcowbError` becomes its text on stderr and exit code 1."""
    # numpy starts threads for linear algebra, of which there is none here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app(_with_command(sys.argv[1:]))
    except BrokenPipeError:
        # Who read our output has enough, as `head` does; nothing more is to be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except FalcowbError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
