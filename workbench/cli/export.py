"""``falcowb export``: a capture for other tools."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:
    from capture.reader import Capture


def export(
    capture: Annotated[Path, typer.Argument(help="A capture: NAME.fcap, or a .scap.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="What to write; - writes JSON lines to stdout."
        ),
    ],
    scap: Annotated[
        bool, typer.Option("--scap", help="A .scap for Falco, sysdig and Stratoshark.")
    ] = False,
    parquet: Annotated[
        bool,
        typer.Option(
            "--parquet",
            help="A folder of Parquet tables: syscall.parquet with a row an event and a column a "
            "parameter, one for each plugin source, and the state at the start.",
        ),
    ] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="JSON lines: one event a line with its parameters.")
    ] = False,
    enters: Annotated[
        bool | None,
        typer.Option(
            "--enter-events/--no-enter-events",
            help="For --scap: put enter events back, which sysdig 0.29 and other readers before "
            "libs 0.22 take files of calls from. By default as the recording was.",
        ),
    ] = None,
) -> None:
    """Write a capture in a form that other tools read. Nothing that is there is replaced."""
    from workbench.cli.opening import Told, open_with_progress

    if scap + parquet + jsonl != 1:
        raise typer.BadParameter("name one of --scap, --parquet, --jsonl")
    with open_with_progress(capture) as opened:
        notes: tuple[str, ...] = tuple(opened.missing)
        back = ""
        try:
            with Told(opened.count) as told:
                if scap:
                    from capture.scap.exporter import export_scap

                    done = export_scap(opened, output, enters=enters, progress=told)
                    events, notes = done.events, done.notes
                    if done.enters:
                        back = f", and {done.enters:,} enter events before their exits"
                elif parquet:
                    from workbench.core.export_parquet import export_parquet

                    events = export_parquet(opened, output, told)
                else:
                    events = _jsonl(opened, output, told)
        except KeyboardInterrupt:
            print("Stopped; nothing was written.", file=sys.stderr)
            raise typer.Exit(130) from None
    print(f"{events:,} events{back} written to {output}.", file=sys.stderr)
    for note in notes:
        print(f"missing: {note}", file=sys.stderr)


def _jsonl(opened: Capture, output: Path, told: Callable[[int], None]) -> int:
    from capture.errors import CaptureError
    from workbench.core.export_jsonl import export_jsonl

    if str(output) == "-":
        return export_jsonl(opened, sys.stdout.buffer, told)
    try:
        fd = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise CaptureError(f"{output} exists already", hint="Choose another name.") from None
    except OSError as error:
        raise CaptureError(f"{output}: {os.strerror(error.errno or 0)}") from None
    try:
        file: BinaryIO
        with os.fdopen(fd, "wb") as file:
            return export_jsonl(opened, file, told)
    except OSError as error:
        output.unlink(missing_ok=True)
        raise CaptureError(f"{output}: {os.strerror(error.errno or 0)}") from None
    except BaseException:
        output.unlink(missing_ok=True)
        raise
