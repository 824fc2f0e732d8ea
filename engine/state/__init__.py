"""Processes and files as the events tell of them: Falco's state, as tables."""
