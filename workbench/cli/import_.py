"""``falcowb import``: a ``.scap`` of Falco, sysdig or Stratoshark into a capture."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer


def import_(
    source: Annotated[Path, typer.Argument(metavar="X.scap", help="The file to import.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="X.fcap",
            help="The capture to write; by default beside where you are, named as the file.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the capture if there is one.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what came of it as JSON.")] = False,
) -> None:
    """Import a .scap: its events, the processes, files and users at its start, and what is wrong
    with it.

    Exit code 1 when the file is damaged; what comes before the damage is imported.
    """
    from capture.scap.importer import import_scap
    from workbench.cli.opening import ImportProgress

    target = output or Path(capture_name(source))
    try:
        with ImportProgress() as progress:
            done = import_scap(source, target, overwrite=overwrite, progress=progress)
    except KeyboardInterrupt:
        print(f"Stopped; {target} holds what was imported so far.", file=sys.stderr)
        raise typer.Exit(130) from None
    if as_json:
        data = {"capture": str(target), "events": done.events, "sections": done.sections}
        print(json.dumps({**data, "notes": list(done.notes)}, indent=2))
    else:
        _tell(target, done.events)
        for note in done.notes:
            print(f"missing: {_plain(note)}", file=sys.stderr)
    if done.damaged:
        raise typer.Exit(1)


def capture_name(source: Path) -> str:
    """``X.fcap`` for ``X.scap``, ``X.scap.gz`` and the like."""
    name = source.name
    for ending in (".gz", ".zst", ".scap"):
        name = name.removesuffix(ending)
    return f"{name or 'capture'}.fcap"


def _tell(target: Path, events: dict[str, int]) -> None:
    for name, count in events.items():
        print(f"{_plain(name)}: {count:,} events imported.")
    print(f"Look at it with: falcowb info {target}")


def _plain(text: str) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
