"""SQL: ask the capture, see the rows, show their events."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.sql.pane import SqlPane

PANE = PaneSpec(
    "sql",
    "SQL",
    "low",
    9,
    SqlPane,
    "Ask the capture in SQL: a column for every field, processes, connections, files, alerts. F5 "
    "runs the query; the events that a result tells of can be shown.",
)
