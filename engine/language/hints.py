"""What to say to whoever wrote a condition that does not parse."""

from __future__ import annotations


def hint_for(text: str, index: int, token: str, expected: tuple[str, ...]) -> str:
    """A sentence about the error at ``index``; empty where there is nothing useful to add."""
    if not expected:
        return ""
    return "expected " + ", ".join(expected)
