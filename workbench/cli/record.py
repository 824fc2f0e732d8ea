"""``falcowb capture``: record what plugins emit."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workbench.core.record import Recorder, Recording
    from workbench.core.session import Session


def capture(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="X.fcap", help="The capture to write.")
    ],
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
    duration: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Stop after this long: 90s, 5m, 1h.")
    ] = None,
    events: Annotated[
        int | None, typer.Option("--events", metavar="N", min=1, help="Stop after N events.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the capture if there is one.")
    ] = False,
) -> None:
    """Record the events of plugins into a capture, until they end, or Ctrl-C.

    A capture that is killed in mid-recording opens all the same and says what is missing.
    """
    from workbench.cli.memory import reuse_memory
    from workbench.core.record import Limits, Recorder
    from workbench.core.session import Session

    reuse_memory()
    seconds = None if duration is None else _seconds(duration)
    with Session.open(config, option or (), plugin or ()) as session:
        _warn(session)
        recordings = _recordings(session, open_params)
        # Before anything is opened: a source that listens may be told to stop at once.
        stop = _stop_on_signals()
        limits = Limits(events, seconds)
        recorder = Recorder(output, recordings, limits, overwrite=overwrite, stop=stop)
        for each in recordings:
            said = each.open_params or "its default source"
            print(f"Recording {each.plugin.event_source}: {said}", file=sys.stderr)
        print(f"Writing {output}. Ctrl-C ends the recording.", file=sys.stderr)
        shown = _Counter(recorder)
        try:
            recorder.run()
        finally:
            shown.stop()
            for name, (count, drops) in recorder.counts.items():
                dropped = f", {drops:,} dropped" if drops else ""
                print(f"{name}: {count:,} events recorded{dropped}.", file=sys.stderr)
        print(f"Look at it with: falcowb info {output}", file=sys.stderr)


def _recordings(session: Session, open_params: str | None) -> list[Recording]:
    from capture.errors import FalcowbError
    from workbench.core.record import Recording

    plugins = [session.plugins.sourcing(name) for name in session.asked] or [
        each for each in session.plugins.plugins if each.event_source
    ]
    if not plugins:
        plugins = [session.plugins.sourcing()]
    if open_params is not None and len(plugins) > 1:
        raise FalcowbError(
            "--open is for one plugin, and several are to be recorded",
            hint="Name one with --plugin, or put open_params in the configuration.",
        )
    return [
        Recording(
            each,
            session.open_params(each.name) if open_params is None else open_params,
            session.init_config(each.name),
        )
        for each in plugins
    ]


def _seconds(text: str) -> float:
    from workbench.config.durations import parse_duration_ms

    milliseconds = parse_duration_ms(f"{text}s" if text.isdigit() else text)
    if not milliseconds:
        raise typer.BadParameter(f"'{text}' is no time; write 90s, 5m, 1h", param_hint="--for")
    return milliseconds / 1000


def _warn(session: Session) -> None:
    for warning in session.config.warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _stop_on_signals() -> threading.Event:
    """Set by Ctrl-C or a polite kill."""
    asked = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        asked.set()

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, stop)
    return asked


class _Counter:
    """The count of events so far, on a terminal, twice a second."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)
        if sys.stderr.isatty():
            self._thread.start()

    def _show(self) -> None:
        started = time.monotonic()
        while not self._ended.wait(0.5):
            counts = self._recorder.counts
            total = sum(count for count, _ in counts.values())
            drops = sum(dropped for _, dropped in counts.values())
            after = time.monotonic() - started
            print(f"\r{total:,} events, {drops:,} dropped, {after:.0f} s", end="", file=sys.stderr)

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
            print(file=sys.stderr)
