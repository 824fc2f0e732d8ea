"""What a live command listens to, from its options: the probe, and plugins."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.cli.recording import Signals
    from workbench.core.call_feed import CallFeed
    from workbench.core.calls import Chosen
    from workbench.core.child import Child
    from workbench.core.feeds import PluginFeed
    from workbench.core.session import Session

Command = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="-- COMMAND …",
        help="Run this command and watch it and its descendants, until it ends.",
        show_default=False,
    ),
]
Pids = Annotated[
    list[int] | None,
    typer.Option("--pid", metavar="PID", help="Only this process and its descendants."),
]
Containers = Annotated[
    list[str] | None,
    typer.Option("--container", metavar="ID", help="Only this container (its id, or its start)."),
]
Uids = Annotated[
    list[int] | None, typer.Option("--uid", metavar="UID", help="Only this user's processes.")
]
Snaplen = Annotated[
    int, typer.Option("--snaplen", metavar="BYTES", help="Bytes kept of what is read and written.")
]
Buffer = Annotated[
    str,
    typer.Option(
        "--buffer",
        metavar="SIZE",
        help="The kernel's buffer of each CPU; a larger one loses less when the host is busy.",
    ),
]
EverySyscall = Annotated[
    bool,
    typer.Option("--all-syscalls", help="Every system call, not those alone that rules need."),
]
Duration = Annotated[
    str | None,
    typer.Option("--duration", "--for", metavar="TIME", help="Stop after this long: 90s, 5m, 1h."),
]


def make_child(command: Sequence[str] | None) -> Child | None:
    """The command, waiting to be let go. To be called before there are threads.

    Raises FalcowbError where there is no such command.
    """
    if not command:
        return None
    import shutil

    from capture.errors import FalcowbError
    from workbench.core.child import Child

    if shutil.which(command[0]) is None:
        raise FalcowbError(
            f"{command[0]}: no such command", hint="Is it installed, and on the PATH?"
        )
    return Child(command)


def open_calls(
    chosen: Chosen, child: Child | None, signals: Signals, *, gather: float = 0.25
) -> CallFeed:
    """The feed of system calls; once it is under way the command is let go, and when that ends,
    ``signals.stop`` is set."""
    from workbench.core.calls import call_feed

    if child is None:
        return call_feed(chosen, gather=gather)
    signals.with_command = True
    signals.passed_on = child.terminate

    def wait() -> None:
        child.wait()
        signals.stop.set()

    def attached() -> None:
        child.let_go()
        threading.Thread(target=wait, name="command", daemon=True).start()

    chosen = replace(chosen, command=child.command, command_pid=child.pid)
    return call_feed(chosen, attached, gather=gather)


def end_child(child: Child, signals: Signals, say: Callable[[str], None]) -> int:
    """The exit status of the command. One that goes on after the recording is waited for, or was
    asked to end where we were."""
    if child.status is None:
        if signals.asked:
            child.terminate()
        else:
            say(f"{child.command[0]} goes on unrecorded; waiting for it to end.")
    return child.wait()


def plugin_feeds(
    session: Session, open_params: str | None, *, needed: bool, gather: float = 0.25
) -> list[PluginFeed]:
    """The plugins that were asked for, or all of the configuration that give events.

    Raises FalcowbError where there is none although one is ``needed``.
    """
    from capture.errors import FalcowbError
    from workbench.core.feeds import PluginFeed

    plugins = [session.plugins.sourcing(name) for name in session.asked] or [
        each for each in session.plugins.plugins if each.event_source
    ]
    if not plugins and needed:
        plugins = [session.plugins.sourcing()]
    if open_params is not None and len(plugins) != 1:
        several = "several are" if plugins else "none is"
        raise FalcowbError(
            f"--open is for one plugin, and {several} to be listened to",
            hint="Name one with --plugin, or put open_params in the configuration.",
        )
    return [
        PluginFeed(
            each,
            session.open_params(each.name) if open_params is None else open_params,
            session.init_config(each.name),
            gather=gather,
        )
        for each in plugins
    ]


def warn(session: Session) -> None:
    for warning in session.config.warnings:
        print(f"warning: {warning}", file=sys.stderr)
