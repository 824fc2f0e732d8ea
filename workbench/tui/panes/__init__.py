"""Panes: each module with a ``PANE`` is one. See ``workbench.tui``."""
