"""Draft: from events to rules, from false alarms to exceptions, and all alerts in a file."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.draft.pane import DraftPane

PANE = PaneSpec(
    "draft",
    "Draft",
    "low",
    10,
    DraftPane,
    "From marked events a rule that they satisfy and few others do, and a test of it. From a false "
    "alarm a narrow exception, with all that it would silence. And all alerts as Falco JSON.",
)
