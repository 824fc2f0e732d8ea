"""``falcowb serve``: the workbench in a browser."""

from __future__ import annotations

import ipaddress
import sys
from typing import Annotated

import typer

from workbench.cli.open_ import Capture, Config, Options, Plugins, Rules, arguments_of


def serve(
    capture: Capture = None,
    rules: Rules = None,
    config: Config = None,
    option: Options = None,
    plugin: Plugins = None,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            metavar="TEXT",
            envvar="FALCOWB_TOKEN",
            help="What the browser must know; by default made anew and printed.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the workbench to a browser. Whoever knows the token can do what you can do here.

    On this machine alone unless --host says otherwise; over a network put it behind TLS.
    """
    from capture.errors import FalcowbError
    from workbench.tui.serve import run

    if token is not None and len(token) < 16:
        raise FalcowbError("a token of less than 16 characters is guessed", hint="Leave it out.")
    arguments_of(capture, rules, config, option, plugin)  # What is not there is said here.
    command = [sys.executable, "-P", "-c", "from workbench.cli import main; main()", "open"]
    for flag, values in (("-r", rules), ("-o", option), ("--plugin", plugin)):
        for value in values or ():
            command += [flag, value]
    if config is not None:
        command += ["-c", config]
    if capture is not None:
        command += ["--", capture]
    if not _is_loopback(host):
        print(
            f"warning: {host} can be reached from elsewhere, and what passes is not encrypted",
            file=sys.stderr,
        )
    run(command, host, port, token)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
