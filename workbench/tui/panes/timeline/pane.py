"""Timeline; see the package."""

from __future__ import annotations

import time as clocks
from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Static

from workbench.backend.questions.events import Jump, JumpedTo, Looked, View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import Judged
from workbench.backend.questions.timeline import Binned, Bins, Hit, NextHit
from workbench.tui.bench import EventRef
from workbench.tui.pane import Pane
from workbench.tui.panes.events.pane import EventsPane
from workbench.tui.panes.timeline.chart import TimeChart
from workbench.tui.panes.timeline.player import Player
from workbench.tui.screens.dialogs import Menu
from workbench.tui.theme import PRIORITIES, word_colour
from workbench.tui.times import clock, span

#: Seconds between two looks while it plays, and while events still come in.
_TICK, _AGAIN = 0.1, 1.0
#: Columns that one press of a key moves by with shift.
_FAR = 10


class TimelinePane(Pane):
    """``breakpoint``: the rule whose next hit is run to; empty for any alert."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "scrub(-1)", "Back", show=False),
        Binding("right", "scrub(1)", "Move", key_display="←→"),
        Binding("shift+left", "brush(-1)", "Range to the left", show=False),
        Binding("shift+right", "brush(1)", "Range", key_display="⇧←→"),
        Binding("enter", "only", "Only the range"),
        Binding("escape", "whole", "No range", show=False),
        Binding("plus,equals_sign", "zoom(0.5)", "Zoom", key_display="+"),
        Binding("minus", "zoom(2)", "Zoom out", show=False),
        Binding("0", "zoom(0)", "The whole capture", show=False),
        Binding("space", "play", "Play"),
        Binding("greater_than_sign", "speed(1)", "Faster", show=False, key_display=">"),
        Binding("less_than_sign", "speed(-1)", "Slower", show=False, key_display="<"),
        Binding("full_stop", "step(1)", "Step", key_display="."),
        Binding("comma", "step(-1)", "Step back", show=False, key_display=","),
        Binding("b", "breakpoint", "Stop at a rule"),
        Binding("r", "run(False)", "Run to the next hit"),
        Binding("R", "run(True)", "Back to the hit before", show=False),
    ]
    DEFAULT_CSS = """
    TimelinePane #said { height: 1; padding: 0 1; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.chart = TimeChart()
        self.player = Player()
        self.breakpoint = ""
        self._said = Static(id="said")
        self._zoom: tuple[int, int] | None = None
        self._ticking: Timer | None = None
        self._waiting: Timer | None = None
        self._last = 0.0
        self._busy = False
        self._next: Jump | None = None

    def compose(self) -> ComposeResult:
        yield self._said
        yield self.chart

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._ticking = self.set_interval(_TICK, self._tick, pause=True)

    def on_resize(self) -> None:
        self.call_after_refresh(self._count)

    def take_focus(self) -> None:
        self.chart.focus()

    @property
    def subtitle(self) -> str:
        return f"{'▶ ' if self.player.playing else ''}{self.player.words}"

    @property
    def is_still(self) -> bool:
        """Nothing plays, and the cursor is where it was sent."""
        return not (self.player.playing or self._busy)

    # What happens elsewhere.

    def case_opened(self, opened: Opened) -> None:
        self._zoom = self.chart.brush = self.chart.binned = None
        self._stop()
        if opened.first_time is not None and opened.last_time is not None:
            self.player.fit(opened.last_time - opened.first_time)
        self._count()

    def judged(self, judged: Judged) -> None:
        self._soon()

    def view_changed(self, view: View, looked: Looked, first: bool) -> None:
        if not looked.complete or self.bench.indexed is None:
            self._soon()

    def event_chosen(self, event: EventRef) -> None:
        self.chart.cursor = event.time
        if not self.player.playing:
            self.player.time = float(event.time)
        self._draw()

    def engine_restarted(self) -> None:
        self._busy = False
        self._soon()

    def shown(self) -> None:
        self._count()

    # Counting.

    def _soon(self) -> None:
        """Numbers change all the time while a capture is judged: once a second will do."""
        if self._waiting is None:

            def count() -> None:
                self._waiting = None
                self._count()

            self._waiting = self.set_timer(_AGAIN, count)

    def _count(self) -> None:
        width = self.chart.size.width
        if width < 2 or self.bench.opened is None:
            return

        def counted(answer: object, last: bool) -> None:
            assert isinstance(answer, Binned)
            self.chart.binned = answer
            self._draw()
            if self.bench.indexed is None:
                self._soon()

        start, stop = self._zoom or (None, None)
        self.ask(Bins(width, start, stop, self.breakpoint), counted, lambda trouble: None)

    def _draw(self) -> None:
        binned = self.chart.binned
        text = Text(no_wrap=True, overflow="ellipsis")
        if binned is None:
            text.append("no events yet", "dim")
        else:
            dark = self.app.current_theme.dark
            column = int(self.chart.step)
            peak = max(binned.events, default=0)
            text.append(f"{span(binned.stop - binned.start)} in sight, {span(column)} a column, ")
            text.append(f"at most {_rate(peak, column)} events a second", "dim")
            if self.chart.brush is not None:
                start, stop = self.chart.brush
                text.append(f"  range {clock(start)} … {span(stop - start)}", "bold")
            if self.breakpoint:
                text.append(f"  ◆ {self.breakpoint}", word_colour("macro", dark))
        self._said.update(text)
        self.chart.refresh()
        self.app.refresh_notes()

    # Moving.

    def _go(self, question: Jump) -> None:
        if self._busy:
            self._next = question  # One at a time, or a slow engine would never get to answer.
            return
        self._busy, self._next = True, None

        def went(answer: object, last: bool) -> None:
            assert isinstance(answer, JumpedTo)
            events = self.app.pane("events")
            if answer.row is not None and isinstance(events, EventsPane):
                events.table.go(answer.row)
            refused(answer)

        def refused(_: object) -> None:
            self._busy = False
            if self._next is not None:
                self._go(self._next)

        self.ask(question, went, refused)

    def _to(self, time: int) -> None:
        binned = self.chart.binned
        if binned is not None:
            time = min(max(time, binned.whole[0]), binned.whole[1])
        self.chart.cursor = time
        self.player.time = float(time)
        self._follow(time)
        self._draw()
        self._go(Jump("time", time))

    def _follow(self, time: int) -> None:
        """Keep the cursor in sight while zoomed in."""
        if self._zoom is None or self._zoom[0] <= time < self._zoom[1]:
            return
        half = (self._zoom[1] - self._zoom[0]) // 2
        self._zoom = (time - half, time + half)
        self._count()

    def action_scrub(self, step: int) -> None:
        if self.chart.binned is not None:
            at = self.chart.binned.start if self.chart.cursor is None else self.chart.cursor
            self._to(self.chart.time_of(self.chart.column_of(at) + step))

    def action_step(self, step: int) -> None:
        self._stop()
        events = self.app.pane("events")
        if isinstance(events, EventsPane):
            events.table.action_move(step)

    def action_brush(self, step: int) -> None:
        """Grow the range from the cursor on, or shrink it."""
        chart = self.chart
        if chart.binned is None:
            return
        at = chart.binned.start if chart.cursor is None else chart.cursor
        start, stop = chart.brush or (chart.time_of(chart.column_of(at)),) * 2
        width = int(chart.step)
        if step > 0:
            stop += width
        elif stop - start > width:
            stop -= width
        else:
            start -= width
        chart.brush = (start, max(stop, start + width))
        self._draw()

    def action_only(self) -> None:
        if self.chart.brush is None:
            self.bench.notify("Choose a range first: shift and the arrows, or the mouse.")
            return
        start, stop = self.chart.brush
        self.bench.narrow(start=start, stop=stop)

    def action_whole(self) -> None:
        self.chart.brush = None
        if self.bench.view.start is not None or self.bench.view.stop is not None:
            self.bench.narrow(start=None, stop=None)
        self._draw()

    def action_zoom(self, factor: float) -> None:
        binned = self.chart.binned
        if binned is None:
            return
        first, last = binned.whole
        length = int((binned.stop - binned.start) * factor)
        if not factor or length > last - first:
            self._zoom = None
        elif factor < 1 and self.chart.brush is not None:
            self._zoom = self.chart.brush
        else:
            middle = self.chart.cursor
            if middle is None:
                middle = (binned.start + binned.stop) // 2
            length = max(length, self.chart.size.width)
            start = min(max(middle - length // 2, first), last + 1 - length)
            self._zoom = (start, start + length)
        self._count()

    @on(TimeChart.Pointed)
    def _pointed(self, event: TimeChart.Pointed) -> None:
        event.stop()
        if event.first == event.end:
            if event.done:
                self._to(event.first)
            return
        self.chart.brush = (event.first, event.end)
        self._draw()

    # Playing.

    def action_play(self) -> None:
        if self.player.playing:
            self._stop()
            return
        binned = self.chart.binned
        if binned is None:
            return
        if self.player.time >= binned.whole[1]:
            self.player.time = float(binned.whole[0])
        self.player.stop_at = None
        self._start()
        if self.breakpoint:
            self._ask_hit(False, self._stop_there)

    def _start(self) -> None:
        self.player.playing = True
        self._last = clocks.monotonic()
        if self._ticking is not None:
            self._ticking.resume()
        self.app.refresh_notes()

    def _stop(self) -> None:
        self.player.playing = False
        if self._ticking is not None:
            self._ticking.pause()
        self.app.refresh_notes()

    def _stop_there(self, hit: Hit) -> None:
        if hit.number is not None:
            self.player.stop_at = hit.time

    def _tick(self) -> None:
        binned = self.chart.binned
        if binned is None or not self.player.playing:
            self._stop()
            return
        now = clocks.monotonic()
        time = self.player.advance(now - self._last, binned.whole[1])
        self._last = now
        self.chart.cursor = time
        self._follow(time)
        if self.player.playing:
            self._go(Jump("time", time))
        else:
            self._stop()
            self._go(Jump("time", time))
            if self.player.stop_at is not None and time == self.player.stop_at:
                self.bench.notify(f"{self.breakpoint} matches here.")
        self._draw()

    def action_speed(self, step: int) -> None:
        self.player.faster(step)
        self.app.refresh_notes()

    def action_breakpoint(self) -> None:
        rules, judged = self.bench.rules, self.bench.judged
        if rules is None or not rules.rules:
            self.bench.notify("No rules are loaded; start with -r FILE.")
            return
        counts = dict(judged.matches) if judged else {}
        able = sorted(rules.rules, key=lambda rule: -counts.get(rule.name, 0))
        options = [("", "(no rule)", "play to the end")] + [
            (
                rule.name,
                rule.name,
                f"{PRIORITIES[rule.priority]}, {counts.get(rule.name, 0):,} hits",
            )
            for rule in able
        ]

        def chosen(rule: str | None) -> None:
            if rule is not None:
                self.breakpoint = rule
                self._count()

        self.app.push_screen(Menu("Stop at the hits of", options), chosen)

    def action_run(self, back: bool) -> None:
        """Go to the next hit of the rule at once; without a rule to the next alert."""
        self._stop()
        if not self.breakpoint:
            events = self.app.pane("events")
            if isinstance(events, EventsPane):
                events.action_alert(-1 if back else 1)
            return

        def found(hit: Hit) -> None:
            if hit.number is None:
                which = "before" if back else "after"
                self.bench.notify(f"No hit of {self.breakpoint} {which} this event.")
            else:
                self._follow(hit.time)
                self._go(Jump("number", hit.number))

        self._ask_hit(back, found)

    def _ask_hit(self, back: bool, found: Callable[[Hit], None]) -> None:
        event = self.bench.event

        def answered(answer: object, last: bool) -> None:
            assert isinstance(answer, Hit)
            found(answer)

        self.ask(NextHit(self.breakpoint, event.number if event else 0, back), answered)


def _rate(events: int, length: int) -> str:
    """Events a second, of events in a length of time (ns)."""
    rate = events * 1e9 / max(length, 1)
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
