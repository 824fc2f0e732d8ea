"""An area of the screen: a strip of tabs, and the pane that is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from workbench.tui.pane import AreaName, Pane, PaneSpec


class AreaTabs(Widget):
    """One line: the titles of an area's panes. Dragged up or down, it resizes (``draggable``)."""

    DEFAULT_CSS = """
    AreaTabs { height: 1; background: $panel; color: $secondary; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"tab", "tab-active", "tab-focus", "tab-note"}
    DEFAULT_CSS += """
    AreaTabs > .tab { color: $secondary; background: $panel; }
    AreaTabs > .tab-active { color: $foreground; background: $panel; text-style: bold; }
    AreaTabs > .tab-focus { color: $background; background: $primary; text-style: bold; }
    AreaTabs > .tab-note { color: $secondary; background: $panel; }
    """

    class Chosen(Message):
        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    class Dragged(Message):
        """The strip was pulled to this line of the screen."""

        def __init__(self, y: int) -> None:
            super().__init__()
            self.y = y

    class Zoom(Message):
        """Clicked twice."""

    def __init__(self, titles: Sequence[tuple[str, str]], *, draggable: bool) -> None:
        super().__init__()
        self.titles = list(titles)
        self.active = titles[0][0] if titles else ""
        self.note = ""
        self.focused = False
        self._draggable = draggable
        self._dragging = False

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        plain = self.get_component_rich_style("tab")
        chosen = self.get_component_rich_style("tab-focus" if self.focused else "tab-active")
        segments = []
        used = 0
        for pane, title in self.titles:
            text = f" {title} "
            style = chosen if pane == self.active else plain
            segments.append(Segment(text, style + Style(meta={"pane": pane})))
            used += cell_len(text)
        left = width - used
        note = self.note if cell_len(self.note) <= left - 2 else ""
        style = self.get_component_rich_style("tab-note")
        segments.append(Segment(" " * max(left - cell_len(note) - 1, 0), style))
        if note:
            segments.append(Segment(f"{note} ", style))
        return Strip(segments).adjust_cell_length(width, style)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        if self._draggable and "pane" not in event.style.meta:
            self._dragging = True
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragging:
            self.post_message(self.Dragged(int(event.screen_y)))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        pane = event.style.meta.get("pane")
        if event.chain == 2:
            self.post_message(self.Zoom())
        elif pane:
            self.post_message(self.Chosen(pane))


class Area(Vertical):
    """Panes of which one is seen."""

    DEFAULT_CSS = """
    Area { height: 1fr; width: 1fr; background: $background; }
    Area Pane { height: 1fr; }
    """

    def __init__(self, name: AreaName, specs: Sequence[PaneSpec]) -> None:
        super().__init__(id=f"area-{name}")
        self.place: AreaName = name
        self.specs = list(specs)
        self.tabs = AreaTabs([(spec.id, spec.title) for spec in specs], draggable=name != "main")
        self.panes: dict[str, Pane] = {}

    def compose(self) -> ComposeResult:
        yield self.tabs
        for place, spec in enumerate(self.specs):
            pane = spec.make()
            pane.id = spec.id
            pane.display = place == 0
            self.panes[spec.id] = pane
            yield pane

    @property
    def active(self) -> Pane | None:
        return self.panes.get(self.tabs.active)

    def show(self, pane: str) -> None:
        if self.tabs.active != pane or not self.panes[pane].display:
            for name, each in self.panes.items():
                each.display = name == pane
            self.tabs.active = pane
            self.tabs.refresh()
            self.call_after_refresh(self.panes[pane].shown)
        self.refresh_note()

    def refresh_note(self) -> None:
        """The pane's subtitle changed, or where the focus is."""
        active = self.active
        note = active.subtitle if active else ""
        focused = active is not None and active.has_focus_within
        if (note, focused) != (self.tabs.note, self.tabs.focused):
            self.tabs.note, self.tabs.focused = note, focused
            self.tabs.refresh()
