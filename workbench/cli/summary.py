"""What a replay says when it is over."""

from __future__ import annotations

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from capture.times import format_span, format_time
from workbench.core.events import Events
from workbench.core.judge import Judge

_STYLES = {
    "Emergency": "bold white on red",
    "Alert": "bold red",
    "Critical": "bold red",
    "Error": "red",
    "Warning": "yellow",
    "Notice": "cyan",
    "Informational": "blue",
    "Debug": "dim",
}


def print_summary(events: Events, judge: Judge, seconds: float, *, interrupted: bool) -> None:
    """Counts of events and alerts, and what is missing, on standard error."""
    _print(judge, seconds, events.notes(), interrupted)


def print_tally(judge: Judge, seconds: float, notes: list[str]) -> None:
    """The same of events that were judged as they came."""
    _print(judge, seconds, notes, False)


def _print(judge: Judge, seconds: float, notes: list[str], interrupted: bool) -> None:
    console = Console(file=sys.stderr, highlight=False, soft_wrap=True)
    tally = judge.tally
    total, fired = sum(tally.events.values()), sum(tally.alerts.values())
    console.print()
    if interrupted:
        console.print(Text("Interrupted; up to there:", "bold"))
    if fired:
        _print_rules(console, judge)
    rate = f", {total / seconds:,.0f} events a second" if seconds > 0 and total else ""
    console.print(
        f"{_counted(total, 'event')}, {_counted(fired, 'alert')} in {seconds:.1f} s{rate}."
    )
    if tally.first_time is not None and tally.last_time is not None:
        span = format_span(tally.last_time - tally.first_time)
        console.print(
            f"From {format_time(tally.first_time)} to {format_time(tally.last_time)} ({span})."
        )
    for note in _notes(notes, judge):
        console.print(Text(note, "yellow"))


def _print_rules(console: Console, judge: Judge) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Priority")
    table.add_column("Rule", overflow="fold")
    table.add_column("Alerts", justify="right")
    ranked = sorted(
        judge.tally.alerts.items(), key=lambda each: (judge.priorities[each[0]], -each[1], each[0])
    )
    for name, count in ranked:
        title = judge.priorities[name].title
        table.add_row(Text(title, _STYLES[title]), Text(name), f"{count:,}")
    console.print(table)
    console.print()


def _notes(notes: list[str], judge: Judge) -> list[str]:
    unjudged = [
        f"{_counted(count, 'event')} of source {name} met no rule: none is loaded for it."
        for name, count in judge.tally.events.items()
        if count and name not in judge.sources
    ]
    return [*notes, *unjudged]


def _counted(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
