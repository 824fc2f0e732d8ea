"""Detail: all there is to know of the event under the cursor."""

from __future__ import annotations

import json
from typing import ClassVar

from rich.cells import chop_cells, set_cell_size
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from workbench.backend.messages import Trouble
from workbench.backend.questions.detail import (
    Detail,
    EventDetail,
    FieldValue,
    Files,
    OpenFiles,
)
from workbench.backend.questions.rules import Judged
from workbench.editing.words import narrowed, quoted
from workbench.tui.bench import EventRef
from workbench.tui.pane import Pane, PaneSpec
from workbench.tui.theme import PRIORITIES, priority_colour, word_colour
from workbench.tui.words import visible

_TABS = ("Fields", "Arguments", "Raw", "Process", "Files")
#: Families and fields in the order in which one looks for them.
_FAMILIES = ("ka", "ct", "proc", "fd", "fs", "user", "container", "evt")
_FIRST = (
    "evt.type", "evt.res", "evt.failed", "evt.time", "evt.datetime",
    "proc.name", "proc.pid", "proc.cmdline", "proc.exepath", "proc.cwd", "proc.pname", "proc.ppid",
    "proc.pcmdline", "proc.aname", "proc.tty", "proc.sname",
    "fd.name", "fd.num", "fd.type", "fd.typechar", "fd.l4proto", "fd.sip", "fd.sport", "fd.cip",
    "fd.cport", "user.name", "user.uid", "user.loginname", "container.id", "container.name",
)  # fmt: skip
_NOTHING = ("", "<NA>", "-1")
#: Seconds after which the event is asked for: who holds a key down passes many.
_PAUSE = 0.1
#: Lines of one value that are shown.
_MOST_LINES = 8
#: Characters of a payload that are shown.
_MOST_RAW = 200_000


class DetailPane(Pane):
    """See the module."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Part before", show=False),
        Binding("right", "tab(1)", "Next part", key_display="←→"),
        Binding("equals_sign", "narrow('=')", "Only this value", key_display="="),
        Binding("minus", "narrow('!=')", "Without this value", show=False, key_display="-"),
        Binding("plus", "column", "Add as column", key_display="+"),
        Binding("c", "copy", "Copy the value"),
    ]
    DEFAULT_CSS = """
    DetailPane #parts { height: 1; padding: 0 1; background: $surface; }
    DetailPane #alerts { height: auto; max-height: 8; padding: 0 1; }
    DetailPane OptionList { height: 1fr; border: none; background: $background; padding: 0;
        scrollbar-size-vertical: 1; }
    DetailPane OptionList:focus { border: none; }
    DetailPane VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._parts = Static(id="parts")
        self._alerts = Static(id="alerts")
        self._list = OptionList(compact=True)
        self._text = Static()
        self._scroll = VerticalScroll(self._text)
        self._scroll.can_focus = True
        self.part = 0
        self.detail: EventDetail | None = None
        self._files: Files | None = None
        self._values: list[FieldValue | None] = []
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        yield self._parts
        yield self._alerts
        yield self._list
        yield self._scroll

    def on_mount(self) -> None:
        part = self.remembered("part", 0)
        self.part = part if isinstance(part, int) and 0 <= part < len(_TABS) else 0
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    def on_resize(self) -> None:
        if self.part < 2:
            self.call_after_refresh(self._draw)

    def take_focus(self) -> None:
        (self._list if self._list.display else self._scroll).focus()
        if self._list.display and self._list.highlighted is None:
            self._list.action_first()

    @property
    def subtitle(self) -> str:
        detail = self.detail
        return f"{detail.type} {detail.number:,}" if detail else ""

    # Events.

    def event_chosen(self, event: EventRef) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._fetch)

    def judged(self, judged: Judged) -> None:
        if judged.complete:
            self._fetch()

    def engine_restarted(self) -> None:
        self._fetch()

    def _fetch(self) -> None:
        event = self.bench.event
        if event is None:
            return

        def known(answer: object, last: bool) -> None:
            assert isinstance(answer, EventDetail)
            self.detail = answer
            self._draw()
            self.app.refresh_notes()

        def refused(trouble: Trouble) -> None:
            self._alerts.update(Text(trouble.message, style="bold"))

        self.ask(Detail(event.number, event.source), known, refused)

    # Drawing.

    @property
    def _dark(self) -> bool:
        return self.app.current_theme.dark

    def action_tab(self, step: int) -> None:
        self.part = (self.part + step) % len(_TABS)
        self.remember("part", self.part)
        focused = self.has_focus_within
        self._draw()
        if focused:
            self.take_focus()

    def _draw(self) -> None:
        self._draw_parts()
        detail = self.detail
        self._list.display = self.part < 2
        self._scroll.display = self.part >= 2
        if detail is None:
            self._alerts.display = False
            return
        self._draw_alerts(detail)
        if self.part == 0:
            self._draw_fields(detail)
        elif self.part == 1:
            self._draw_values([("", detail.arguments)], "no arguments")
        elif self.part == 2:
            self._text.update(_payload(detail))
        elif self.part == 3:
            self._text.update(self._ancestry(detail))
        else:
            self._draw_files(detail)

    def _draw_parts(self) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        for place, name in enumerate(_TABS):
            colour = word_colour("field", self._dark) if place == self.part else ""
            style = f"bold underline {colour}" if colour else "dim"
            text.append(name, style=style)
            text.append("  ")
        self._parts.update(text, layout=False)

    def _draw_alerts(self, detail: EventDetail) -> None:
        self._alerts.display = bool(detail.alerts)
        if not detail.alerts:
            return  # Most events: nothing to be laid out anew.
        text = Text()
        for alert in detail.alerts:
            if text:
                text.append("\n")
            style = priority_colour(alert.priority, self._dark)
            text.append(f"▌{PRIORITIES[alert.priority]}  {alert.rule}", style=f"bold {style}")
            if not alert.first:
                text.append("  (an earlier rule alerts)", style="dim")
            text.append(f"\n  {alert.message}")
        self._alerts.update(text)

    def _draw_fields(self, detail: EventDetail) -> None:
        known = dict(detail.families)
        names = [name for name in _FAMILIES if name in known]
        names += [name for name in known if name not in names]
        self._draw_values([(name, _in_order(known[name])) for name in names], "no fields")

    def _draw_values(
        self, groups: list[tuple[str, tuple[FieldValue, ...]]], otherwise: str
    ) -> None:
        values: list[FieldValue | None] = []
        lines: list[Option] = []
        room = max(self._list.size.width - 2, 20)
        longest = max(
            (len(_short(one, name)) for name, family in groups for one in family), default=0
        )
        width = min(longest, max(room * 2 // 5, 10))
        for name, family in groups:
            if name:
                values.append(None)
                lines.append(Option(Text(f"─ {name} ", style="dim bold"), disabled=True))
            for value in family:
                values.append(value)
                lines.append(Option(self._line(_short(value, name), value.text, width, room)))
        if not lines:
            values.append(None)
            lines.append(Option(Text(f" {otherwise}", style="dim"), disabled=True))
        at = self._list.highlighted
        kept = self._values[at] if at is not None and at < len(self._values) else None
        self._values = values
        self._list.clear_options()
        self._list.add_options(lines)
        # The same field of the next event, so that one can be watched while moving.
        for place, one in enumerate(values):
            if one is not None and kept is not None and one.name == kept.name:
                self._list.highlighted = place
                break

    def _line(self, name: str, text: str, width: int, room: int) -> Text:
        """A field and its value, which goes on below itself where it is long."""
        line = Text(" ")
        line.append(set_cell_size(name, width), style=word_colour("field", self._dark))
        line.append("  ")
        if not text:
            return line.append("(empty)", style="dim")
        value = visible(text)
        style = "dim" if value in _NOTHING else ""
        left = max(room - width - 3, 10)
        parts = chop_cells(value, left)[:_MOST_LINES]
        line.append(("\n" + " " * (width + 3)).join(parts), style=style)
        if sum(map(len, parts)) < len(value):
            line.append(" …", style="dim")
        return line

    def _ancestry(self, detail: EventDetail) -> Text | Table:
        if not detail.ancestry:
            return Text("This event has no process.", style="dim")
        text = Text()
        for place, process in enumerate(reversed(detail.ancestry)):
            own = process.depth == 0
            text.append("  " * place + ("└ " if place else ""), style="dim")
            text.append(process.name or "?", style=f"bold {word_colour('field', self._dark)}")
            text.append(f"  {process.pid}", style="dim")
            text.append(f"  {process.user}", style=word_colour("macro", self._dark))
            text.append("  ←\n" if own else "\n", style="bold")
            text.append("  " * (place + 1) + f"{process.command}\n", style="" if own else "dim")
        return text

    def _draw_files(self, detail: EventDetail) -> None:
        """They take a walk: they are asked for when they are to be seen."""
        known = self._files
        if known is not None and known.number == detail.number:
            self._text.update(self._table_of_files(known))
            return
        self._text.update(Text("looking …", style="dim"))

        def found(answer: object, last: bool) -> None:
            assert isinstance(answer, Files)
            self._files = answer
            if self.part == 4 and self.detail and self.detail.number == answer.number:
                self._text.update(self._table_of_files(answer))

        def refused(trouble: Trouble) -> None:
            self._text.update(Text(trouble.message, style="dim"))

        self.ask(OpenFiles(detail.number, detail.source), found, refused)

    def _table_of_files(self, known: Files) -> Text | Table:
        if known.files is None:
            return Text("This event has no process.", style="dim")
        if not known.files:
            return Text("No open file is known of the process.", style="dim")
        table = Table(box=None, padding=(0, 1), show_edge=False, header_style="dim")
        table.add_column("fd", justify="right")
        table.add_column("type")
        table.add_column("name", overflow="fold")
        for file in known.files:
            table.add_row(str(file.number), file.type, Text(file.name))
        return table

    # Doing.

    @property
    def _value(self) -> FieldValue | None:
        at = self._list.highlighted
        if self.part > 1 or at is None or at >= len(self._values):
            return None
        return self._values[at]

    def _field(self) -> str | None:
        """The name of the chosen field, as a condition has it."""
        value = self._value
        if value is None:
            return None
        return f"evt.arg.{value.name}" if self.part == 1 else value.name

    def action_narrow(self, operator: str) -> None:
        value, field = self._value, self._field()
        if value is None or field is None:
            return
        if value.text.startswith("(") and value.text.endswith(")"):
            check = f"{'not ' if operator == '!=' else ''}{field} in {value.text}"
        else:
            check = f"{field} {operator} {quoted(value.text)}"
        self.bench.narrow(condition=narrowed(self.bench.view.condition, check))

    def action_column(self) -> None:
        field = self._field()
        if field is not None:
            self.app.add_column(field)

    def action_copy(self) -> None:
        value = self._value
        if value is not None:
            self.app.copy_to_clipboard(value.text)
            self.bench.notify(f"Copied {value.name}.")
        elif self.part == 2 and self.detail is not None:
            self.app.copy_to_clipboard(self.detail.raw.decode("utf-8", "replace"))
            self.bench.notify("Copied the payload.")


def _short(value: FieldValue, family: str) -> str:
    """A name below the name of its family."""
    return value.name.removeprefix(f"{family}.") if family else value.name


def _in_order(family: tuple[FieldValue, ...]) -> tuple[FieldValue, ...]:
    """What is looked for first, then the others, those that say nothing last."""
    places = {name: place for place, name in enumerate(_FIRST)}

    def rank(value: FieldValue) -> tuple[bool, int]:
        return value.text in _NOTHING, places.get(value.name, len(places))

    return tuple(sorted(family, key=rank))


def _payload(detail: EventDetail) -> Text:
    """JSON in order, or bytes as hex and text."""
    if not detail.raw:
        data = "\n".join(f"{each.name} = {each.text}" for each in detail.arguments)
        return Text(data or "This event has no payload.", style="" if data else "dim")
    try:
        shown = json.dumps(json.loads(detail.raw), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return Text(_hex(detail.raw[: _MOST_RAW // 16]))
    text = Text(shown[:_MOST_RAW])
    text.highlight_regex(r'"[^"\n]*"(?=\s*:)', "cyan")
    if len(shown) > _MOST_RAW:
        text.append(f"\n… {len(shown) - _MOST_RAW:,} more characters", style="dim")
    return text


def _hex(data: bytes) -> str:
    lines = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  {shown}")
    return "\n".join(lines)


PANE = PaneSpec(
    "detail",
    "Detail",
    "side",
    2,
    DetailPane,
    "The event under the cursor: its fields by family, arguments, payload, the process and those "
    "above it, open files.",
)
