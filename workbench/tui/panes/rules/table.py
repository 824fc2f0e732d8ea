"""The lines of the rules pane on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from workbench.tui.panes.rules.lines import Line
from workbench.tui.theme import PRIORITIES, priority_colour, word_colour

_HITS, _TIME, _ROWS, _PRIORITY = 8, 8, 8, 9
#: From so many columns on there is room for: what a rule costs, its priority's name.
_WITH_COST, _WITH_PRIORITY = 62, 50


class RuleLines(ScrollView, can_focus=True):
    """``Moved`` tells of the cursor, ``Chosen`` of Enter or a second click, ``Switch`` of a click
    on a rule's mark."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "edge(0)", show=False),
        Binding("end", "edge(1)", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"head", "cursor", "cursor-dim", "dim"}
    DEFAULT_CSS = """
    RuleLines { height: 1fr; background: $background; scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0; scrollbar-background: $background;
        scrollbar-color: $border; scrollbar-color-hover: $primary; }
    RuleLines > .head { color: $secondary; background: $background; text-style: bold; }
    RuleLines > .cursor { background: $block-cursor-background;
        color: $block-cursor-foreground; }
    RuleLines > .cursor-dim { background: $panel; }
    RuleLines > .dim { color: $secondary; }
    """

    class Moved(Message):
        pass

    class Chosen(Message):
        pass

    class Switch(Message):
        pass

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[Line] = []
        self.cursor = 0
        self.empty = ""
        self.costs = False

    @property
    def chosen(self) -> Line | None:
        return self.lines[self.cursor] if self.cursor < len(self.lines) else None

    def show(self, lines: Sequence[Line], empty: str) -> None:
        """Other lines; the cursor stays on what it was on, where that is still there."""
        before = self.chosen
        self.lines, self.empty = list(lines), empty
        place = next(
            (n for n, line in enumerate(self.lines) if before and line.key == before.key),
            min(self.cursor, max(len(self.lines) - 1, 0)),
        )
        self.virtual_size = Size(1, len(self.lines) + 1)
        self.cursor = place
        self._follow()
        self.refresh()
        self.post_message(self.Moved())

    def go_to(self, key: str) -> None:
        """Put the cursor on a line."""
        for place, line in enumerate(self.lines):
            if line.key == key:
                self._to(place)

    # Moving.

    def _to(self, place: int) -> None:
        if self.lines:
            self.cursor = min(max(place, 0), len(self.lines) - 1)
            self._follow()
            self.refresh()
            self.post_message(self.Moved())

    def _follow(self) -> None:
        top, rows = int(self.scroll_offset.y), max(self.size.height - 1, 1)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + rows:
            self.scroll_to(y=self.cursor - rows + 1, animate=False, force=True)

    def action_move(self, step: int) -> None:
        self._to(self.cursor + step)

    def action_page(self, step: int) -> None:
        self._to(self.cursor + step * max(self.size.height - 2, 1))

    def action_edge(self, last: int) -> None:
        self._to(len(self.lines) - 1 if last else 0)

    def key_enter(self) -> None:
        self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        row = int(self.scroll_offset.y) + int(event.y) - 1
        if event.y < 1 or row >= len(self.lines):
            return
        self._to(row)
        line = self.lines[row]
        if line.kind == "rule" and 2 * line.depth <= event.x <= 2 * line.depth + 1:
            self.post_message(self.Switch())
        elif event.chain == 2 or line.kind in ("file", "source"):
            self.post_message(self.Chosen())

    def on_resize(self) -> None:
        self.call_after_refresh(self._follow)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    # Drawing.

    def _columns(self) -> list[tuple[str, int]]:
        """What stands at the right of the names: what, and how wide."""
        width = self.size.width
        columns = [("hits", _HITS)]
        if width >= _WITH_PRIORITY:
            columns.insert(0, ("priority", _PRIORITY))
        if self.costs and width >= _WITH_COST:
            columns += [("time", _TIME), ("rows", _ROWS)]
        elif self.costs:
            columns += [("time", _TIME)]
        return columns

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._head(width)
        row = int(self.scroll_offset.y) + y - 1
        if row >= len(self.lines):
            text = self.empty if y == 2 and not self.lines else ""
            style = self.get_component_rich_style("dim")
            return Strip([Segment(f"   {text}", style)]).adjust_cell_length(width, self.rich_style)
        return self._line(row, width)

    def _head(self, width: int) -> Strip:
        style = self.get_component_rich_style("head")
        columns = self._columns()
        left = max(width - sum(each + 1 for _, each in columns) - 1, 4)
        text = "  rule".ljust(left)
        for name, room in columns:
            text += " " + (name.ljust(room) if name == "priority" else name.rjust(room))
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)

    def _line(self, row: int, width: int) -> Strip:
        line = self.lines[row]
        dark = self.app.current_theme.dark
        base = self.rich_style
        if row == self.cursor:
            over = self.get_component_rich_style("cursor" if self.has_focus else "cursor-dim")
            base += over if self.has_focus else Style(bgcolor=over.bgcolor)
        dim = base + Style(color=word_colour("dim", dark))
        off = line.rule is not None and not line.rule.enabled
        columns = self._columns()
        left = max(width - sum(each + 1 for _, each in columns) - 1, 4)
        name = [Segment("  " * line.depth, base), *self._mark(line, base, dark)]
        title = base + Style(bold=True) if line.kind == "file" else base
        if line.kind == "source":
            title = base + Style(color=word_colour("type", dark))
        if line.kind == "problem":
            title = base + Style(color=priority_colour(2 if line.errors else 4, dark))
        name.append(Segment(line.title, dim if off else title))
        if line.changed:
            name.append(Segment(" ●", base + Style(color=word_colour("number", dark))))
        if line.errors:
            name.append(Segment(f" ✖{line.errors}", base + Style(color=priority_colour(2, dark))))
        if line.warnings:
            name.append(Segment(f" ▲{line.warnings}", base + Style(color=priority_colour(4, dark))))
        if line.kind in ("file", "source"):
            many = f"{line.count}" if line.on == line.count else f"{line.on} of {line.count}"
            name.append(Segment(f"  {many} rules", dim))
        segments = list(_cut(name, left, base))
        for what, room in columns:
            segments.append(Segment(" ", base))
            segments.append(self._cell(what, room, line, base, dim, dark))
        return Strip(segments).adjust_cell_length(width, base)

    def _mark(self, line: Line, base: Style, dark: bool) -> list[Segment]:
        if line.kind in ("file", "source"):
            return [Segment("▸ " if line.folded else "▾ ", base)]
        if line.rule is None:
            colour = priority_colour(2 if line.errors else 4, dark)
            return [Segment("✖ " if line.errors else "▲ ", base + Style(color=colour))]
        if not line.rule.enabled:
            return [Segment("○ ", base + Style(color=word_colour("dim", dark)))]
        colour = priority_colour(line.rule.priority, dark)
        return [Segment("● ", base + Style(color=colour))]

    def _cell(
        self, what: str, room: int, line: Line, base: Style, dim: Style, dark: bool
    ) -> Segment:
        if what == "priority":
            if line.rule is None:
                return Segment(" " * room, base)
            name = PRIORITIES[line.rule.priority].replace("Informational", "Info").ljust(room)
            colour = Style(color=priority_colour(line.rule.priority, dark))
            return Segment(name, base + colour if line.rule.enabled else dim)
        if what == "hits":
            if line.hits is None:
                return Segment(" " * room, base)
            text = f"{line.hits:,}".rjust(room)
            if not line.hits:
                return Segment(text, dim)
            strong = Style(bold=True)
            if line.rule is not None:
                strong += Style(color=priority_colour(line.rule.priority, dark))
            return Segment(text, base + strong)
        if line.cost is None:
            return Segment(" " * room, base)
        text = _time(line.cost.nanoseconds) if what == "time" else _count(line.cost.rows)
        return Segment(text.rjust(room), dim)


def _time(nanoseconds: float) -> str:
    """For an event."""
    if nanoseconds < 1:
        return f"{nanoseconds:.1f} ns"
    return f"{nanoseconds:.0f} ns" if nanoseconds < 1000 else f"{nanoseconds / 1000:.1f} µs"


def _count(rows: int) -> str:
    if rows < 100_000:
        return f"{rows:,}"
    return f"{rows / 1e3:.0f} k" if rows < 1_000_000 else f"{rows / 1e6:.1f} M"


def _cut(segments: Sequence[Segment], room: int, base: Style) -> list[Segment]:
    """In exactly so many cells; what is too long loses the end of its longest part."""
    length = sum(cell_len(each.text) for each in segments)
    if length <= room:
        return [*segments, Segment(" " * (room - length), base)]
    parts = list(segments)
    longest = max(range(len(parts)), key=lambda place: cell_len(parts[place].text))
    keep = max(cell_len(parts[longest].text) - (length - room) - 1, 3)
    parts[longest] = Segment(set_cell_size(parts[longest].text, keep) + "…", parts[longest].style)
    return list(Strip(parts).adjust_cell_length(room, base))
