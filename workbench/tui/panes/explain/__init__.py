"""Explain: why a rule fires on the event under the cursor or does not, and what it just misses."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.explain.pane import ExplainPane

PANE = PaneSpec(
    "explain",
    "Explain",
    "low",
    5,
    ExplainPane,
    "Why a rule fires on the event under the cursor or does not: every part of its condition with "
    "the value it saw, the deciding ones lit. And the events that a rule misses by one part.",
)
