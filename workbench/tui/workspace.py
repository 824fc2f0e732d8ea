"""The arrangement of panes: two areas beside each other, one below; all sizes can be changed.

Narrow terminals put the areas one over the other, short ones show the lower area only while it has
the focus. One area can be maximised.
"""

from __future__ import annotations

from collections.abc import Iterator

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.message import Message
from textual.widget import Widget

from workbench.tui.area import Area, AreaTabs
from workbench.tui.pane import AreaName, Pane, PaneSpec
from workbench.tui.state import State

#: Below so many columns the side area goes below the main one; below so many lines the low area
#: gives way.
NARROW, SHORT = 100, 30
_LEAST, _MOST = 15, 85
_STEP = 5


class Splitter(Widget):
    """The line between the two upper areas, to be dragged."""

    DEFAULT_CSS = """
    Splitter { width: 1; height: 1fr; background: $background; color: $border; }
    Splitter:hover { color: $primary; }
    """

    class Dragged(Message):
        def __init__(self, x: int) -> None:
            super().__init__()
            self.x = x

    def render(self) -> str:
        return "│" * max(self.size.height, 1)

    def on_mouse_down(self) -> None:
        self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self.app.mouse_captured is self:
            self.post_message(self.Dragged(int(event.screen_x)))

    def on_mouse_up(self) -> None:
        self.release_mouse()


class Workspace(Vertical):
    """All panes."""

    DEFAULT_CSS = """
    Workspace { height: 1fr; }
    Workspace #upper { layout: horizontal; height: 1fr; }
    Workspace.-narrow #upper { layout: vertical; }
    Workspace.-narrow Splitter { display: none; }
    Workspace.-hide-side #area-side, Workspace.-hide-side Splitter { display: none; }
    Workspace.-hide-low #area-low { display: none; }
    Workspace.-only-main #area-side, Workspace.-only-main Splitter, Workspace.-only-main #area-low
        { display: none; }
    Workspace.-only-side #area-main, Workspace.-only-side Splitter, Workspace.-only-side #area-low
        { display: none; }
    Workspace.-only-low #upper { display: none; }
    Workspace.-only-low #area-low { height: 1fr; }
    """

    def __init__(self, specs: list[PaneSpec], state: State) -> None:
        super().__init__(id="workspace")
        self._state = state
        by_area: dict[AreaName, list[PaneSpec]] = {"main": [], "side": [], "low": []}
        for spec in specs:
            by_area[spec.area].append(spec)
        self.areas = {name: Area(name, found) for name, found in by_area.items() if found}
        self.specs = specs
        self._split = state.get("workspace", "split", default=62)
        self._low = state.get("workspace", "low", default=30)
        self.maximised: AreaName | None = None
        self._before_low: AreaName | None = None

    def compose(self) -> ComposeResult:
        with Container(id="upper"):
            for name in ("main", "side"):
                if name == "side" and "side" in self.areas:
                    yield Splitter()
                if name in self.areas:
                    yield self.areas[name]
        if "low" in self.areas:
            yield self.areas["low"]

    def on_mount(self) -> None:
        shown = self._state.get("workspace", "shown", default=[])
        for pane in shown:
            area = self.area_of(str(pane))
            if area is not None:
                area.show(str(pane))
        self.lay_out()

    def on_resize(self) -> None:
        self.lay_out()

    @property
    def panes(self) -> Iterator[Pane]:
        for area in self.areas.values():
            yield from area.panes.values()

    def area_of(self, pane: str) -> Area | None:
        return next((area for area in self.areas.values() if pane in area.panes), None)

    @property
    def focused_area(self) -> Area | None:
        return next((area for area in self.areas.values() if area.has_focus_within), None)

    def show(self, pane: str, *, focus: bool = True) -> None:
        """Bring a pane to sight."""
        area = self.area_of(pane)
        if area is None:
            return
        area.show(pane)
        if self.maximised is not None and self.maximised != area.place:
            self.maximised = area.place if focus else self.maximised
        if focus:
            self._focus_area(area)
        self._keep()

    def _focus_area(self, area: Area) -> None:
        self._low_wanted = area.place == "low"
        self.lay_out()
        if area.active is not None:
            area.active.take_focus()
        self.call_after_refresh(self.refresh_notes)

    def focus_next(self, step: int) -> None:
        """The pane of the next area, or the one before."""
        places = [area for area in self.areas.values() if not self._hidden(area)]
        focused = self.focused_area
        at = places.index(focused) if focused in places else -step
        self._focus_area(places[(at + step) % len(places)])

    def _hidden(self, area: Area) -> bool:
        return self.maximised is not None and area.place != self.maximised

    # Sizes.

    _low_wanted = False

    def lay_out(self) -> None:
        width, height = self.size
        if not width:
            return
        narrow, short = width < NARROW, height < SHORT
        self.set_class(narrow, "-narrow")
        has_low = "low" in self.areas
        hide_low = has_low and short and not self._low_wanted
        came = self.has_class("-hide-low") and not hide_low
        self.set_class(hide_low, "-hide-low")
        if came and (pane := self.areas["low"].active) is not None:
            self.call_after_refresh(pane.shown)
        self.set_class(short and self._low_wanted and has_low and narrow, "-hide-side")
        for name in ("main", "side", "low"):
            self.set_class(self.maximised == name, f"-only-{name}")
        main, side, low = (self.areas.get(name) for name in ("main", "side", "low"))
        split = min(max(self._split, _LEAST), _MOST)
        for area, share in ((main, split), (side, 100 - split)):
            if area is not None:
                area.styles.width = "1fr" if narrow else f"{share}fr"
                area.styles.height = f"{share}fr" if narrow else "1fr"
        if low is not None:
            share = min(max(self._low, _LEAST), _MOST)
            low.styles.height = "1fr" if self.maximised == "low" else f"{share}%"

    def grow(self, across: int, down: int) -> None:
        """Make the focused area larger (or smaller) by steps."""
        area = self.focused_area
        place = area.place if area else "main"
        narrow = self.has_class("-narrow")
        if narrow and place != "low":
            across, down = down, 0
        self._split += _STEP * across * (-1 if place == "side" else 1)
        self._low += _STEP * down * (1 if place == "low" else -1)
        self._split = min(max(self._split, _LEAST), _MOST)
        self._low = min(max(self._low, _LEAST), _MOST)
        self.lay_out()
        self._keep()

    def toggle_maximised(self) -> None:
        area = self.focused_area
        if self.maximised is not None:
            self.maximised = None
        elif area is not None:
            self.maximised = area.place
        self.lay_out()

    def on_splitter_dragged(self, event: Splitter.Dragged) -> None:
        self._split = round(100 * (event.x - self.region.x) / max(self.size.width, 1))
        self.lay_out()
        self._keep()

    def on_area_tabs_dragged(self, event: AreaTabs.Dragged) -> None:
        from_top = event.y - self.region.y
        height = max(self.size.height, 1)
        low = self.areas.get("low")
        if low is not None and event.control is low.tabs:
            self._low = round(100 * (height - from_top) / height)
        elif self.has_class("-narrow"):
            self._split = round(100 * from_top / height)
        self.lay_out()
        self._keep()

    def on_area_tabs_chosen(self, event: AreaTabs.Chosen) -> None:
        self.show(event.pane)

    def on_area_tabs_zoom(self, event: AreaTabs.Zoom) -> None:
        self.toggle_maximised()

    def on_descendant_focus(self) -> None:
        area = self.focused_area
        if area is not None and (area.place == "low") != self._low_wanted:
            self._low_wanted = area.place == "low"
            self.lay_out()
        self.refresh_notes()

    def on_descendant_blur(self) -> None:
        self.call_after_refresh(self.refresh_notes)

    def refresh_notes(self) -> None:
        for area in self.areas.values():
            area.refresh_note()

    def _keep(self) -> None:
        self._state.put("workspace", "split", value=self._split)
        self._state.put("workspace", "low", value=self._low)
        shown = [area.tabs.active for area in self.areas.values()]
        self._state.put("workspace", "shown", value=shown)
