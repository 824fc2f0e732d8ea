"""The line at the top says what is looked at, the one at the bottom how it goes."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text
from textual.widgets import Static

from workbench.tui.bench import Bench
from workbench.tui.theme import priority_colour
from workbench.tui.times import clock, day_and_time, span


class TopBar(Static):
    """The capture: name, host, events, time; the rules."""

    DEFAULT_CSS = """
    TopBar { height: 1; background: $surface; color: $foreground; padding: 0 1; }
    """

    _shown = Text()

    def show(self, bench: Bench, dark: bool) -> None:
        dim = "#7d8b9d" if dark else "#66748a"
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        text.append("falcowb ", style="bold")
        opened = bench.opened
        if opened is None:
            text.append(bench.arguments.capture or "", style=dim)
        else:
            text.append(
                Path(opened.path).name or opened.path,
                style="bold #58a6ff" if dark else "bold #0b62c4",
            )
            words = [opened.host] if opened.host else []
            rows = bench.indexed.rows if bench.indexed else opened.events
            words.append(f"{rows:,} events")
            if opened.first_time is not None and opened.last_time is not None:
                words.append(day_and_time(opened.first_time))
                words.append(f"{span(opened.last_time - opened.first_time)} long")
            if len(opened.sources) > 1:
                words.append(" + ".join(source.name for source in opened.sources))
            if opened.recording:
                words.append("being recorded")
            text.append("  " + "  ".join(words), style=dim)
        if text != self._shown:
            self._shown = text
            self.update(text, layout=False)


class StatusBar(Static):
    """The engine's state, alerts by priority, marks, and the event under the cursor."""

    DEFAULT_CSS = """
    StatusBar { height: 1; background: $surface; color: $foreground; padding: 0 1; }
    """

    _shown = Text()

    def show(self, bench: Bench, dark: bool) -> None:
        dim = "#7d8b9d" if dark else "#66748a"
        good, busy, bad = (
            ("#5ec488", "#f0b35e", "#ff6b70") if dark else ("#1d7f46", "#a85b00", "#c0262d")
        )
        parts = [_engine(bench, good, busy, bad), _alerts(bench, dark, dim)]
        if bench.marks:
            parts.append(Text(f"✚ {len(bench.marks):,} marked", style=busy))
        left = Text("  ", end="").join(part for part in parts if part)
        right = Text(end="")
        if bench.event is not None:
            right = Text(f"{clock(bench.event.time)}  event {bench.event.number:,}", style=dim)
        width = self.size.width - 2
        room = width - left.cell_len - right.cell_len
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        text.append_text(left)
        if room >= 2:
            text.append(" " * room)
            text.append_text(right)
        if text != self._shown:
            self._shown = text
            self.update(text, layout=False)


def _engine(bench: Bench, good: str, busy: str, bad: str) -> Text:
    if bench.trouble:
        return Text("✖ " + bench.trouble.splitlines()[0], style=bad)
    opening, indexing = bench.opening, bench.indexing
    if opening is not None:
        said = {"import": "importing", "engine": "starting"}.get(opening.stage, "opening")
        events = f" {opening.events:,} events" if opening.events else ""
        return Text(f"◐ {said}{events}{_percent(opening.fraction)}", style=busy)
    if bench.opened is None:
        return Text("○ nothing open", style=busy)
    judged, looked = bench.judged, bench.looked
    if indexing is not None:
        return Text(f"◐ indexing{_percent(indexing.fraction)}", style=busy)
    if judged is not None and not judged.complete:
        share = judged.seen / judged.total if judged.total else None
        return Text(f"◐ judging{_percent(share)}", style=busy)
    if looked is None:
        return Text("◐ opening", style=busy)
    if not looked.complete and looked.total:
        return Text(f"◐ filtering{_percent(looked.seen / looked.total)}", style=busy)
    if bench.rules is not None and bench.rules.failed:
        return Text("▲ rules have errors; the last good ones judge", style=bad)
    return Text("● ready", style=good)


#: Priorities in a word.
_SHORT = ("emergency", "alert", "critical", "error", "warning", "notice", "info", "debug")


def _percent(share: float | None) -> str:
    return "" if share is None else f" {min(share, 1.0):.0%}"


def _alerts(bench: Bench, dark: bool, dim: str) -> Text:
    judged = bench.judged
    if judged is None or not (bench.rules and bench.rules.rules):
        return Text("")
    total = sum(count for _, count in judged.by_priority)
    text = Text(f"{total:,} alerts", style="" if total else dim)
    for priority, count in judged.by_priority:
        style = priority_colour(priority, dark)
        text.append(f"  ■ {count:,} {_SHORT[priority]}", style=style)
    return text
