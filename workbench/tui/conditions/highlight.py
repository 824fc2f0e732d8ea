"""Conditions in colour."""

from __future__ import annotations

from rich.highlighter import Highlighter
from rich.style import Style
from rich.text import Text

from workbench.editing.words import words
from workbench.tui.theme import word_colour

_COLOURS = {"value": "string", "punctuation": "dim"}


def style_of(kind: str, dark: bool) -> Style:
    """The style of a kind of word."""
    return Style(color=word_colour(_COLOURS.get(kind, kind), dark))


def coloured(condition: str, dark: bool) -> Text:
    """A condition as a text in colour."""
    text = Text(condition)
    colour(text, dark)
    return text


def colour(text: Text, dark: bool) -> None:
    for word in words(text.plain):
        text.stylize(style_of(word.kind, dark), word.start, word.end)


class ConditionHighlighter(Highlighter):
    """For an input line. ``dark`` may be changed."""

    def __init__(self) -> None:
        self.dark = True

    def highlight(self, text: Text) -> None:
        colour(text, self.dark)
