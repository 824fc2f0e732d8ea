"""A line to write a condition in: in colour, with completion below it and what is wrong with it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option as Line

from workbench.backend.messages import Trouble
from workbench.editing.conditions import Completion, Vocabulary, complete
from workbench.tui.conditions.highlight import ConditionHighlighter, style_of

#: Characters of a message above which the hint stands for it.
_LONG = 70
#: Seconds after the last key until a condition is looked at.
_PAUSE = 0.25


class _Field(Input):
    """Hands the keys that move among completions to the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Back", show=True),
        Binding("tab", "take", "Complete", show=True, priority=True),
        Binding("down", "move(1)", show=False),
        Binding("up", "move(-1)", show=False),
    ]

    @property
    def line(self) -> ConditionLine:
        assert isinstance(self.parent, ConditionLine)
        return self.parent

    def action_take(self) -> None:
        self.line.take()

    def action_move(self, step: int) -> None:
        self.line.move(step)

    def action_give_up(self) -> None:
        self.line.give_up()


class ConditionLine(Vertical):
    """``Submitted`` when a condition is to be taken, ``Paused`` after a pause in typing, ``Left``
    when the line is done with."""

    DEFAULT_CSS = """
    ConditionLine { height: auto; background: $surface; }
    ConditionLine Input {
        height: 1; border: none; padding: 0 1; background: $surface; color: $foreground;
    }
    ConditionLine Input:focus { border: none; background: $panel; }
    ConditionLine #wrong { height: auto; max-height: 3; color: $error; padding: 0 1 0 3; }
    ConditionLine OptionList {
        overlay: screen; width: 76; max-width: 100%; height: auto; max-height: 10; margin: 0 0 0 2;
        border: none; background: $panel; padding: 0; scrollbar-size-vertical: 1;
    }
    """

    class Submitted(Message):
        def __init__(self, condition: str) -> None:
            super().__init__()
            self.condition = condition

    class Paused(Submitted):
        pass

    class Left(Message):
        pass

    def __init__(self, placeholder: str, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self._highlighter = ConditionHighlighter()
        self._field = _Field(placeholder=placeholder, highlighter=self._highlighter, compact=True)
        self._list = OptionList(compact=True)
        self._wrong = Static(id="wrong")
        self._completion: Completion | None = None
        self._timer: Timer | None = None
        self._quiet = False

    def compose(self) -> ComposeResult:
        yield self._field
        self._list.display = False
        self._list.can_focus = False
        self._wrong.display = False
        yield self._wrong
        yield self._list

    def on_mount(self) -> None:
        self._set_dark()
        self.watch(self.app, "theme", self._set_dark, init=False)

    def _set_dark(self) -> None:
        self._highlighter.dark = self.app.current_theme.dark
        self._field.refresh()

    @property
    def value(self) -> str:
        return self._field.value

    def set_value(self, condition: str) -> None:
        """Show a condition that was chosen elsewhere."""
        if condition != self._field.value:
            self._quiet = True
            self._field.value = condition
            self._field.cursor_position = len(condition)

    def edit(self) -> None:
        """Begin to type."""
        self._field.focus()

    def show_trouble(self, trouble: Trouble | None) -> None:
        """Say below the line what is wrong, with a mark under the place."""
        self._wrong.display = trouble is not None
        if trouble is None:
            return
        text = Text()
        scroll = int(self._field.scroll_offset.x)
        place = trouble.column - 1 - scroll
        if trouble.column and 0 <= place < self._field.size.width - 4:
            text.append(" " * max(place - 2, 0))
        text.append("▲ ")
        # What is expected can be a long list: the way out says it in a few words.
        if trouble.hint and len(trouble.message) > _LONG:
            text.append(trouble.hint)
        else:
            text.append(trouble.message)
            text.append(f"  {trouble.hint}" if trouble.hint else "", style="dim")
        self._wrong.update(text)

    # Typing.

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        if self._quiet:
            self._quiet = False
            return
        self._timer = self.set_timer(_PAUSE, self._pause)
        self._offer()

    def _pause(self) -> None:
        self.post_message(self.Paused(self._field.value))

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._list.display and self._list.highlighted is not None:
            self.take()
            return
        self._hide()
        self.post_message(self.Submitted(self._field.value))

    def give_up(self) -> None:
        if self._list.display:
            self._hide()
        else:
            self.post_message(self.Left())

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._hide()

    # Completing.

    def _offer(self) -> None:
        if not self._field.has_focus:
            return
        found = complete(self._field.value, self._field.cursor_position, self.vocabulary)
        typed = self._field.value[found.start : found.end]
        self._completion = found
        if not found.options or (not typed and not self._field.value):
            self._hide()
            return
        dark = self.app.current_theme.dark
        self._list.clear_options()
        width = min(max(len(option.text) for option in found.options), 34)
        for option in found.options:
            text = Text(no_wrap=True, overflow="ellipsis")
            text.append(option.text.ljust(width), style=style_of(_kind(option.kind), dark))
            text.append(f"  {option.about}", style="dim")
            self._list.add_option(Line(text))
        self._list.highlighted = None
        self._list.display = True

    def _hide(self) -> None:
        self._list.display = False

    def move(self, step: int) -> None:
        if not self._list.display:
            self._offer()
            return
        count = self._list.option_count
        at = self._list.highlighted
        if at is None:
            self._list.highlighted = 0 if step > 0 else count - 1
        else:
            self._list.highlighted = (at + step) % count

    def take(self) -> None:
        """Put the chosen completion (by default the first) in the place of the word."""
        if not self._list.display:
            self._offer()
            return
        completion = self._completion
        if completion is None or not completion.options:
            return
        option = completion.options[self._list.highlighted or 0]
        value = self._field.value
        with_blank = option.text + " "
        self._field.value = value[: completion.start] + with_blank + value[completion.end :]
        self._field.cursor_position = completion.start + len(with_blank)

    @on(OptionList.OptionSelected)
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._list.highlighted = event.option_index
        self.take()
        self._field.focus()


def _kind(kind: str) -> str:
    return "value" if kind == "list" else kind
