"""The chart: bars of events, a line of alerts in the colours of their priorities, an axis."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench.backend.questions.timeline import Binned
from workbench.tui.theme import priority_colour, word_colour
from workbench.tui.times import clock

_BARS = " ▁▂▃▄▅▆▇█"
#: Columns between two times of the axis, at least.
_APART = 20


class TimeChart(Widget):
    """One column is one bin. ``cursor`` and ``brush`` are times (ns)."""

    can_focus = True
    DEFAULT_CSS = """
    TimeChart { height: 1fr; background: $background; }
    """

    class Pointed(Message):
        """The mouse was pressed at a time, and dragged to another."""

        def __init__(self, start: int, stop: int, *, done: bool) -> None:
            super().__init__()
            self.first, self.end, self.done = start, stop, done

    def __init__(self) -> None:
        super().__init__()
        self.binned: Binned | None = None
        self.cursor: int | None = None
        self.brush: tuple[int, int] | None = None
        self._from: int | None = None

    # Between times and columns.

    @property
    def step(self) -> float:
        """Nanoseconds a column."""
        binned = self.binned
        if binned is None or not binned.events:
            return 1.0
        return (binned.stop - binned.start) / len(binned.events)

    def column_of(self, time: int) -> int:
        return int((time - self.binned.start) // self.step) if self.binned else 0

    def time_of(self, column: int) -> int:
        return int(self.binned.start + column * self.step) if self.binned else 0

    # Drawing.

    def render_line(self, y: int) -> Strip:
        height, width = self.size.height, self.size.width
        binned = self.binned
        if binned is None or height < 2:
            return Strip.blank(width, self.rich_style)
        dark = self.app.current_theme.dark
        base = self.rich_style
        if y == height - 1:
            return self._axis(width, base + Style(color=word_colour("dim", dark)))
        alerts = y == height - 2 and height > 2
        bars = height - 1 - (height > 2)
        highest = max(binned.events, default=0)
        brush = self._columns(self.brush)
        at = None if self.cursor is None else self.column_of(self.cursor)
        shade = Style(bgcolor=self.app.theme_variables.get("panel", "#1c2531"))
        segments = []
        for column in range(min(width, len(binned.events))):
            if alerts:
                priority = binned.gravest[column]
                hit = binned.hits[column]
                text = "◆" if hit else "■" if priority >= 0 else " "
                colour = priority_colour(max(priority, 0), dark)
            else:
                text = _bar(binned.events[column], highest, bars, bars - 1 - y)
                colour = word_colour("field", dark)
            style = base + Style(color=colour)
            if brush is not None and brush[0] <= column < brush[1]:
                style += shade
            if column == at:
                style += Style(color="#ffffff" if dark else "#000000", bold=True, reverse=True)
            segments.append(Segment(text, style))
        return Strip(segments).adjust_cell_length(width, base)

    def _columns(self, span: tuple[int, int] | None) -> tuple[int, int] | None:
        if span is None:
            return None
        first = self.column_of(span[0])
        return first, max(self.column_of(span[1] - 1), first) + 1

    def _axis(self, width: int, style: Style) -> Strip:
        text = ""
        column = 0
        while column + len("00:00:00.000000") <= width:
            text = text.ljust(column) + "╵" + clock(self.time_of(column))
            column += max(_APART, width // 6)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    # The mouse.

    def on_mouse_down(self, event: events.MouseDown) -> None:
        self.focus()
        self._from = self.time_of(event.x)
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._from is not None:
            self._point(event.x, done=False)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._from is not None:
            self.release_mouse()
            self._point(event.x, done=True)
            self._from = None

    def _point(self, x: int, *, done: bool) -> None:
        assert self._from is not None
        column = min(max(x, 0), self.size.width - 1)
        if self.column_of(self._from) == column:
            self.post_message(self.Pointed(self._from, self._from, done=done))
            return
        ends = sorted((self.column_of(self._from), column))
        start, stop = self.time_of(ends[0]), self.time_of(ends[1] + 1)
        self.post_message(self.Pointed(start, stop, done=done))


def _bar(value: int, highest: int, rows: int, row: int) -> str:
    """The character of a bar in a row, counted from below. What is there at all is seen."""
    if value <= 0 or highest <= 0:
        return " "
    eighths = max(round(value / highest * rows * 8), 1)
    return _BARS[min(max(eighths - row * 8, 0), 8)]
