"""The app: puts the panes together, and carries answers of the engine to the screen."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Footer

from workbench.backend.client import EngineClient
from workbench.tui.bars import StatusBar, TopBar
from workbench.tui.bench import Arguments, Bench, Severity
from workbench.tui.commands import Actions
from workbench.tui.pane import Command, Pane, PaneSpec, pane_specs
from workbench.tui.screens.help import Help
from workbench.tui.screens.start import Start, open_prompt
from workbench.tui.state import State, state_folder
from workbench.tui.theme import DARK, LIGHT, THEMES
from workbench.tui.workspace import Workspace

_OF_PANES = ("maximise", "digit", "next_area", "grow", "show_pane")
#: How often what is remembered is written (seconds).
_SAVE = 5.0


class Delivered(Message):
    """Something from the engine, to be done on the screen's loop."""

    def __init__(self, run: Callable[[], None]) -> None:
        super().__init__()
        self.run = run


class FalcowbApp(App[None]):
    """``arguments``: what to open; None for the start screen. ``specs``: the panes, by default
    all that there are."""

    TITLE = "falcowb"
    COMMANDS = {Actions}  # noqa: RUF012 # Textual's own name and type
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS = """
    Screen { background: $background; color: $foreground; }
    ModalScreen { background: $background 55%; }
    Footer { height: 1; }
    Footer FooterKey.-command-palette { padding-right: 1; }
    OptionList > .option-list--option { text-wrap: nowrap; text-overflow: ellipsis; }
    OptionList { text-wrap: nowrap; text-overflow: ellipsis; }
    ToastRack { align-horizontal: right; }
    Toast { max-width: 80; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+p", "command_palette", "Commands", show=False),
        Binding("f1,question_mark", "help", "Help", key_display="?"),
        Binding("tab", "next_area(1)", "Next pane", show=False),
        Binding("shift+tab", "next_area(-1)", "Pane before", show=False),
        *(Binding(str(digit), f"digit({digit})", show=False) for digit in range(1, 10)),
        Binding("z,f11", "maximise", "Zoom"),
        Binding("alt+right,ctrl+shift+right", "grow(1,0)", "Wider", show=False),
        Binding("alt+left,ctrl+shift+left", "grow(-1,0)", "Narrower", show=False),
        Binding("alt+down,ctrl+shift+down", "grow(0,1)", "Taller", show=False),
        Binding("alt+up,ctrl+shift+up", "grow(0,-1)", "Lower", show=False),
        Binding("ctrl+o", "open", "Open a capture", show=False),
        Binding("ctrl+t", "theme", "Dark or light", show=False),
        Binding("f12", "picture", "Picture of the screen (SVG)", show=False),
        Binding("ctrl+q,q", "quit", "Quit"),
    ]
    COMMANDS_WITHOUT_KEY: ClassVar[tuple[Command, ...]] = (
        Command("Restart the engine", "restart_engine", "End the engine process and start anew"),
        Command("Close the capture", "close", "Back to the start screen"),
    )

    def __init__(
        self,
        arguments: Arguments | None = None,
        state: State | None = None,
        specs: list[PaneSpec] | None = None,
    ) -> None:
        super().__init__()
        self._arguments = arguments
        self.state = state or State()
        self.specs = pane_specs() if specs is None else specs
        self.bench = Bench(
            EngineClient(
                deliver=self._deliver,
                on_crash=lambda crash: self.bench.crashed(crash),
                log=state_folder() / "engine.log",
            ),
            self.state,
            lambda: self.panes,
            self._say,
            self._changed,
        )
        self.workspace = Workspace(self.specs, self.state)
        self._top, self._status = TopBar(), StatusBar()

    def compose(self) -> ComposeResult:
        yield self._top
        yield self.workspace
        yield self._status
        yield Footer(compact=True)

    def on_mount(self) -> None:
        for theme in THEMES:
            self.register_theme(theme)
        kept = self.state.get("theme", default=DARK)
        self.theme = kept if kept in (DARK, LIGHT) else DARK
        self.set_interval(_SAVE, self.state.save)
        self.bench.engine.start()
        if self._arguments is None:
            self.action_close()
        else:
            self.open(self._arguments)

    def on_unmount(self) -> None:
        self.state.save()
        self.bench.engine.close()

    # The engine.

    def _deliver(self, run: Callable[[], None]) -> None:
        """From the thread that reads answers."""
        with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
            self.post_message(Delivered(run))

    def on_delivered(self, message: Delivered) -> None:
        message.run()

    def _say(self, text: str, title: str, severity: Severity) -> None:
        self.notify(text, title=title, severity=severity, markup=False, timeout=8)

    def _changed(self) -> None:
        if not self.is_mounted(self._top):
            return
        dark = self.current_theme.dark
        self._top.show(self.bench, dark)
        self._status.show(self.bench, dark)
        self.refresh_notes()

    def refresh_notes(self) -> None:
        """A pane's subtitle changed."""
        self.workspace.refresh_notes()

    def on_resize(self) -> None:
        self.call_after_refresh(self._changed)

    # Panes.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What concerns panes is nothing for dialogs and the start screen."""
        if action in _OF_PANES and len(self.screen_stack) > 1:
            return False
        return super().check_action(action, parameters)

    @property
    def panes(self) -> Iterator[Pane]:
        return self.workspace.panes

    def pane(self, id_: str) -> Pane | None:
        return next((pane for pane in self.panes if pane.id == id_), None)

    def show_pane(self, id_: str) -> None:
        """Bring a pane to sight and put the focus into it."""
        self.workspace.show(id_)

    def add_column(self, field: str) -> None:
        """Show a field in the table of events."""
        from workbench.tui.panes.events.pane import EventsPane

        pane = self.pane("events")
        if isinstance(pane, EventsPane) and field not in pane.table.fields:
            fields = list(pane.table.fields)
            # The last column takes what is left of the width: it stays last.
            fields.insert(max(len(fields) - 1, 0), field)
            pane.set_fields(fields)
            self.bench.notify(f"Column {field} is shown.")

    # Actions.

    def action_show_pane(self, id_: str) -> None:
        self.show_pane(id_)

    def action_digit(self, digit: int) -> None:
        if digit <= len(self.specs):
            self.show_pane(self.specs[digit - 1].id)

    def action_next_area(self, step: int) -> None:
        self.workspace.focus_next(step)

    def action_maximise(self) -> None:
        self.workspace.toggle_maximised()

    def action_grow(self, across: int, down: int) -> None:
        self.workspace.grow(across, down)

    def action_help(self) -> None:
        self.push_screen(Help())

    def action_theme(self) -> None:
        self.theme = LIGHT if self.theme == DARK else DARK
        self.state.put("theme", value=self.theme)
        self._changed()

    def action_picture(self) -> None:
        path = self.save_screenshot(path=str(Path.cwd()))
        self.notify(f"The screen is in {path}.", markup=False)

    def action_open(self) -> None:
        def took(path: str | None) -> None:
            if path and path.strip():
                now = self.bench.arguments
                self.open(
                    Arguments(
                        str(Path(path.strip()).expanduser()),
                        now.rules,
                        now.config,
                        now.options,
                        now.plugins,
                    )
                )

        self.push_screen(open_prompt(), took)

    def open(self, arguments: Arguments) -> None:
        """Open a capture in this window."""
        if arguments.capture is not None:
            self.state.opened(_absolute(arguments.capture), arguments.as_json())
        self.bench.open(arguments)
        self.show_pane("events")

    def action_close(self) -> None:
        def took(arguments: Arguments | None) -> None:
            if arguments is None:
                self.exit()
            else:
                self.open(arguments)

        self.push_screen(Start(self.state), took)

    def action_restart_engine(self) -> None:
        self.bench.trouble = ""
        self.bench.engine.restart()
        self._changed()


def _absolute(path: str) -> str:
    """Paths are remembered whole; what is no path (a URL) as it is."""
    found = Path(path)
    return str(found.absolute()) if found.exists() else path
