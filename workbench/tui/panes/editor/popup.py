"""Completions at the cursor."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option as Line

from workbench.editing.conditions import Completion, Option
from workbench.tui.conditions.highlight import style_of
from workbench.tui.words import visible

_ROWS = 9
_WIDEST = 76
_KIND = {"list": "macro"}


class Popup(OptionList):
    """Hidden while there is nothing to choose from; never focused: the text keeps the keys."""

    DEFAULT_CSS = """
    Popup {
        overlay: screen; constrain: inside inflect; position: absolute;
        width: 76; max-width: 100%; height: auto; max-height: 9;
        border: none; background: $panel; padding: 0; scrollbar-size-vertical: 1;
        scrollbar-background: $panel; scrollbar-color: $border; display: none;
    }
    """

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.can_focus = False
        self.completion: Completion | None = None
        self.chosen = False

    def offer(self, completion: Completion, x: int, y: int, dark: bool) -> None:
        """Show what may be chosen, at a place of the pane."""
        self.completion = completion
        self.chosen = False
        self.clear_options()
        width = min(max((len(option.text) for option in completion.options), default=0), 34)
        lines = []
        for option in completion.options:
            text = Text(no_wrap=True, overflow="ellipsis")
            shown = option.text.rstrip()
            text.append(shown.ljust(width), style_of(_KIND.get(option.kind, option.kind), dark))
            text.append(f"  {visible(' '.join(option.about.split()))}", style="dim")
            lines.append(Line(text))
        self.add_options(lines)
        self.styles.offset = (x, y)
        self.highlighted = 0
        self.display = True

    def hide(self) -> None:
        self.display = False
        self.completion = None

    def move(self, step: int) -> None:
        count = self.option_count
        if count:
            self.highlighted = ((self.highlighted or 0) + step) % count
            self.chosen = True

    @property
    def option(self) -> Option | None:
        completion, at = self.completion, self.highlighted
        if not self.display or completion is None or at is None:
            return None
        return completion.options[at] if at < len(completion.options) else None
