"""``falcowb live``: alerts as they happen, from this host's system calls and from plugins."""

from __future__ import annotations

import os
import sys
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
    import pyarrow as pa

    from workbench.cli.recording import Signals
    from workbench.core.child import Child
    from workbench.core.feeds import Feed
    from workbench.core.live import Alerting
    from workbench.core.record import Recorder


def live(
    command: Command = None,
    rules: Annotated[
        list[str] | None,
        typer.Option(
            "--rules",
            "-r",
            metavar="FILE",
            help="Rules file, or folder of them; several are loaded in order. By default those of "
            "the configuration.",
        ),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="A falco.yaml.")] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="KEY=VALUE", help="Set a key of the configuration."),
    ] = None,
    plugin: Annotated[
        list[str] | None,
        typer.Option(
            "--plugin",
            metavar="NAME",
            help="Listen to this plugin too (a bundled one by name, any other by the path of its "
            ".so); by default to all of the configuration.",
        ),
    ] = None,
    open_params: Annotated[
        str | None,
        typer.Option("--open", metavar="PARAMS", help="What the plugin opens, for one plugin."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Alerts as Falco's JSON lines.")] = False,
    all_rules: Annotated[
        bool,
        typer.Option("--all", help="Every rule that matches an event alerts, not the first alone."),
    ] = False,
    pid: Pids = None,
    container: Containers = None,
    uid: Uids = None,
    duration: Duration = None,
    all_syscalls: EverySyscall = False,
    snaplen: Snaplen = 80,
    buffer: Buffer = "8MiB",
    syscalls: Annotated[
        bool,
        typer.Option("--syscalls/--no-syscalls", help="Watch system calls, if rules are of them."),
    ] = True,
    priority: Annotated[
        str | None, typer.Option("--priority", "-p", help="Leave out rules less grave than this.")
    ] = None,
    disable: Annotated[
        list[str] | None,
        typer.Option("--disable", "-D", help="Turn off rules by name; * stands for anything."),
    ] = None,
    disable_tag: Annotated[
        list[str] | None, typer.Option("--disable-tag", "-T", help="Turn off rules by tag.")
    ] = None,
    tag: Annotated[
        list[str] | None, typer.Option("--tag", "-t", help="Turn on only the rules with this tag.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No summary, no warnings.")] = False,
) -> None:
    """Judge this host and plugins by rules, as events happen: alerts on standard output.

    Ends with Ctrl-C, after --duration, or with the command. Exit code: that of the command, else
    0 whatever fires; 1 if something is wrong.
    """
    from workbench.cli.sources import make_child

    child = make_child(command)

    from workbench.cli.memory import reuse_memory
    from workbench.cli.recording import Signals
    from workbench.cli.sources import open_calls, plugin_feeds, warn
    from workbench.core.calls import Chosen, watched_calls
    from workbench.core.event_drops import DropConfig
    from workbench.core.judge import Judge
    from workbench.core.live import Alerting, Nowhere
    from workbench.core.record import Limits, Recorder
    from workbench.core.session import Session
    from workbench.core.sizes import parse_seconds, parse_size

    reuse_memory()
    limits = Limits(seconds=None if duration is None else parse_seconds(duration))
    signals = Signals()
    with Session.open(config, option or (), plugin or ()) as session:
        ruleset = session.load_rules(rules or (), priority=priority).ruleset
        session.choose(ruleset, tags=tag, disable=disable, disable_tags=disable_tag)
        if not quiet:
            warn(session)
        feeds: list[Feed] = []
        watched = watched_calls(session, ruleset) if syscalls or child else None
        if watched:
            names = None if all_syscalls else watched
            asked = Chosen(
                names,
                snaplen,
                parse_size(buffer),
                tuple(pid or ()),
                tuple(container or ()),
                tuple(uid or ()),
            )
            feeds.append(open_calls(asked, child, signals, gather=_GATHER))
        feeds += plugin_feeds(session, open_params, needed=not feeds, gather=_GATHER)
        judge = Judge(
            ruleset,
            session.plugins,
            session.matching(all_rules),
            session.alert_options(as_json=as_json),
        )
        watch = Alerting(judge, DropConfig.of(session.config), _write, _log)
        recorder = Recorder(Nowhere, feeds, limits, stop=signals.stop, watch=watch)
        status = _run(recorder, watch, child, signals, quiet)
    if status:
        raise typer.Exit(status)


#: Seconds that a source may gather events: an alert is to be there within one.
_GATHER = 0.1


def _write(text: pa.Buffer | bytes) -> None:
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def _log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _run(
    recorder: Recorder, watch: Alerting, child: Child | None, signals: Signals, quiet: bool
) -> int:
    from capture.errors import FalcowbError
    from workbench.cli.memory import forget_compiler
    from workbench.cli.recording import StatusLine, print_losses, say
    from workbench.cli.sources import end_child
    from workbench.cli.summary import print_tally

    started = time.monotonic()
    # Where alerts are printed to the same terminal there is no room for a status.
    on = child is None and not sys.stdout.isatty() and not quiet
    error: FalcowbError | None = None
    with StatusLine(recorder.told, lambda: watch.alerts, on=on, size=False) as line:

        def tell(text: str) -> None:
            if not quiet:
                line.say(text)

        try:
            recorder.start(tell)
            forget_compiler()
            for feed in recorder.feeds:
                tell(f"Watching {feed.source}: {feed.about()}")
            recorder.run()
        except FalcowbError as raised:
            error = raised
    if not quiet:
        print_tally(watch.judge, time.monotonic() - started, recorder.told.notes)
        print_losses(recorder.told)
    if error is not None:
        say(str(error))
        if recorder.hanging:
            # What hangs holds its plugin for ever; nothing is to wait for that.
            os._exit(1)
    status = end_child(child, signals, say) if child is not None and child.let else 0
    return 1 if error is not None else status
