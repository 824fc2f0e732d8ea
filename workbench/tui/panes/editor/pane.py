"""The editor; see the package."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.timer import Timer
from textual.widgets import OptionList, Static

from capture.errors import FalcowbError
from workbench.backend.messages import Trouble
from workbench.backend.questions.catalogue import FieldList
from workbench.backend.questions.events import View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import Judged, Rules
from workbench.backend.questions.writing import LaidOut, LayOut
from workbench.editing.completions import completions
from workbench.editing.definitions import about_at, definition_at
from workbench.editing.diagnostics import diagnostics
from workbench.tui.pane import Pane
from workbench.tui.panes.editor.buffer import Buffer, opened
from workbench.tui.panes.editor.known import Known
from workbench.tui.panes.editor.popup import Popup
from workbench.tui.panes.editor.text import RuleText
from workbench.tui.screens.dialogs import Menu, Prompt
from workbench.tui.theme import word_colour
from workbench.tui.words import visible

#: Seconds of a pause in typing after which the capture is judged by what is written.
_PAUSE = 0.3
#: How often files are looked at for changes by others (seconds).
_LOOK = 1.0
#: Unsaved texts larger than this are not kept for the next run.
_MOST_KEPT = 1 << 20
_STARTS_COMPLETION = frozenset("._%[") | frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)


class EditorPane(Pane):
    """``buffers`` are the open files by path; ``path`` is the one that is shown."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave", key_display="esc"),
        Binding("ctrl+s", "save", "Save"),
        Binding("f2", "definition", "Definition"),
        Binding("f3", "back", "Back", show=False),
        Binding("f4", "lay_out", "Format"),
        Binding("f8", "problem", "Next problem"),
        Binding("f9", "choose", "Go to a rule"),
        Binding("ctrl+space,ctrl+@", "complete", "Complete", show=False, key_display="^space"),
        Binding("f10", "hits", "Its events"),
        Binding("ctrl+f", "find", "Find", show=False, priority=True),
        Binding("ctrl+g", "find_next", "Find next", show=False),
        Binding("ctrl+r", "reload", "Load from disk", show=False),
        Binding("ctrl+underscore,ctrl+slash", "comment", "Comment", show=False, key_display="^/"),
        Binding("alt+z", "wrap", "Wrap lines", show=False),
    ]
    DEFAULT_CSS = """
    EditorPane #head { height: 1; padding: 0 1; background: $surface; }
    EditorPane #banner { height: auto; max-height: 3; padding: 0 1; background: $warning 25%;
        display: none; }
    EditorPane #texts { height: 1fr; }
    EditorPane #about { height: 1; padding: 0 1; color: $secondary; background: $surface; }
    EditorPane #nothing { height: 1fr; padding: 1 2; color: $secondary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.buffers: dict[str, Buffer] = {}
        self.path = ""
        self.known = Known()
        self.popup = Popup()
        self._head, self._banner = Static(id="head"), Static(id="banner")
        self._about, self._nothing = Static(id="about"), Static(id="nothing")
        self._texts = Vertical(id="texts")
        self._timer: Timer | None = None
        self._back: list[tuple[str, int, int]] = []
        self._before: dict[str, int] = {}
        self._needle = ""

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._banner
        yield self._nothing
        yield self._texts
        yield self._about
        yield self.popup

    def on_mount(self) -> None:
        self.set_interval(_LOOK, self._look)
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    def take_focus(self) -> None:
        if self.buffer is not None:
            self.buffer.text.focus()
        else:
            self.can_focus = True
            self.focus()

    @property
    def buffer(self) -> Buffer | None:
        return self.buffers.get(self.path)

    @property
    def subtitle(self) -> str:
        buffer = self.buffer
        if buffer is None:
            return ""
        line, column = buffer.text.cursor_location
        unsaved = sum(each.changed for each in self.buffers.values())
        more = f"{unsaved} unsaved  " if unsaved else ""
        return f"{more}{line + 1}:{column + 1}"

    # What happens elsewhere.

    def case_opened(self, opened: Opened) -> None:
        for buffer in self.buffers.values():
            buffer.text.remove()
        self.buffers, self.path, self._back, self._before = {}, "", [], {}
        kept = self.bench.remembered("unsaved", default={})
        restored = []
        for path, text in kept.items():
            if isinstance(text, str) and Path(path).is_file():
                self.bench.texts[path] = text
                restored.append(Path(path).name)
        if restored:
            self.bench.notify(f"Unsaved edits of {', '.join(restored)} are back.")
        self._draw()

    def fields_known(self, fields: FieldList) -> None:
        self.known.fields(fields)

    def rules_loaded(self, rules: Rules) -> None:
        self.known.rules(rules)
        self._know()
        for buffer in self.buffers.values():
            text = self.bench.texts.get(buffer.path)
            if text is not None and text != buffer.judged:
                buffer.judged = text
                buffer.text.put(text)  # Another pane drafted something.
            if buffer.text.text == buffer.judged:
                lines = buffer.text.lines
                buffer.text.set_diagnostics(diagnostics(rules.said, buffer.path, lines))
        if self.display:
            self._open_first()
        self._draw()

    def judged(self, judged: Judged) -> None:
        if judged.complete and not self.bench.texts:
            self._before = dict(judged.matches)
        self._draw()

    def place_chosen(self, file: str, line: int, column: int) -> None:
        if self.open(file):
            assert self.buffer is not None
            self.buffer.text.go(line - 1, column - 1)
            self.app.show_pane(self.id or "")

    def shown(self) -> None:
        self._open_first()

    def _open_first(self) -> None:
        rules = self.bench.rules
        if self.buffer is None and rules is not None and rules.files:
            kept = self.bench.remembered("edited", default="")
            self.open(kept if kept in rules.files else rules.files[-1])

    # Files.

    def open(self, path: str) -> bool:
        """Show a file, from where one can come back; whether it could be opened."""
        here = self.buffer
        if here is not None:
            self._back = [*self._back[-99:], (here.path, *here.text.cursor_location)]
        if path not in self.buffers:
            try:
                buffer = opened(path, self.bench.texts.get(path))
            except FalcowbError as error:
                self.bench.notify(str(error), severity="error")
                return False
            buffer.text.hold = self._hold
            self.buffers[path] = buffer
            self._texts.mount(buffer.text)
            self._know()
            if self.bench.rules is not None and buffer.text.text == buffer.judged:
                said = diagnostics(self.bench.rules.said, path, buffer.text.lines)
                self.call_after_refresh(buffer.text.set_diagnostics, said)
        had_focus = self.has_focus_within
        self.path = path
        for each in self.buffers.values():
            each.text.display = each.path == path
        if had_focus:
            self.buffers[path].text.focus()
        self.bench.remember("edited", path)
        self._draw()
        return True

    def _look(self) -> None:
        """Whether others changed files."""
        if self.bench.opened is None:
            return
        for buffer in self.buffers.values():
            found = buffer.look()
            if found == "same" or (found == buffer.outside == "gone"):
                continue
            was, buffer.outside = buffer.outside, found
            if found == "changed" and (was == "gone" or not buffer.changed):
                self._take_theirs(buffer)
            elif found == "gone":
                self._judge(buffer, anyway=True)
        if self.known.others_changed(self.buffers):
            self.bench.load_rules()
        self._draw()

    def _take_theirs(self, buffer: Buffer) -> None:
        """The file changed, and nothing of ours is lost by that."""
        if buffer.text.text != buffer.saved.text:
            return
        try:
            buffer.load()
        except FalcowbError as error:
            self.bench.notify(str(error), severity="error")
            return
        self.bench.notify(f"{Path(buffer.path).name} was changed on disk and is loaded again.")
        self._sent(buffer, None)

    def action_save(self) -> None:
        buffer = self.buffer
        if buffer is None or buffer.problem:
            return
        if buffer.look() != "changed":
            self._save(buffer)
            return

        def chosen(what: str | None) -> None:
            if what == "write":
                self._save(buffer)
            elif what == "load":
                self._load(buffer)

        name = Path(buffer.path).name
        self.app.push_screen(
            Menu(
                f"{name} was changed on disk meanwhile",
                [
                    ("write", "Write mine", "What the others wrote is lost"),
                    ("load", "Load theirs", "Undo (^z) brings mine back"),
                ],
            ),
            chosen,
        )

    def _save(self, buffer: Buffer) -> None:
        try:
            buffer.save()
        except FalcowbError as error:
            self.bench.notify(str(error), severity="error")
            return
        self.bench.notify(f"{Path(buffer.path).name} is saved.")
        self._sent(buffer, None)

    def action_reload(self) -> None:
        if self.buffer is not None:
            self._load(self.buffer)

    def _load(self, buffer: Buffer) -> None:
        try:
            buffer.load()
        except FalcowbError as error:
            self.bench.notify(str(error), severity="error")
            return
        self._sent(buffer, None)

    # Typing.

    @on(RuleText.Typed)
    def _typed(self, event: RuleText.Typed) -> None:
        event.stop()
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._paused)
        if self.popup.display or event.editor.typed in _STARTS_COMPLETION:
            self._offer(asked=False)
        self._draw()

    def _paused(self) -> None:
        for buffer in self.buffers.values():
            self._judge(buffer)

    def _judge(self, buffer: Buffer, *, anyway: bool = False) -> None:
        text = buffer.text.text
        if text != buffer.judged or anyway:
            self._sent(buffer, text if buffer.changed else None)

    def _sent(self, buffer: Buffer, text: str | None) -> None:
        """Judge by what the editor holds."""
        buffer.judged = buffer.text.text
        self._know()
        self.bench.edit(buffer.path, text)
        kept = {path: each for path, each in self.bench.texts.items() if len(each) < _MOST_KEPT}
        self.bench.remember("unsaved", kept)
        self._draw()

    def _know(self) -> None:
        lists = self.known.look({path: each.text.text for path, each in self.buffers.items()})
        for buffer in self.buffers.values():
            buffer.text.lists = lists

    # Completion.

    def _hold(self, key: str) -> bool:
        """Keys that are the list's while it is shown."""
        popup = self.popup
        if not popup.display:
            return False
        if key in ("up", "down"):
            popup.move(1 if key == "down" else -1)
        elif key == "tab" or (key == "enter" and popup.chosen):
            self._take()
        elif key == "escape":
            popup.hide()
        else:
            if key in ("enter", "left", "right", "home", "end", "pageup", "pagedown"):
                popup.hide()
            return False
        return True

    def action_complete(self) -> None:
        self._offer(asked=True)

    def _offer(self, *, asked: bool) -> None:
        buffer = self.buffer
        if buffer is None or not buffer.text.has_focus or buffer.problem:
            return
        text = buffer.text
        line, column = text.cursor_location
        found = completions(text.lines, line, column, self.known.names, text.outline)
        if not found.options or (found.start == found.end and not asked):
            self.popup.hide()
            return
        x, y = text.cursor_screen_offset
        start = x - (found.end - found.start) - self.region.x
        self.popup.offer(found, max(start, 0), y + 1 - self.region.y, self.dark)

    def _take(self) -> None:
        option, found, buffer = self.popup.option, self.popup.completion, self.buffer
        self.popup.hide()
        if option is None or found is None or buffer is None:
            return
        line, _ = buffer.text.cursor_location
        buffer.text.replace(
            option.text, (line, found.start), (line, found.end), maintain_selection_offset=False
        )
        buffer.text.move_cursor((line, found.start + len(option.text)))

    @on(OptionList.OptionSelected, "Popup")
    def _clicked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take()

    @on(RuleText.Moved)
    def _moved(self, event: RuleText.Moved) -> None:
        event.stop()
        found = self.popup.completion
        if found is not None and not found.start <= event.editor.cursor_location[1]:
            self.popup.hide()
        self._draw()

    @on(RuleText.Left)
    def _left(self, event: RuleText.Left) -> None:
        event.stop()
        self.action_leave()

    def action_leave(self) -> None:
        """Keys are commands again."""
        self.app.action_next_area(1)

    def on_descendant_blur(self) -> None:
        self.popup.hide()

    # Going elsewhere.

    def action_definition(self) -> None:
        buffer = self.buffer
        if buffer is None:
            return
        line, column = buffer.text.cursor_location
        found = definition_at(buffer.text.lines, line, column, self.known.definitions)
        if found is None:
            self.bench.notify("No macro, list or rule of this name is in the rule files.")
        elif self.open(found.file):
            self.buffers[found.file].text.go(found.line, found.column)

    def action_back(self) -> None:
        if not self._back:
            self.bench.notify("There is no place to go back to.")
            return
        path, line, column = self._back.pop()
        if path in self.buffers or Path(path).is_file():
            self.open(path)
            self._back.pop()
            self.buffers[path].text.go(line, column)

    def action_problem(self) -> None:
        """The next error or warning of the file, from the top again after the last."""
        buffer = self.buffer
        if buffer is None or not buffer.text.found:
            self.bench.notify("Nothing is wrong with this file.")
            return
        places = [(each.line, each.column) for each in buffer.text.found]
        here = buffer.text.cursor_location
        buffer.text.go(*next((place for place in places if place > here), places[0]))

    def action_choose(self) -> None:
        """A rule, macro or list of any file, or a file."""
        options: list[tuple[tuple[str, int], str, str]] = [
            ((each.file, each.line), each.name, f"{each.kind}  {Path(each.file).name}")
            for each in sorted(self.known.definitions.every, key=lambda one: one.kind != "rule")
        ]
        files = self.bench.rules.files if self.bench.rules else ()
        options += [((file, 0), Path(file).name, f"file  {file}") for file in files]
        if not options:
            self.bench.notify("No rule files are loaded: start with -r FILE.")
            return

        def chosen(place: tuple[str, int] | None) -> None:
            if place is not None and self.open(place[0]):
                self.buffers[place[0]].text.go(place[1])
                self.take_focus()

        self.app.push_screen(Menu("Go to", options), chosen)

    def action_hits(self) -> None:
        """The events that the rule at the cursor matches."""
        name = self._rule()
        if name:
            self.bench.look(View(rule=name))
            self.bench.notify(f"Events of {name} are shown.")

    def action_find(self) -> None:
        def chosen(text: str | None) -> None:
            if text:
                self._needle = text
                self.action_find_next()

        self.app.push_screen(
            Prompt("Find", "In this file; ^g finds the next.", self._needle), chosen
        )

    def action_find_next(self) -> None:
        buffer = self.buffer
        if buffer is None or not self._needle:
            return
        row, column = buffer.text.cursor_location
        lines, needle = buffer.text.lines, self._needle.lower()
        for step in range(len(lines) + 1):
            number = (row + step) % len(lines)
            at = lines[number].lower().find(needle, column + 1 if step == 0 else 0)
            if at >= 0:
                buffer.text.go(number, at)
                return
        self.bench.notify(f"'{self._needle}' is not in this file.")

    # Changing much at once.

    def action_lay_out(self) -> None:
        buffer = self.buffer
        if buffer is None or buffer.problem:
            return
        text = buffer.text.text

        def laid_out(answer: object, last: bool) -> None:
            assert isinstance(answer, LaidOut)
            if buffer.text.text != text:
                return  # Typed on meanwhile.
            buffer.text.put(answer.text)
            said = f"{len(answer.changed)} conditions are laid out." if answer.changed else (
                "All conditions were laid out already."
            )  # fmt: skip
            if answer.left:
                said += f" Left as they are: {', '.join(name for name, _ in answer.left[:5])}."
            self.bench.notify(said)

        def refused(trouble: Trouble) -> None:
            self.bench.notify(trouble.text, severity="error")

        lists = tuple(self.known.definitions.names("list"))
        self.ask(LayOut(text, buffer.path, lists), laid_out, refused)

    def action_comment(self) -> None:
        if self.buffer is not None:
            self.buffer.text.action_comment()

    def action_wrap(self) -> None:
        if self.buffer is not None:
            self.buffer.text.soft_wrap = not self.buffer.text.soft_wrap

    # Drawing.

    @property
    def dark(self) -> bool:
        return self.app.current_theme.dark

    def _rule(self) -> str:
        """The rule at the cursor."""
        if self.buffer is None:
            return ""
        item = self.buffer.text.outline.at(self.buffer.text.cursor_location[0])
        return item.name if item is not None and item.kind == "rule" else ""

    def _draw(self) -> None:
        buffer = self.buffer
        self._nothing.display = buffer is None
        self._texts.display = self._head.display = self._about.display = buffer is not None
        if buffer is None:
            self._banner.display = False
            self._nothing.update("No rule file is open. Start with -r FILE to write rules against "
                                 "the capture.")  # fmt: skip
            return
        self._head.update(self._heading(buffer))
        banner = _banner(buffer)
        self._banner.display = bool(banner)
        self._banner.update(Text(banner))
        line, column = buffer.text.cursor_location
        about = about_at(
            buffer.text.lines, line, column, self.known.definitions, self.known.names.vocabulary
        )
        self._about.update(Text(visible(about), no_wrap=True, overflow="ellipsis"))
        self.app.refresh_notes()

    def _heading(self, buffer: Buffer) -> Text:
        dark = self.dark
        head = Text(no_wrap=True, overflow="ellipsis")
        head.append(Path(buffer.path).name, "bold")
        if buffer.changed:
            head.append(" ●", word_colour("number", dark))
        errors = sum(each.severity == "error" for each in buffer.text.found)
        warnings = sum(each.severity == "warning" for each in buffer.text.found)
        if errors:
            head.append(f"  ✖ {errors}", word_colour("error", dark))
        if warnings:
            head.append(f"  ▲ {warnings}", word_colour("number", dark))
        rule, judged = self._rule(), self.bench.judged
        if rule and judged is not None:
            # What matters first: names are long.
            hits = dict(judged.matches).get(rule)
            if hits is None:
                head.append("   not judged", "dim")
            else:
                head.append(f"   {hits:,} hit{'' if hits == 1 else 's'}", "bold")
                before = self._before.get(rule)
                if self.bench.texts and before is not None and before != hits:
                    head.append(f"  saved: {before:,}", word_colour("number", dark))
                if not judged.complete:
                    head.append(" …", "dim")
            head.append(f"   {rule}", "dim")
        return head


def _banner(buffer: Buffer) -> str:
    name = Path(buffer.path).name
    if buffer.problem:
        return f"Only shown: {buffer.problem}."
    if buffer.outside == "gone":
        return f"{name} was deleted. What is here still judges; ^s writes it anew."
    if buffer.outside == "changed":
        return f"{name} was changed on disk. ^s asks which to keep, ^r loads what is there."
    return ""
