"""Editor: rule files written against the capture."""

from __future__ import annotations

from workbench.tui.pane import PaneSpec
from workbench.tui.panes.editor.pane import EditorPane

PANE = PaneSpec(
    "editor",
    "Editor",
    "main",
    4,
    EditorPane,
    "Rule files, as they are on disk: fields, macros and lists completed, what is wrong said under "
    "its line, and the whole capture judged again after a pause in typing.",
)
