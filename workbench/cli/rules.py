"""``falcowb rules``: check, list and explain rule files."""

from __future__ import annotations

import typer

app = typer.Typer(help="Check and list rule files.", no_args_is_help=True)
