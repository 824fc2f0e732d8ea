"""Process tree: the processes at the cursor's moment, with the alerts they gave until then."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.processes.pane import ProcessesPane

PANE = PaneSpec(
    "processes",
    "Processes",
    "low",
    7,
    ProcessesPane,
    "The tree of processes as it stood at the event under the cursor, with the alerts that each "
    "had given by then. Those that have exited are shown if they gave alerts.",
)
