"""Screens over the workspace: the start, help, dialogs."""
