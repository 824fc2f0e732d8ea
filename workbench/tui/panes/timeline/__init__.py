"""Timeline: events and alerts over time; scrub, zoom, choose a range, play."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.timeline.pane import TimelinePane

PANE = PaneSpec(
    "timeline",
    "Timeline",
    "low",
    6,
    TimelinePane,
    "Events a second and alerts by priority over time. Move through it, play it at any speed, run "
    "to the next hit of a rule; all other panes follow.",
)
