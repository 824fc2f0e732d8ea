"""Diff: alerts gained and lost between the rules as saved and as edited."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.diff.pane import DiffPane

PANE = PaneSpec(
    "diff",
    "Diff",
    "low",
    8,
    DiffPane,
    "What your edits change on this capture: alerts gained and lost by rule, with their events. "
    "Beside the rules as saved, or as they were when the capture was opened.",
)
