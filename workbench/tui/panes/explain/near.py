"""The events that a rule misses by one part of its condition, grouped by that part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from workbench.backend.messages import Trouble
from workbench.backend.questions.explain import Missed, MissedBy, MissedValue, Near
from workbench.tui.panes.explain.labels import short
from workbench.tui.theme import word_colour

if TYPE_CHECKING:
    from workbench.tui.panes.explain.pane import ExplainPane

#: Values shown of one part.
_VALUES = 6


class NearMisses(OptionList):
    """The groups, and below each its most frequent values."""

    DEFAULT_CSS = """
    NearMisses { height: 1fr; border: none; background: $background; padding: 0;
        scrollbar-size-vertical: 1; }
    NearMisses:focus { border: none; }
    """

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.missed: Missed | None = None
        self._asked = ""
        self._trouble = ""
        self._entries: list[MissedBy | MissedValue] = []

    def forget(self) -> None:
        """What is known is of other rules or another capture."""
        self.missed, self._asked, self._trouble = None, "", ""

    def look_for(self, pane: ExplainPane, rule: str) -> None:
        """Ask for the near misses of a rule, where they are not known."""
        if self._asked == rule:
            return
        self._asked, self.missed, self._trouble = rule, None, ""
        self.clear_options()

        def known(answer: object, last: bool) -> None:
            assert isinstance(answer, Missed)
            self.missed = answer
            self._show(pane.app.current_theme.dark)
            pane.refresh_shown()

        def refused(trouble: Trouble) -> None:
            self._trouble = trouble.message
            pane.refresh_shown()

        pane.ask(Near(rule), known, refused)

    @property
    def subtitle(self) -> str:
        if self.missed is None:
            return ""
        return f"{sum(group.count for group in self.missed.groups):,} near misses"

    def said(self, rule: str, dark: bool) -> Text:
        """A sentence about what is listed."""
        if not rule:
            return Text("Choose a rule (r) to see the events that it just misses.", "dim")
        if self._trouble:
            return Text(self._trouble, "dim")
        if self.missed is None or self.missed.rule != rule:
            return Text(f"Looking for the near misses of {rule} …", "dim")
        missed = self.missed
        count = sum(group.count for group in missed.groups)
        text = Text()
        text.append(rule, "bold")
        text.append(f" matches {missed.matched:,} events")
        if count:
            text.append(f" and misses {count:,} by one part:", word_colour("number", dark))
        else:
            text.append(" and misses none by one part of its condition.", "dim")
        return text

    def _show(self, dark: bool) -> None:
        self.clear_options()
        self._entries = []
        lines: list[Option] = []
        for group in self.missed.groups if self.missed else ():
            self._entries.append(group)
            line = Text(no_wrap=True, overflow="ellipsis")
            line.append(f"{group.count:>9,}  ", f"bold {word_colour('number', dark)}")
            line.append(short(group.text), "bold")
            where = [*group.inside]
            if group.line:
                where.append(f"{group.file.rpartition('/')[2]}:{group.line}")
            line.append(f"  {', '.join(where)}", "dim")
            lines.append(Option(line))
            for value in group.values[:_VALUES]:
                self._entries.append(value)
                line = Text(f"{value.count:>13,}  ", word_colour("number", dark), no_wrap=True)
                for name, text in zip(group.fields, value.values, strict=True):
                    line.append(f"{name} ", word_colour("field", dark))
                    said = "has no value" if text is None else f"= {short(text, 120)}"
                    line.append(f"{said}  ", "dim" if text is None else "default")
                lines.append(Option(line))
        self.add_options(lines)
        if lines:
            self.highlighted = 0

    def look(self, pane: ExplainPane) -> None:
        """Show the events of the line under the cursor."""
        at = self.highlighted
        if at is None or at >= len(self._entries):
            return
        line = self._entries[at]
        more = line.count - len(line.first)
        note = f"{line.count:,} events miss by this part alone"
        pane.look_at(line.first, f"{note}; the first {len(line.first)} are shown." if more else
                     f"{note}.")  # fmt: skip
