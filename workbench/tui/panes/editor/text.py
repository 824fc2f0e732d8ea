"""The text of a rule file in an editor: colours, remarks under lines, keys."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.document._document_navigator import DocumentNavigator
from textual.message import Message
from textual.strip import Strip
from textual.widgets import TextArea
from textual.widgets.text_area import TextAreaTheme

from workbench.editing.diagnostics import Diagnostic, in_short
from workbench.editing.outline import Outline, outline
from workbench.editing.tokens import Tokens
from workbench.tui.panes.editor.noted import NotedDocument
from workbench.tui.theme import priority_colour, word_colour
from workbench.tui.words import visible

#: Lines longer than this are not wrapped but run out of sight.
_WRAPPED = 2000
#: Rows that a remark may take.
_MOST_ROWS = 3
_MARK = {"error": "✖", "warning": "▲", "note": "●"}
_GRAVE = {"error": 0, "warning": 1, "note": 2}
#: Kinds of tokens that have another name among the colours.
_COLOURS = {"value": "string", "punctuation": "dim", "mark": "dim",
            "comment": "comment", "text": "name"}  # fmt: skip


class RuleText(TextArea):
    """One file. ``Paused`` after a pause in typing, ``Typed`` at each change, ``Left`` for Escape.

    ``hold`` is asked first what a key means (while completions are shown).
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+a", "select_all", show=False),
        Binding("ctrl+k", "delete_to_end_of_line", show=False),
    ]
    DEFAULT_CSS = """
    RuleText { border: none; padding: 0; height: 1fr; background: $background;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1;
        scrollbar-background: $background; scrollbar-color: $border; }
    RuleText:focus { border: none; }
    RuleText > .text-area--gutter { color: $secondary 60%; background: $background; }
    RuleText > .text-area--cursor-gutter { color: $accent; background: $surface; }
    RuleText > .text-area--cursor-line { background: $surface; }
    RuleText > .text-area--selection { background: $block-cursor-background; }
    RuleText > .text-area--cursor { background: $foreground; color: $background; }
    RuleText > .text-area--matching-bracket { background: $panel; text-style: bold; }
    """

    class Typed(Message):
        def __init__(self, text: RuleText) -> None:
            super().__init__()
            self.editor = text

    class Moved(Message):
        """The cursor is elsewhere."""

        def __init__(self, text: RuleText) -> None:
            super().__init__()
            self.editor = text

    class Left(Message):
        pass

    def __init__(self, text: str) -> None:
        self.found: list[Diagnostic] = []
        self._by_line: dict[int, list[Diagnostic]] = {}
        self._notes: dict[int, list[tuple[str, str]]] = {}
        self._outline: Outline | None = None
        self._tokens: Tokens | None = None
        #: The character that was typed last, until something else happens.
        self.typed = ""
        self._count = 0
        self.hold: Callable[[str], bool] = lambda key: False
        #: Names of lists: where they are used they have the colour of macros.
        self.lists: frozenset[str] = frozenset()
        super().__init__(
            text,
            show_line_numbers=True,
            tab_behavior="indent",
            soft_wrap=all(len(line) <= _WRAPPED for line in text.splitlines()),
            highlight_cursor_line=True,
            compact=True,
            max_checkpoints=2000,
        )
        self.indent_width = 2
        self.cursor_blink = False

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._repaint)

    def _repaint(self) -> None:
        """Textual's own style of the cursor's line would take the colours from its words."""
        name = f"falcowb {self.app.theme}"
        surface = Color.parse(self.app.current_theme.surface or "black").rich_color
        self.register_theme(TextAreaTheme(name, cursor_line_style=Style(bgcolor=surface)))
        self.theme = name
        self._line_cache.clear()
        self.refresh()

    # The document.

    def _set_document(self, text: str, language: str | None) -> None:
        super()._set_document(text, language)
        self.wrapped_document = NotedDocument(self.document, tab_width=self.indent_width)
        self.navigator = DocumentNavigator(self.wrapped_document)
        self._count = self.document.line_count
        self._rewrap_and_refresh_virtual_size()

    def _refresh_size(self) -> None:
        super()._refresh_size()
        if not self.soft_wrap:
            self.virtual_size = self.virtual_size.with_height(self.wrapped_document.height)

    def _build_highlight_map(self) -> None:
        """The text changed."""
        self._outline = self._tokens = None
        self._line_cache.clear()

    @property
    def lines(self) -> Sequence[str]:
        return self.document.lines

    @property
    def outline(self) -> Outline:
        if self._outline is None:
            self._outline = outline(self.document.lines)
        return self._outline

    def put(self, text: str) -> None:
        """Take another text, so that it can be undone; the cursor stays where it is."""
        if text == self.text:
            return
        row, column = self.cursor_location
        old, new = self.document.lines, text.splitlines() or [""]
        if text.endswith("\n"):
            new.append("")
        top = 0
        while top < min(len(old), len(new)) and old[top] == new[top]:
            top += 1
        end = 0
        while end < min(len(old), len(new)) - top and old[-1 - end] == new[-1 - end]:
            end += 1
        # Whole lines from ``top`` on, with the end of the line before or behind them.
        middle = new[top : len(new) - end]
        self.history.checkpoint()
        if end:
            piece = "".join(line + "\n" for line in middle)
            self.replace(piece, (top, 0), (len(old) - end, 0), maintain_selection_offset=False)
        elif top:
            piece = "".join("\n" + line for line in middle)
            place = (top - 1, len(old[top - 1]))
            self.replace(piece, place, self.document.end, maintain_selection_offset=False)
        else:
            self.replace("\n".join(middle), (0, 0), self.document.end)
        self.history.checkpoint()
        row = min(row, self.document.line_count - 1)
        self.move_cursor((row, min(column, len(self.document[row]))))

    def go(self, line: int, column: int = 0) -> None:
        """Put the cursor at a place and show it with what is around it."""
        line = min(max(line, 0), self.document.line_count - 1)
        self.move_cursor((line, min(column, len(self.document[line]))), center=True)

    # Remarks.

    def set_diagnostics(self, found: Sequence[Diagnostic]) -> None:
        """What is wrong: under the words, below their lines, and in the gutter."""
        self.found = list(found)
        self._by_line = {}
        for each in found:
            self._by_line.setdefault(each.line, []).append(each)
        self._lay_notes()

    def _lay_notes(self) -> None:
        document = self.wrapped_document
        assert isinstance(document, NotedDocument)
        width = max(self.scrollable_content_region.width - self.gutter_width - 4, 20)
        self._notes = {}
        for line, several in self._by_line.items():
            rows: list[tuple[str, str]] = []
            for each in several[:_MOST_ROWS]:
                indent = min(each.column, max(width - 60, 0))
                said = f"{_MARK[each.severity]} {visible(in_short(each.text, each.hint))}"
                wrapped = textwrap.wrap(said, max(width - indent, 20), subsequent_indent="  ")
                rows += [(each.severity, " " * indent + row) for row in wrapped[:_MOST_ROWS]]
            self._notes[line] = rows[: 2 * _MOST_ROWS]
        document.set_notes({line: len(rows) for line, rows in self._notes.items()})
        self._line_cache.clear()
        self._refresh_size()
        self._recompute_cursor_offset()  # type: ignore[no-untyped-call] # Textual's own
        self.refresh()

    def _on_resize(self) -> None:
        super()._on_resize()
        if self._by_line:
            self._lay_notes()
        self.call_after_refresh(self.scroll_cursor_visible)

    # Drawing.

    def get_line(self, line_index: int) -> Text:
        line = Text(self.document.get_line(line_index), end="", no_wrap=True)
        if self._tokens is None:
            self._tokens = Tokens(self.outline)
        dark = self.app.current_theme.dark
        for start, end, kind in self._tokens.of(line_index):
            line.stylize(self._style(kind, line.plain[start:end], dark), start, end)
        for each in self._by_line.get(line_index, ()):
            colour = priority_colour(2 if each.severity == "error" else 4, dark)
            if each.severity == "note":
                colour = word_colour("dim", dark)
            strong = each.severity == "error" and not each.whole
            line.stylize(
                Style(color=colour if strong else None, underline=True), each.column, each.end
            )
        return line

    def _style(self, kind: str, said: str, dark: bool) -> Style:
        if kind == "name":
            return Style(color=word_colour("name", dark), bold=True)
        if kind == "priority":
            names = ("EMERG", "ALERT", "CRIT", "ERROR", "WARN", "NOTICE", "INFO", "DEBUG")
            low = said.strip().upper()
            found = next((n for n, name in enumerate(names) if low.startswith(name)), 7)
            return Style(color=priority_colour(found, dark), bold=True)
        if kind == "value" and said.strip() in self.lists:
            kind = "macro"
        return Style(color=word_colour(_COLOURS.get(kind, kind), dark))

    def _render_line(self, y: int) -> Strip:
        document = self.wrapped_document
        assert isinstance(document, NotedDocument)
        row = y + int(self.scroll_offset.y)
        note = document.note_at(row)
        if note is None:
            strip = super()._render_line(y)
            if not self.soft_wrap:
                # Textual makes every line as long as the longest.
                strip = strip.crop(0, self.size.width)
            return self._marked(strip, row)
        line, which = note
        rows = self._notes.get(line, [])
        severity, said = rows[which] if which < len(rows) else ("note", "")
        base = self._theme.base_style if self._theme else None
        style = (base or Style()) + self._severity_style(severity)
        return Strip(
            [Segment(" " * self.gutter_width, base), Segment(said, style + Style(italic=True))]
        ).adjust_cell_length(self.size.width, base)

    def _marked(self, strip: Strip, row: int) -> Strip:
        """With a mark in the gutter where something is wrong with the line."""
        info = self.wrapped_document._offset_to_line_info
        if row >= len(info) or info[row][1] or info[row][0] not in self._by_line:
            return strip
        worst = min(self._by_line[info[row][0]], key=lambda each: _GRAVE[each.severity])
        gutter, rest = strip.divide([self.gutter_width, strip.cell_length])
        number = gutter.text.rstrip()
        base = self._theme.base_style if self._theme else None
        style = (base or Style()) + self._severity_style(worst.severity)
        segments = [Segment(number, style), Segment(f"{_MARK[worst.severity]} ", style)]
        return Strip.join([Strip(segments).adjust_cell_length(self.gutter_width), rest])

    def _severity_style(self, severity: str) -> Style:
        dark = self.app.current_theme.dark
        if severity == "note":
            return Style(color=word_colour("dim", dark))
        return Style(color=priority_colour(2 if severity == "error" else 4, dark))

    # Keys.

    async def _on_key(self, event: events.Key) -> None:
        self.typed = event.character if event.is_printable and event.character else ""
        if self.hold(event.key):
            event.stop()
            event.prevent_default()
            return
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left())
            return
        if event.key == "enter" and not self.read_only:
            event.stop()
            event.prevent_default()
            self._new_line()
            return
        if event.key == "shift+tab":
            event.stop()
            event.prevent_default()
            self._outdent()
            return
        if event.key == "tab" and not self.read_only and self.selection.start != self.selection.end:
            event.stop()
            event.prevent_default()
            self._indent()
            return
        await super()._on_key(event)

    def _new_line(self) -> None:
        """The next line begins where this one does; below the head of a block further in."""
        row, column = self.cursor_location
        before = self.document[row][:column]
        indent = len(before) - len(before.lstrip(" "))
        bare = before.rstrip()
        if before.lstrip().startswith("- ") and bare.endswith((":", ">", "|")):
            indent += 4
        elif (
            bare.endswith((": >", ": |", ": >-", ": |-"))
            or (bare.endswith(":") and not before.lstrip().startswith("#"))
            or (before.lstrip().startswith("- ") and ":" in before)
        ):
            indent += 2
        start, end = self.selection
        self._replace_via_keyboard("\n" + " " * indent, start, end)

    def _rows_selected(self) -> range:
        first, last = sorted((self.selection.start[0], self.selection.end[0]))
        return range(first, last + 1)

    def _indent(self) -> None:
        for row in self._rows_selected():
            if self.document[row].strip():
                self.insert("  ", (row, 0), maintain_selection_offset=True)

    def _outdent(self) -> None:
        for row in self._rows_selected():
            line = self.document[row]
            width = min(len(line) - len(line.lstrip(" ")), 2)
            if width and not self.read_only:
                self.delete((row, 0), (row, width), maintain_selection_offset=True)

    def action_comment(self) -> None:
        """Make the chosen lines comments, or take the marks away."""
        rows = [row for row in self._rows_selected() if self.document[row].strip()]
        if not rows or self.read_only:
            return
        every = all(self.document[row].lstrip().startswith("#") for row in rows)
        indent = min(len(self.document[r]) - len(self.document[r].lstrip()) for r in rows)
        for row in rows:
            line = self.document[row]
            at = line.index("#") if every else indent
            if not every:
                self.insert("# ", (row, indent), maintain_selection_offset=True)
            else:
                width = 2 if line[at : at + 2] == "# " else 1
                self.delete((row, at), (row, at + width), maintain_selection_offset=True)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._follow_lines()
        self.post_message(self.Typed(self))
        self.post_message(self.Moved(self))

    def _follow_lines(self) -> None:
        """Lines were put in or taken out: what is wrong moves along until it is said anew."""
        more = self.document.line_count - self._count
        self._count = self.document.line_count
        if not more or not self.found:
            return
        edited = self.cursor_location[0] - max(more, 0)
        self.set_diagnostics(
            [
                replace(each, line=each.line + more) if each.line > edited else each
                for each in self.found
                if not edited < each.line <= edited - more
            ]
        )

    def on_text_area_selection_changed(self, event: TextArea.SelectionChanged) -> None:
        event.stop()
        self.post_message(self.Moved(self))
