"""Small dialogs: a line of text, a choice from a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Generic, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

T = TypeVar("T")

#: What all dialogs look like.
DIALOG_CSS = """
    align: center middle; background: $background 60%;
"""


class Prompt(ModalScreen[str | None]):
    """Asks for a line. ``check`` says what is wrong with one, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Cancel")]
    DEFAULT_CSS = f"""
    Prompt {{ {DIALOG_CSS} }}
    Prompt > Vertical {{
        width: 64; max-width: 94%; height: auto; background: $panel; padding: 1 2;
        border: round $primary; border-title-color: $primary; border-title-style: bold;
    }}
    Prompt Input {{ border: none; height: 1; background: $surface; padding: 0 1; }}
    Prompt Input:focus {{ border: none; }}
    Prompt #help {{ color: $secondary; margin-top: 1; width: 100%; }}
    Prompt #wrong {{ color: $error; width: 100%; display: none; }}
    """

    def __init__(
        self,
        title: str,
        help_: str = "",
        value: str = "",
        check: Callable[[str], str] = lambda text: "",
    ) -> None:
        super().__init__()
        self._title = title
        self._help = help_
        self._value = value
        self._check = check

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            yield Input(self._value, compact=True)
            yield Label(id="wrong")
            if self._help:
                yield Label(self._help, id="help", markup=False)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        wrong = self._check(event.value)
        label = self.query_one("#wrong", Label)
        label.display = bool(wrong)
        if wrong:
            label.update(Text(wrong))
        else:
            self.dismiss(event.value)

    def action_dismiss(self, result: str | None = None) -> None:  # type: ignore[override] # no await
        self.dismiss(result)


class Menu(ModalScreen[T | None], Generic[T]):
    """A choice from a list; typing narrows it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Cancel"),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("up", "move(-1)", show=False, priority=True),
    ]
    DEFAULT_CSS = f"""
    Menu {{ {DIALOG_CSS} }}
    Menu > Vertical {{
        width: 90; max-width: 94%; height: auto; max-height: 80%; background: $panel;
        border: round $primary; border-title-color: $primary; border-title-style: bold;
        padding: 0 1;
    }}
    Menu Input {{ border: none; height: 1; background: $surface; padding: 0 1; margin: 0 0 1 0; }}
    Menu Input:focus {{ border: none; }}
    Menu OptionList {{
        height: auto; max-height: 20; border: none; background: $panel; padding: 0;
    }}
    """

    def __init__(self, title: str, options: Sequence[tuple[T, str, str]]) -> None:
        """``options``: what is given back, its name, and what it is about."""
        super().__init__()
        self._title = title
        self._options = list(options)
        self._shown: list[tuple[T, str, str]] = []
        self._list = OptionList(compact=True)

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            yield Input(placeholder="type to narrow", compact=True)
            self._list.can_focus = False
            yield self._list

    def on_mount(self) -> None:
        self._narrow("")

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        self._narrow(event.value)

    def _narrow(self, typed: str) -> None:
        words = typed.lower().split()
        self._shown = [
            option
            for option in self._options
            if all(word in f"{option[1]} {option[2]}".lower() for word in words)
        ]
        width = max((len(option[1]) for option in self._shown), default=0)
        self._list.clear_options()
        for _, name, about in self._shown:
            text = Text(name.ljust(min(width, 40)), no_wrap=True, overflow="ellipsis")
            text.append(f"  {about}", style="dim")
            self._list.add_option(Option(text))
        self._list.highlighted = 0 if self._shown else None

    def action_move(self, step: int) -> None:
        if self._shown:
            at = self._list.highlighted or 0
            self._list.highlighted = (at + step) % len(self._shown)

    @on(Input.Submitted)
    def _submitted(self) -> None:
        at = self._list.highlighted
        if at is not None:
            self.dismiss(self._shown[at][0])

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index][0])

    def action_dismiss(self, result: T | None = None) -> None:  # type: ignore[override] # no await
        self.dismiss(result)
