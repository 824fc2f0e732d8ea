"""``falcowb events``: the events of a capture, a log or a plugin's source, with any fields."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

if TYPE_CHECKING:
    from workbench.core.events import Events
    from workbench.core.events_output import Writer
    from workbench.core.events_query import EventsQuery


def events(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="A capture (X.fcap, X.scap), or what a plugin opens: a file, a folder, a URL. By "
            "default what the configuration says.",
            show_default=False,
        ),
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "--filter", "-f", metavar="CONDITION", help="Only events that satisfy it, as in rules."
        ),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(
            "--fields",
            "-F",
            metavar="F,F,…",
            help="What to show: fields, or transformers of fields, such as "
            "evt.num,proc.name,basename(fd.name).",
        ),
    ] = None,
    form: Annotated[
        str,
        typer.Option("--format", metavar="FORMAT", help="text, jsonl, csv or parquet."),
    ] = "text",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Where to; by default standard output."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", "-n", metavar="N", min=1, help="Stop after N events.")
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A falco.yaml.")] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="NAME", help="Load this plugin too; see replay."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Only events from this moment on (UTC)."),
    ] = None,
    stop: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Only events before this moment.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No notes.")] = False,
) -> None:
    """Show events in order, one line each; what is missing from the capture is told after them.

    Exit code 0 whether any event is found or not, 1 if something is wrong, 130 if interrupted.
    """
    from capture.errors import FalcowbError
    from workbench.cli.memory import reuse_memory
    from workbench.core.events import is_capture, open_capture_events, open_plugin_events
    from workbench.core.events_output import FORMATS, writer
    from workbench.core.events_query import EventsQuery, split_fields
    from workbench.core.session import Session
    from workbench.core.when import parse_moment

    if form not in FORMATS:
        raise FalcowbError(f"there is no format '{form}'", hint=f"Known: {', '.join(FORMATS)}.")
    if form == "parquet" and output is None and sys.stdout.isatty():
        raise FalcowbError("Parquet is nothing for a terminal", hint="Name a file with -o FILE.")
    reuse_memory()
    began, ended = (None if each is None else parse_moment(each) for each in (start, stop))
    logging.basicConfig(format="%(message)s", level=logging.ERROR if quiet else logging.WARNING)
    with Session.open(config, (), plugin or ()) as session:
        if source is not None and is_capture(source):
            opened: Events = open_capture_events(session, source, began, ended)
        else:
            opened = open_plugin_events(session, source, began, ended)
        try:
            query = EventsQuery(
                opened,
                session.plugins,
                condition=condition,
                fields=split_fields(fields) if fields else (),
            )
            with _output(output) as out:
                status = _write(query, opened, writer(form, query.shown, out), limit)
            if not quiet:
                for note in opened.notes():
                    print(note, file=sys.stderr)
        finally:
            opened.close()
    if status:
        raise typer.Exit(status)


def _write(query: EventsQuery, opened: Events, to: Writer, limit: int | None) -> int:
    from workbench.cli.interrupt import Interrupt
    from workbench.cli.progress import Progress
    from workbench.core.events_query import first_events

    progress = Progress(opened.fraction)
    left = limit
    try:
        with Interrupt() as interrupt:
            for found in query.windows():
                if left is not None:
                    found = first_events(found, left)
                    left -= sum(len(each.numbers) for each in found)
                if found:
                    progress.clear()
                    to.write(found)
                progress.show(query.seen)
                if interrupt.wanted:
                    return 130
                if left == 0:
                    break
    finally:
        progress.clear()
        to.close()
    return 0


@contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that takes its name once it is whole."""
    from capture.errors import FalcowbError, Place

    if path is None:
        yield sys.stdout.buffer
        return
    unfinished = path.with_name(path.name + ".part")
    try:
        if path.exists() and not path.is_file():  # /dev/null and such stay what they are
            with path.open("wb") as file:
                yield file
            return
        with unfinished.open("wb") as file:
            yield file
        unfinished.replace(path)
    except OSError as error:
        raise FalcowbError(
            f"the file cannot be written: {error.strerror}", place=Place(str(path))
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
