"""Rules: what is loaded, what it matches, what it costs, and what is wrong with it."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.rules.pane import RulesPane

PANE = PaneSpec(
    "rules",
    "Rules",
    "side",
    3,
    RulesPane,
    "The rules by file and source, with the events that each matches, what it costs, and what is "
    "wrong with it. Rules are turned on and off here.",
)
