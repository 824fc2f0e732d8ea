"""A table over any number of rows: only those in sight are ever asked for."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.timer import Timer

from workbench.tui.panes.events.cache import Row, RowCache
from workbench.tui.panes.events.layouts import RULE
from workbench.tui.theme import priority_colour, word_colour

#: Cells left of the first column: the mark and the alert.
_GUTTER = 2
_LEAST, _MOST = 3, 48
#: Seconds between changes of the scroll bar while rows are added out of sight.
_PATIENCE = 1.0
#: What comes later is often longer than what comes first.
_AT_LEAST = {"evt.type": 9, "proc.name": 9, "proc.pid": 7}
#: Columns are not cut to less than this for others to have room.
_NARROW = 15
#: A time of day to the microsecond; wider shows all nine digits.
_TIME = 15
_SHORT = {"evt.num", "evt.time", "evt.type", "evt.args", "evt.res", "evt.source"}
_RIGHT = {"evt.num", "proc.pid", "thread.tid", "proc.ppid", "proc.vpid", "evt.res", "fd.num"}


class EventTable(ScrollView, can_focus=True):
    """Rows of the view, a cursor on one row and one column.

    ``Wanted`` asks for rows; ``put`` of the cache and ``arrived`` give them. ``Moved`` tells of the
    cursor.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home", "edge(-1)", "First event", show=False),
        Binding("end", "edge(1)", "Last event", show=False),
        Binding("left,h", "column(-1)", "Column to the left", show=False),
        Binding("right,l", "column(1)", "Column to the right", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "head",
        "head-cursor",
        "cursor",
        "cursor-dim",
        "dim",
        "cell-cursor",
    }
    DEFAULT_CSS = """
    EventTable { height: 1fr; background: $background; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0; scrollbar-background: $background;
        scrollbar-color: $border; scrollbar-color-hover: $primary; }
    EventTable > .head { color: $secondary; background: $background; text-style: bold; }
    EventTable > .head-cursor { color: $primary; background: $background; text-style: bold; }
    EventTable > .cursor { background: $block-cursor-background;
        color: $block-cursor-foreground; }
    EventTable > .cursor-dim { background: $panel; }
    EventTable > .cell-cursor { text-style: underline; }
    EventTable > .dim { color: $secondary; }
    """

    class Wanted(Message):
        def __init__(self, first: int, count: int) -> None:
            super().__init__()
            self.first, self.count = first, count

    class Moved(Message):
        def __init__(self, row: int) -> None:
            super().__init__()
            self.row = row

    class Chosen(Message):
        """Enter, or a second click."""

    cursor = reactive(0, init=False)

    def __init__(self) -> None:
        super().__init__()
        self.cache = RowCache()
        self.fields: list[str] = []
        self.widths: dict[str, int] = {}
        self.column = 0
        self.count = 0
        self.marks: set[int] = set()
        self.empty = ""
        self._fitted: list[int] = []
        self._base = Style()
        self._sized = 0.0
        self._growing: Timer | None = None
        self._fitted_for: tuple[object, ...] = ()

    # What is shown.

    def set_columns(self, fields: Sequence[str], widths: dict[str, int]) -> None:
        self.fields, self.widths = list(fields), widths
        self.column = min(self.column, max(len(fields) - 1, 0))
        self.cache.clear()
        self._fitted_for = ()
        self.want()
        self.refresh()

    def set_count(self, count: int, version: int) -> None:
        """There are so many rows now."""
        if version != self.cache.version:
            self.cache.clear()
            self.cache.version = version
        self.count = count
        self._set_size()
        if self.cursor >= count:
            self.cursor = max(count - 1, 0)
        self.want()
        self.refresh()

    def arrived(self) -> None:
        """Rows were put into the cache."""
        self._fit()
        self.refresh()
        self.post_message(self.Moved(self.cursor))

    def row(self, row: int) -> Row | None:
        return self.cache.get(row)

    @property
    def field(self) -> str:
        """The field of the column that the cursor is on."""
        return self.fields[self.column] if self.fields else ""

    @property
    def lines(self) -> int:
        """Rows in sight."""
        return max(self.size.height - 1, 1)

    def want(self) -> None:
        """Ask for what is in sight, and as much again above and below, where it is not there."""
        if not self.count or not self.fields or not self.size.height:
            return
        top = int(self.scroll_offset.y)
        stop = min(top + self.lines, self.count)
        margin = self.lines
        near = self.lines // 2
        if self.cache.complete(max(top - near, 0), min(stop + near, self.count)):
            return
        first = max(top - margin, 0)
        self.post_message(self.Wanted(first, min(stop + margin, self.count) - first))

    def want_again(self) -> None:
        """What is there may have changed (alerts): ask anew, and show the old meanwhile."""
        top = int(self.scroll_offset.y)
        if self.count and self.fields:
            self.post_message(self.Wanted(top, min(self.lines, self.count - top)))

    # Moving.

    def go(self, row: int, *, centre: bool = True) -> None:
        """Put the cursor on a row and bring it to sight."""
        if not self.count:
            return
        if row + self.lines >= self.virtual_size.height - 1 != self.count:
            self._grow()
        self.cursor = min(max(row, 0), self.count - 1)
        top = int(self.scroll_offset.y)
        if not top <= self.cursor < top + self.lines:
            goal = self.cursor - self.lines // 2 if centre else self.cursor
            self.scroll_to(y=max(goal, 0), animate=False, force=True)

    def _follow(self) -> None:
        top = int(self.scroll_offset.y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + self.lines:
            self.scroll_to(y=self.cursor - self.lines + 1, animate=False, force=True)

    def action_move(self, step: int) -> None:
        if self.count:
            self.cursor = min(max(self.cursor + step, 0), self.count - 1)
            self._follow()

    def action_page(self, step: int) -> None:
        self.action_move(step * max(self.lines - 1, 1))

    def action_edge(self, step: int) -> None:
        self.go(0 if step < 0 else self.count - 1)

    def action_column(self, step: int) -> None:
        if self.fields:
            self.column = min(max(self.column + step, 0), len(self.fields) - 1)
            self._show_column()
            self.refresh()

    def _show_column(self) -> None:
        left = _GUTTER + sum(width + 1 for width in self._fitted[: self.column])
        width = self._fitted[self.column] if self.column < len(self._fitted) else 1
        x, room = int(self.scroll_offset.x), self.size.width
        if left < x:
            self.scroll_to(x=max(left - _GUTTER, 0), animate=False, force=True)
        elif left + width > x + room:
            self.scroll_to(x=left + min(width, room) - room, animate=False, force=True)

    def watch_cursor(self, old: int, new: int) -> None:
        # Two lines change, unless the table is scrolled, which draws all of it.
        for row in (old, new):
            self.refresh_lines(row + 1)
        self.post_message(self.Moved(self.cursor))

    def watch_scroll_y(self, old: float, new: float) -> None:
        super().watch_scroll_y(old, new)
        if round(old) != round(new):
            self.want()

    def on_resize(self) -> None:
        self._fitted_for = ()
        self._fit()
        self._set_size()
        self.want()
        self.call_after_refresh(self._follow)

    def on_click(self, event: events.Click) -> None:
        if event.y < 1:
            self._click_head(int(event.x))
            return
        row = int(self.scroll_offset.y) + int(event.y) - 1
        if row < self.count:
            self.cursor = row
            self.column = self._column_at(int(event.x))
            self.refresh()
            if event.chain == 2:
                self.post_message(self.Chosen())

    def key_enter(self) -> None:
        self.post_message(self.Chosen())

    def _click_head(self, x: int) -> None:
        self.column = self._column_at(x)
        self.refresh()

    def _column_at(self, x: int) -> int:
        at = _GUTTER - int(self.scroll_offset.x)
        for place, width in enumerate(self._fitted):
            at += width + 1
            if x < at:
                return place
        return max(len(self.fields) - 1, 0)

    # Widths.

    def widen(self, by: int) -> None:
        """Make the cursor's column wider or narrower."""
        if self.fields and self._fitted:
            width = self._fitted[self.column] + by
            self.widths[self.field] = min(max(width, _LEAST), 400)
            self._fitted_for = ()
            self._fit()
            self._set_size()
            self.refresh()

    def _fit(self) -> None:
        """Widths by what stands in the columns; the last one takes what is left."""
        rows = self.cache.some()
        longest = max([len(str(self.count)), *(len(str(row.number)) for row in rows)])
        key = (tuple(self.fields), self.size.width, bool(rows), self.cache.version, longest)
        if key == self._fitted_for:
            return
        self._fitted_for = key
        fitted = []
        for place, name in enumerate(self.fields):
            known = self.widths.get(name)
            if known is None and name == "evt.time":
                known = _TIME
            if known is None and name == "evt.num":
                known = max(longest, len(_title(name)))  # no number is ever cut
            if known is None:
                texts = [self._text(row, place) or "" for row in rows[:400]]
                lengths = sorted(cell_len(text) for text in texts)
                # A few long ones may be cut.
                usual = lengths[int(len(lengths) * 0.95)] if lengths else 0
                least = max(len(_title(name)), _AT_LEAST.get(name, _LEAST))
                known = min(max(usual, least), _MOST)
            fitted.append(known)
        fitted = _squeezed(fitted, self.size.width - _GUTTER)
        if fitted and self.fields[-1] not in self.widths:
            used = _GUTTER + sum(width + 1 for width in fitted[:-1])
            fitted[-1] = max(fitted[-1], self.size.width - used - 1)
        self._fitted = fitted
        self._set_size()

    def _set_size(self) -> None:
        """Each change lays out the whole screen: growth that nobody sees waits a moment."""
        width = max(_GUTTER + sum(each + 1 for each in self._fitted), 1)
        size = Size(width, self.count + 1)
        now = time.monotonic()
        grows = width == self.virtual_size.width and self.virtual_size.height < size.height
        unseen = int(self.scroll_offset.y) + 3 * self.lines < self.virtual_size.height
        if grows and unseen and now - self._sized < _PATIENCE:
            if self._growing is None:
                self._growing = self.set_timer(_PATIENCE, self._grow)
            return
        self._sized = now
        self.virtual_size = size

    def _grow(self) -> None:
        self._growing = None
        self._sized = 0.0
        self._set_size()

    def _text(self, row: Row, place: int) -> str | None:
        if self.fields[place] == RULE:
            return row.rule
        return row.cells[place] if place < len(row.cells) else None

    # Drawing.

    def render_lines(self, crop: Region) -> list[Strip]:
        # Making it up costs more than a row: once for all of them.
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        x = int(self.scroll_offset.x)
        width = self.size.width
        if y == 0:
            return self._head().crop_extend(x, x + width, self._base)
        row = int(self.scroll_offset.y) + y - 1
        if row >= self.count:
            text = self.empty if y == 2 and not self.count else ""
            style = self.get_component_rich_style("dim")
            return Strip([Segment(f"   {text}", style)]).adjust_cell_length(width, self._base)
        return self._row(row).crop_extend(x, x + width, self._base)

    def _head(self) -> Strip:
        plain = self.get_component_rich_style("head")
        chosen = self.get_component_rich_style("head-cursor")
        segments = [Segment(" " * _GUTTER, plain)]
        for place, (name, width) in enumerate(zip(self.fields, self._fitted, strict=False)):
            style = chosen if place == self.column and self.has_focus else plain
            segments.append(Segment(_cell(_title(name), width, name in _RIGHT) + " ", style))
        return Strip(segments)

    def _row(self, number: int) -> Strip:
        row = self.cache.get(number)
        dark = self.app.current_theme.dark
        base = self._base
        at_cursor = number == self.cursor
        if at_cursor:
            over = self.get_component_rich_style("cursor" if self.has_focus else "cursor-dim")
            base += over if self.has_focus else Style(bgcolor=over.bgcolor)
        if row is None:
            return Strip([Segment("   ·" + " " * max(self.virtual_size.width - 4, 0), base)])
        alert = _coloured(priority_colour(row.priority, dark)) if row.priority >= 0 else None
        marked = row.number in self.marks
        mark = Style(color=word_colour("number", dark), bold=True)
        segments = [
            Segment("✚" if marked else " ", base + mark if marked else base),
            Segment("▌" if alert else " ", base + alert if alert else base),
        ]
        for place, width in enumerate(self._fitted):
            name = self.fields[place]
            text = self._text(row, place)
            style = base + (alert or self._style(name, text, dark, plain=at_cursor))
            if at_cursor and self.has_focus and place == self.column:
                style += Style(underline=True, bold=True)
            if name == "evt.time" and text:
                text = text[:width]
            segments.append(Segment(_cell(text or "", width, name in _RIGHT), style))
            segments.append(Segment(" ", base))
        return Strip(segments)

    def _style(self, name: str, text: str | None, dark: bool, *, plain: bool) -> Style:
        if plain and self.has_focus:
            return Style()
        if name in ("evt.num", "evt.source") or name.startswith(
            ("evt.time", "evt.rel", "evt.date")
        ):
            return _coloured(word_colour("dim", dark))
        if name in ("evt.type", "ka.verb", "ct.name"):
            return _coloured(word_colour("operator", dark))
        if name in ("proc.name", "ka.user.name", "ct.user"):
            return _coloured(word_colour("field", dark))
        return Style()

    def get_content_region(self) -> Region:
        return self.region


@functools.cache
def _coloured(colour: str) -> Style:
    return Style(color=colour)


def _squeezed(widths: list[int], room: int) -> list[int]:
    """The same widths, the widest of them cut so that all have room, as far as that makes sense."""
    most = max(widths, default=0)
    while most > _NARROW and sum(min(width, most) + 1 for width in widths) > room:
        most -= 1
    return [min(width, most) for width in widths]


def _title(name: str) -> str:
    return name.removeprefix("evt.") if name in _SHORT else name


def _cell(text: str, width: int, right: bool) -> str:
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 1 else "…"
    return " " * (width - length) + text if right else text + " " * (width - length)
