"""Text from outside, made fit for a screen."""

from __future__ import annotations


def visible(text: str) -> str:
    """What would move the cursor written out."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
