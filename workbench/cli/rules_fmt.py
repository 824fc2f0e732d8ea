"""``falcowb rules fmt``: conditions of rules files laid out alike."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import Annotated

import typer


def fmt(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Rules files, or folders of them; - is standard input."
        ),
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 if a file would change.")
    ] = False,
    diff: Annotated[
        bool, typer.Option("--diff", help="Write nothing; show what would change.")
    ] = False,
    width: Annotated[
        int, typer.Option("--width", metavar="N", min=40, help="Characters in a line, about.")
    ] = 100,
) -> None:
    """Lay out the conditions of rules and macros.

    Short ones stay on a line, long ones get a line for each part. Comments and all else in the file
    stay as they are.

    Exit code 0, or 1 if something is wrong, and with --check if a file would change.
    """
    from workbench.authoring.files import replace_text, text_to_edit
    from workbench.authoring.formatting import format_rules, list_names

    changed = 0
    texts = _texts(files)
    lists = {each for name, text in texts for each in list_names(text, name)}
    for name, text in texts:
        made = format_rules(text, name, width, lists)
        for item, place in made.left:
            print(f"{place}: the condition of '{item}' is left as it is", file=sys.stderr)
        changed += bool(made.changed)
        if diff:
            lines = difflib.unified_diff(
                text.splitlines(keepends=True), made.text.splitlines(keepends=True), name, name
            )
            sys.stdout.writelines(lines)
        elif name == "<stdin>" and not check:
            sys.stdout.write(made.text)
        elif made.changed:
            if not check:
                text_to_edit(Path(name))
                replace_text(Path(name), made.text)
            verb = "would change" if check else "formatted"
            print(f"{name}: {len(made.changed)} conditions {verb}")
    if check and changed:
        raise typer.Exit(1)


def _texts(files: list[str]) -> list[tuple[str, str]]:
    from engine.ruleset.loader import read_rule_files

    found = []
    for name in files:
        if name == "-":
            found.append(("<stdin>", sys.stdin.read()))
        else:
            found += [(each.name, each.text) for each in read_rule_files([name])]
    return found
