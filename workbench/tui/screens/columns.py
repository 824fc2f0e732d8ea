"""Choosing the columns of the events pane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Label, OptionList
from textual.widgets.option_list import Option

from workbench.backend.questions.catalogue import FieldFacts
from workbench.tui.screens.dialogs import DIALOG_CSS, Menu, Prompt

#: Fields that are offered at a time.
_MOST = 300


class Columns(ModalScreen[list[str] | None]):
    """Fields to the left, the chosen ones in order to the right. Gives the new columns."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel"),
        Binding("ctrl+s", "done", "Done", priority=True),
        Binding("tab", "app.focus_next", "Other list", show=True),
        Binding("ctrl+up", "shift(-1)", "Move up", priority=True),
        Binding("ctrl+down", "shift(1)", "Move down", priority=True),
        Binding("delete", "remove", "Remove"),
        Binding("ctrl+l", "layouts", "Layouts", priority=True),
        Binding("ctrl+k", "save", "Save as", priority=True),
    ]
    DEFAULT_CSS = f"""
    Columns {{ {DIALOG_CSS} }}
    Columns > Vertical {{
        width: 110; max-width: 96%; height: 80%; background: $panel; padding: 0 1;
        border: round $primary; border-title-color: $primary; border-title-style: bold;
    }}
    Columns Horizontal {{ height: 1fr; }}
    Columns #fields {{ width: 2fr; }}
    Columns #chosen {{ width: 1fr; margin-left: 1; }}
    Columns Input {{ border: none; height: 1; background: $surface; padding: 0 1; }}
    Columns Input:focus {{ border: none; }}
    Columns OptionList {{ height: 1fr; border: none; background: $surface; padding: 0; }}
    Columns Label {{ color: $secondary; height: 1; }}
    """

    def __init__(
        self,
        chosen: Sequence[str],
        fields: Sequence[FieldFacts],
        layouts: Mapping[str, Sequence[str]],
        save: object,
    ) -> None:
        super().__init__()
        self._chosen = list(chosen)
        self._fields = list(fields)
        self._layouts = layouts
        self._save = save
        self._offered: list[FieldFacts] = []
        self._left = OptionList(compact=True, id="offered")
        self._right = OptionList(compact=True, id="taken")

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Columns"
            with Horizontal():
                with Vertical(id="fields"):
                    yield Input(placeholder="find a field; enter adds or removes", compact=True)
                    yield self._left
                with Vertical(id="chosen"):
                    yield Label("shown, in order")
                    yield self._right
            yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        self._offer("")
        self._show_chosen(0)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._offer(event.value)

    def _offer(self, typed: str) -> None:
        words = typed.lower().split()
        found = [
            each
            for each in self._fields
            if all(word in f"{each.name} {each.description}".lower() for word in words)
        ]
        if typed:
            found.sort(key=lambda each: (typed.lower() not in each.name, each.name))
        self._offered = found[:_MOST]
        at = self._left.highlighted
        self._left.clear_options()
        for each in self._offered:
            mark = "✓ " if each.name in self._chosen else "  "
            text = Text(mark + each.name.ljust(30), no_wrap=True, overflow="ellipsis")
            text.append(f" {each.description}", style="dim")
            self._left.add_option(Option(text))
        if self._offered:
            self._left.highlighted = min(at or 0, len(self._offered) - 1)

    def _show_chosen(self, at: int) -> None:
        self._right.clear_options()
        self._right.add_options([Option(Text(name)) for name in self._chosen])
        if self._chosen:
            self._right.highlighted = min(max(at, 0), len(self._chosen) - 1)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        at = self._left.highlighted
        typed = event.value.strip()
        # What is written out in full wins: fields with an argument, transformers.
        if typed and ("[" in typed or "(" in typed):
            self._toggle(typed)
        elif at is not None and self._offered:
            self._toggle(self._offered[at].name)

    @on(OptionList.OptionSelected, "#offered")
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self._toggle(self._offered[event.option_index].name)

    @on(OptionList.OptionSelected, "#taken")
    def _unselected(self, event: OptionList.OptionSelected) -> None:
        self._toggle(self._chosen[event.option_index])

    def _toggle(self, name: str) -> None:
        at = self._right.highlighted or 0
        if name in self._chosen:
            self._chosen.remove(name)
        else:
            self._chosen.append(name)
            at = len(self._chosen) - 1
        self._show_chosen(at)
        self._offer(self.query_one(Input).value)

    def action_remove(self) -> None:
        at = self._right.highlighted
        if self._right.has_focus and at is not None and self._chosen:
            self._toggle(self._chosen[at])

    def action_shift(self, step: int) -> None:
        at = self._right.highlighted
        if at is None:
            return
        to = at + step
        if 0 <= to < len(self._chosen):
            self._chosen[at], self._chosen[to] = self._chosen[to], self._chosen[at]
            self._show_chosen(to)

    def action_layouts(self) -> None:
        def took(name: str | None) -> None:
            if name is not None:
                self._chosen = list(self._layouts[name])
                self._show_chosen(0)
                self._offer(self.query_one(Input).value)

        options = [(name, name, ", ".join(fields)) for name, fields in self._layouts.items()]
        self.app.push_screen(Menu("Layouts", options), took)

    def action_save(self) -> None:
        def took(name: str | None) -> None:
            if name and callable(self._save):
                self._save(name, list(self._chosen))
                self.notify(f"Layout '{name}' is saved.", markup=False)

        self.app.push_screen(Prompt("Save these columns as"), took)

    def action_done(self) -> None:
        self.dismiss(self._chosen or None)

    def action_cancel(self) -> None:
        self.dismiss(None)
