"""``falcowb replay``: which alerts a capture, a log or a plugin's source gives."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.core.event_drops import DropConfig, DropMonitor
    from workbench.core.events import Events
    from workbench.core.judge import Judge
    from workbench.core.session import Session


def replay(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE]",
            help="A capture (X.fcap, X.scap), or what a plugin opens: a file, a folder, a URL. By "
            "default what the configuration says.",
            show_default=False,
        ),
    ] = None,
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
            help="Load this plugin too (a bundled one by name, any other by the path of its .so); "
            "the first one named opens SOURCE.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Alerts as Falco's JSON lines.")] = False,
    all_rules: Annotated[
        bool,
        typer.Option("--all", help="Every rule that matches an event alerts, not the first alone."),
    ] = False,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Only events from this moment on (UTC)."),
    ] = None,
    stop: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Only events before this moment.")
    ] = None,
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
    """Replay events through plugins and rules: alerts on standard output, a summary after them.

    Exit code 0 whatever fires, 1 if something is wrong, 130 if interrupted.
    """
    from workbench.cli.memory import reuse_memory
    from workbench.core.event_drops import DropConfig
    from workbench.core.events import is_capture, open_capture_events, open_plugin_events
    from workbench.core.judge import Judge
    from workbench.core.judging import Judging, judge_capture
    from workbench.core.session import Session
    from workbench.core.when import parse_moment

    reuse_memory()
    began, ended = (None if each is None else parse_moment(each) for each in (start, stop))
    logging.basicConfig(format="%(message)s", level=logging.ERROR if quiet else logging.WARNING)
    with Session.open(config, option or (), plugin or ()) as session:
        events: Events | None = None
        if source is not None and is_capture(source):
            events = open_capture_events(session, source, began, ended)
        loaded = session.load_rules(rules or (), priority=priority)
        session.choose(loaded.ruleset, tags=tag, disable=disable, disable_tags=disable_tag)
        if not quiet:
            _print_warnings(session, [str(each.place) for each in loaded.warnings])
        matching, options = session.matching(all_rules), session.alert_options(as_json=as_json)
        drops = DropConfig.of(session.config)
        whole = began is None and ended is None and not drops.simulate
        if source is not None and events is not None and whole:
            judging = judge_capture(source, events, loaded.ruleset, session, matching, options)
        else:
            events = events or open_plugin_events(session, source, began, ended)
            judging = Judging(events, Judge(loaded.ruleset, session.plugins, matching, options))
        status = 1
        try:
            status = _run(judging.events, judging.judge, quiet, drops)
        finally:
            judging.close(complete=status == 0)
    if status:
        raise typer.Exit(status)


def _print_warnings(session: Session, places: list[str]) -> None:
    for warning in session.config.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if places:
        files = sorted({place.partition(":")[0] for place in places})
        print(
            f"{len(places)} warnings about rules; see them with: "
            f"falcowb rules check {' '.join(files)}",
            file=sys.stderr,
        )


def _run(events: Events, judge: Judge, quiet: bool, drops: DropConfig) -> int:
    from capture.errors import FalcowbError
    from capture.manifest import SYSCALL
    from workbench.cli.interrupt import Interrupt
    from workbench.cli.progress import Progress

    started = time.monotonic()
    status = 0
    error: FalcowbError | None = None
    progress = Progress(events.fraction)
    monitor = _monitor(judge, drops) if drops.simulate else None
    try:
        with Interrupt() as interrupt:
            for window in events.windows():
                if monitor is not None and SYSCALL in window:
                    monitor.events(window[SYSCALL].times)
                for text in judge.lines(window):
                    progress.clear()
                    sys.stdout.buffer.write(text)
                    sys.stdout.buffer.flush()
                progress.show(sum(judge.tally.events.values()))
                if interrupt.wanted:
                    status = 130
                    break
    except FalcowbError as raised:
        error, status = raised, 1
    finally:
        progress.clear()
    if monitor is not None:
        for text in monitor.report():
            print(text, file=sys.stderr)
    if not quiet:
        from workbench.cli.summary import print_summary

        print_summary(events, judge, time.monotonic() - started, interrupted=status == 130)
    if error is not None:
        raise error
    return status


def _monitor(judge: Judge, drops: DropConfig) -> DropMonitor:
    """Acts as if events were lost, where the configuration asks for that."""
    from workbench.core.event_drops import DropMonitor

    as_json = judge.formatter.options.json_output
    return DropMonitor(
        drops,
        lambda alert: print(alert.line(as_json=as_json), flush=True),
        lambda text: print(text, file=sys.stderr),
        ebpf=False,
    )
