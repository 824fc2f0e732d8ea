"""``falcowb [CAPTURE]``: the workbench on the terminal."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.tui.bench import Arguments

Capture = Annotated[
    str | None,
    typer.Argument(
        metavar="[CAPTURE]",
        help="A capture (X.fcap, X.scap), or what a plugin opens: a log, a folder, a URL. Without "
        "it the start screen, or what the configuration opens.",
        show_default=False,
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rules",
        "-r",
        metavar="FILE",
        help="Rules file, or folder of them; several are loaded in order. By default those of the "
        "configuration.",
    ),
]
Config = Annotated[str | None, typer.Option("--config", "-c", help="A falco.yaml.")]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", metavar="KEY=VALUE", help="Set a key of the configuration."),
]
Plugins = Annotated[
    list[str] | None,
    typer.Option("--plugin", metavar="NAME", help="Load this plugin too; see replay."),
]


def open_(
    capture: Capture = None,
    rules: Rules = None,
    config: Config = None,
    option: Options = None,
    plugin: Plugins = None,
) -> None:
    """Open a capture in the workbench; 'falcowb CAPTURE' does the same.

    Events, rules, explanations and more, side by side on the terminal. F1 helps.
    """
    from capture.errors import FalcowbError

    arguments = arguments_of(capture, rules, config, option, plugin)
    if not (sys.stdout.isatty() and sys.stdin.isatty()) and "TEXTUAL_DRIVER" not in os.environ:
        raise FalcowbError(
            "the workbench needs a terminal",
            hint="Without one: falcowb replay, events, info. For a browser: falcowb serve.",
        )
    from workbench.tui.app import FalcowbApp

    FalcowbApp(arguments).run()


def arguments_of(
    capture: str | None,
    rules: list[str] | None,
    config: str | None,
    option: list[str] | None,
    plugin: list[str] | None,
) -> Arguments | None:
    """What is to be opened; None for the start screen. Raises FalcowbError for what is not there:
    better said before the screen changes."""
    from capture.errors import FalcowbError
    from workbench.tui.bench import Arguments

    if capture is None and config is None:
        return None
    if capture is not None and _is_missing_file(capture, plugin or config):
        raise FalcowbError(f"{capture}: no such file", hint=_meant(capture))
    for file in (*(rules or ()), *([config] if config else ())):
        if not Path(file).exists():
            raise FalcowbError(f"{file}: no such file")
    return Arguments(
        _whole(capture) if capture else None,
        tuple(map(_whole, rules or ())),
        _whole(config) if config else None,
        tuple(option or ()),
        tuple(map(_whole, plugin or ())),
    )


def _whole(path: str) -> str:
    """Paths are remembered, so they hold from anywhere; what is no path stays as it is."""
    return str(Path(path).absolute()) if Path(path).exists() else path


def _is_missing_file(capture: str, others: object) -> bool:
    """A plugin may open what is no file; without one, or where it looks like a capture, it must be
    there."""
    if Path(capture).exists():
        return False
    return not others or capture.rstrip("/").endswith((".scap", ".scap.gz", ".fcap"))


def _meant(word: str) -> str:
    """The command that a mistyped word may have been."""
    import difflib

    from workbench.cli.main import command_names

    near = difflib.get_close_matches(word, command_names(), n=1, cutoff=0.6)
    return f"Did you mean the command '{near[0]}'?" if near else ""
