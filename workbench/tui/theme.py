"""Colours: a dark and a light theme, and those of priorities."""

from __future__ import annotations

from textual.theme import Theme

DARK, LIGHT = "falcowb-dark", "falcowb-light"

THEMES = (
    Theme(
        name=DARK,
        primary="#58a6ff",
        secondary="#8b9eb7",
        accent="#f0b35e",
        foreground="#d6dee8",
        background="#0f141b",
        surface="#141b24",
        panel="#1c2531",
        success="#5ec488",
        warning="#e6b450",
        error="#ff6b70",
        dark=True,
        variables={
            "footer-key-foreground": "#f0b35e",
            "footer-background": "#141b24",
            "block-cursor-background": "#264b73",
            "block-cursor-foreground": "#ffffff",
            "block-cursor-text-style": "none",
            "input-selection-background": "#264b73",
            "border": "#2b3746",
        },
    ),
    Theme(
        name=LIGHT,
        primary="#0b62c4",
        secondary="#5b6b7f",
        accent="#a85b00",
        foreground="#1d2630",
        background="#fbfcfd",
        surface="#f1f4f7",
        panel="#e4e9ef",
        success="#1d7f46",
        warning="#8a6100",
        error="#c0262d",
        dark=False,
        variables={
            "footer-key-foreground": "#a85b00",
            "footer-background": "#f1f4f7",
            "block-cursor-background": "#bcd8f7",
            "block-cursor-foreground": "#0c1620",
            "block-cursor-text-style": "none",
            "input-selection-background": "#bcd8f7",
            "border": "#c5ced9",
        },
    ),
)

#: By priority (0 Emergency … 7 Debug): names, and colours on dark and on light.
PRIORITIES = (
    "Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug",
)  # fmt: skip
_DARK = (
    "#ff5fd2", "#ff5f87", "#ff6b70", "#ff8f5e", "#f0c35e", "#6cc7f5", "#7fd6a4", "#93a1b3",
)  # fmt: skip
_LIGHT = (
    "#b0128a", "#b81550", "#c0262d", "#b54708", "#8a6100", "#0b62a8", "#1d7f46", "#5b6b7f",
)  # fmt: skip


def priority_colour(priority: int, dark: bool) -> str:
    """The colour of a priority."""
    return (_DARK if dark else _LIGHT)[min(max(priority, 0), 7)]


#: Parts of a condition and of values: name to colour.
_WORDS_DARK = {
    "field": "#7cc5ff", "operator": "#c9a4f5", "keyword": "#f08fb0", "macro": "#8fd6a8",
    "string": "#e5c07b", "number": "#e09f6b", "comment": "#6b7a8d", "error": "#ff6b70",
    "dim": "#6b7a8d", "type": "#8fd6a8", "name": "#d6dee8", "key": "#8b9eb7",
}  # fmt: skip
_WORDS_LIGHT = {
    "field": "#0b62c4", "operator": "#7233b5", "keyword": "#b0175a", "macro": "#1d7f46",
    "string": "#8a5a00", "number": "#9a4a00", "comment": "#758295", "error": "#c0262d",
    "dim": "#758295", "type": "#1d7f46", "name": "#1d2630", "key": "#5b6b7f",
}  # fmt: skip


def word_colour(what: str, dark: bool) -> str:
    """The colour of a kind of word."""
    return (_WORDS_DARK if dark else _WORDS_LIGHT)[what]
