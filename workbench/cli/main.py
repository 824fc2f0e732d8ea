"""Command line entry: puts the command groups together and prints refusals as messages."""

from __future__ import annotations

import os
import sys

import typer

from capture.errors import FalcowbError
from workbench.cli import events, export, import_, info, live, record, replay, rules

app = typer.Typer(
    name="falcowb",
    help="Record, replay and question Falco events; write rules against them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(rules.app, name="rules")
app.command("replay")(replay.replay)
app.command("events")(events.events)
# What follows a command's name is the command's.
_COMMAND = {"allow_interspersed_args": False}
app.command("capture", context_settings=_COMMAND)(record.capture)
app.command("live", context_settings=_COMMAND)(live.live)
app.command("import")(import_.import_)
app.command("export")(export.export)
app.command("info")(info.info)


def main() -> None:
    """Run the command; a :class:`FalcowbError` becomes its text on stderr and exit code 1."""
    # numpy starts threads for linear algebra, of which there is none here.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        app()
    except BrokenPipeError:
        # Who read our output has enough, as `head` does; nothing more is to be flushed to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except FalcowbError as error:
        print(error, file=sys.stderr)
        sys.exit(1)
