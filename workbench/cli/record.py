"""``falcowb capture``: record this host's system calls, and what plugins emit."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from workbench.cli.sources import (
    Buffer,
    Command,
    Containers,
    Duration,
    EverySyscall,
    Pids,
    Snaplen,
    Uids,
)

if TYPE_CHECKING:
    from workbench.cli.recording import Signals
    from workbench.core.child import Child
    from workbench.core.feeds import Feed
    from workbench.core.flight import Flight
    from workbench.core.record import Recorder


def capture(
    command: Command = None,
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            metavar="X.fcap",
            help="The capture to write. By default, and in a folder given as FOLDER/, it is named "
            "after the time.",
        ),
    ] = "",
    pid: Pids = None,
    container: Containers = None,
    uid: Uids = None,
    duration: Duration = None,
    events: Annotated[
        int | None, typer.Option("--events", metavar="N", min=1, help="Stop after N events.")
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("--size", metavar="SIZE", help="Stop at this size on disk: 500MB, 2GB."),
    ] = None,
    ring: Annotated[
        str | None,
        typer.Option(
            "--ring",
            metavar="SIZE|TIME",
            help="Keep the newest alone: 2GB, 30m, or 2GB,30m for whichever is less.",
        ),
    ] = None,
    keep_on_alert: Annotated[
        list[str] | None,
        typer.Option(
            "--keep-on-alert",
            metavar="FILE",
            help="Judge by these rules while recording into a ring (of 2GB, unless --ring says "
            "otherwise), and keep the time around each alert in a capture of its own beside it.",
        ),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option("--before", metavar="TIME", help="How much to keep before an alert: 2m."),
    ] = None,
    after: Annotated[
        str | None,
        typer.Option("--after", metavar="TIME", help="How much to keep after an alert: 1m."),
    ] = None,
    all_syscalls: EverySyscall = False,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules",
            "-r",
            metavar="FILE",
            help="Record the system calls that these rules look at, and those that processes and "
            "files are known by.",
        ),
    ] = None,
    snaplen: Snaplen = 80,
    buffer: Buffer = "8MiB",
    on_drop: Annotated[
        str,
        typer.Option("--on-drop", metavar="warn|exit", help="What to do when events are lost."),
    ] = "warn",
    syscalls: Annotated[
        bool | None,
        typer.Option(
            "--syscalls/--no-syscalls",
            help="Record system calls. They are, unless --plugin alone says what to record.",
            show_default=False,
        ),
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin",
            metavar="NAME",
            help="Record this plugin: one of the configuration, a bundled one, or the path of a "
            ".so. May be given several times. By default every plugin of the configuration that "
            "gives events.",
        ),
    ] = None,
    open_params: Annotated[
        str | None,
        typer.Option(
            "--open",
            metavar="PARAMS",
            help="What the plugin opens (a file, a folder, a URL), for one plugin; by default "
            "what the configuration says, else the plugin's own default.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A falco.yaml.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Set a key of the configuration."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the capture if there is one.")
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only say what of this works on this host.")
    ] = False,
) -> None:
    """Record system calls of this host, and events of plugins, into a capture.

    Without a command the whole host is recorded, or what --pid, --container and --uid choose, until
    Ctrl-C. A capture that is killed in mid-recording opens all the same and says what is missing.
    SIGUSR1 ends the capture, and recording goes on in a new one beside it (in a ring, it ends the
    segment).

    Exit code: that of the command, else 0; 1 if something is wrong.
    """
    if check:
        from workbench.cli.host_check import print_check

        raise typer.Exit(print_check())
    from workbench.cli.sources import make_child

    if on_drop not in ("warn", "exit"):
        raise typer.BadParameter(f"'{on_drop}' is neither warn nor exit", param_hint="--on-drop")
    path = _target(output)
    if (before or after) and not keep_on_alert:
        raise typer.BadParameter("is of --keep-on-alert RULES", param_hint="--before, --after")
    if size and (ring or keep_on_alert):
        raise typer.BadParameter("a ring does not grow beyond its own size", param_hint="--size")
    if command and syscalls is False:
        raise typer.BadParameter("a command is recorded by its system calls", param_hint="COMMAND")
    child = make_child(command)

    from workbench.cli.memory import reuse_memory
    from workbench.cli.recording import Signals
    from workbench.cli.sources import open_calls, plugin_feeds, warn
    from workbench.core.calls import (
        Chosen,
        calls_of_rule_files,
        calls_of_rules,
        calls_wanted,
        default_calls,
    )
    from workbench.core.flight import DEFAULT_RING, Flight, ring_limits
    from workbench.core.record import Limits, Recorder, capture_sink
    from workbench.core.session import Session
    from workbench.core.sizes import parse_seconds, parse_size

    reuse_memory()
    limits = Limits(
        events,
        None if duration is None else parse_seconds(duration),
        None if size is None else parse_size(size),
    )
    flight = Flight(ring_limits(ring or DEFAULT_RING)) if ring or keep_on_alert else None
    # Before anything is opened: a source that listens may be told to stop at once.
    signals = Signals()
    with Session.open(config, option or (), plugin or ()) as session:
        warn(session)
        feeds: list[Feed] = []
        ruleset = session.load_rules(keep_on_alert).ruleset if keep_on_alert else None
        if syscalls is None:
            chosen = bool(command or pid or container or uid or all_syscalls or rules)
            syscalls = chosen or calls_wanted(session)
        if syscalls:
            if all_syscalls:
                names = None
            elif rules:
                names = calls_of_rule_files(session, rules)
            else:
                names = default_calls()
            if names is not None and ruleset is not None:
                names |= calls_of_rules(ruleset)
            asked = Chosen(
                names,
                snaplen,
                parse_size(buffer),
                tuple(pid or ()),
                tuple(container or ()),
                tuple(uid or ()),
            )
            feeds.append(open_calls(asked, child, signals))
        feeds += plugin_feeds(session, open_params, needed=not syscalls)
        if flight is not None and ruleset is not None:
            flight.keep(session, ruleset, before, after)
        make_sink = capture_sink if flight is None else flight.sink
        recorder = Recorder(
            make_sink(path, overwrite=overwrite),
            feeds,
            limits,
            stop=signals.stop,
            rotate=signals.rotate,
            watch=None if flight is None else flight.pinner,
            exit_on_drop=on_drop == "exit",
        )
        status = _run(recorder, path, child, signals, flight)
    if status:
        raise typer.Exit(status)


def _target(output: str) -> Path:
    """Where the capture goes."""
    if output and not output.endswith("/"):
        return Path(output)
    return Path(output) / time.strftime("falcowb-%Y%m%d-%H%M%S.fcap")


def _run(
    recorder: Recorder,
    path: Path,
    child: Child | None,
    signals: Signals,
    flight: Flight | None,
) -> int:
    from capture.errors import FalcowbError
    from workbench.cli.memory import forget_compiler
    from workbench.cli.recording import StatusLine, print_end, say
    from workbench.cli.sources import end_child

    error: FalcowbError | None = None
    # A command has the terminal to itself.
    alerts = (lambda: None) if flight is None else (lambda: flight.alerts)
    with StatusLine(recorder.told, alerts, on=child is None) as line:
        if flight is not None:
            flight.say = line.say
        try:
            recorder.start(line.say)
            forget_compiler()
            for feed in recorder.feeds:
                line.say(f"Recording {feed.source}: {feed.about()}")
            line.say(f"Writing {path}." + ("" if child else " Ctrl-C ends the recording."))
            recorder.run()
        except FalcowbError as raised:
            error = raised
    print_end(recorder.told)
    if error is not None:
        say(str(error))
        if recorder.hanging:
            # What hangs holds its plugin for ever; nothing is to wait for that.
            os._exit(1)
    status = 0
    if child is not None and child.let:
        status = end_child(child, signals, say)
        how = f"killed by signal {status - 128}" if status > 128 else f"ended with {status}"
        say(f"{child.command[0]}: {how}.")
    if error is not None:
        return 1
    if flight is not None and flight.pinner is not None:
        say(f"Alerts: {flight.pinner.alerts:,}; captures around them: {len(flight.pinner.pinned)}.")
    say(f"Look at it with: falcowb info {path}")
    return status
