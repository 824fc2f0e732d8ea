"""Events: a table over all of them, a filter line, marks, jumps, following."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.events.pane import EventsPane

PANE = PaneSpec(
    "events",
    "Events",
    "main",
    1,
    EventsPane,
    "All events, or those that a condition chooses; the one under the cursor is what other panes "
    "speak of.",
)
