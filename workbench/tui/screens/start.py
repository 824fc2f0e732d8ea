"""The start screen: what was opened lately, samples, and what else one can do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import Footer, OptionList, Static
from textual.widgets.option_list import Option

from workbench.tui.bench import Arguments
from workbench.tui.screens.dialogs import Prompt
from workbench.tui.state import State

_NAME = "falcowb"
_ABOUT = "Replay, question and explain Falco events; write rules against them."
_ELSE = (
    ("record this host", "falcowb capture -o X.fcap"),
    ("open a recording of Falco or sysdig", "falcowb X.scap"),
    ("open an audit log", "falcowb LOG -c falco.yaml"),
    ("judge without a screen", "falcowb replay X.scap -r rules.yaml"),
)


@dataclass(frozen=True, slots=True)
class Choice:
    title: str
    about: str
    arguments: Arguments


def samples() -> list[Choice]:
    """What ships to begin with, as far as it is there."""
    root = Path(__file__).resolve().parents[3]
    found = []
    log, config = root / "samples/k8s_intrusion.jsonl", root / "samples/falco.yaml"
    if log.is_file() and config.is_file():
        found.append(
            Choice(
                "A token leaves the shop",
                "Kubernetes audit log of an intrusion, with rules",
                Arguments(str(log), config=str(config)),
            )
        )
    rules = root / "rules/syscall_rules.yaml"
    for path in sorted((root / "samples").glob("*.scap*")) + sorted(
        (root / "samples").glob("*.fcap")
    ):
        given = (str(rules),) if rules.is_file() else ()
        found.append(Choice(path.name, "system calls, with rules", Arguments(str(path), given)))
    return found


class Start(Screen[Arguments | None]):
    """Gives what is to be opened."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "Open a path"),
        Binding("q,escape", "quit", "Quit"),
        Binding("f1,question_mark", "app.help", "Help"),
    ]
    DEFAULT_CSS = """
    Start { align: center middle; background: $background; }
    Start > Vertical { width: 92; max-width: 96%; height: auto; max-height: 100%; padding: 1 2; }
    Start #name { text-style: bold; color: $primary; }
    Start #about { color: $secondary; margin-bottom: 1; }
    Start OptionList { height: auto; max-height: 22; border: none; background: $background;
        padding: 0; }
    Start #else { color: $secondary; margin-top: 1; }
    """

    def __init__(self, state: State) -> None:
        super().__init__()
        self._state = state
        self._choices: list[Choice | None] = []
        self._list = OptionList(compact=True)

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(_NAME, id="name")
            yield Static(_ABOUT, id="about")
            yield self._list
            yield Static(self._else(), id="else")
        yield Footer(compact=True)

    def _else(self) -> Text:
        text = Text("From the shell\n", style="dim bold")
        for about, command in _ELSE:
            text.append(f"  {command:<38}", style="")
            text.append(f"{about}\n", style="dim")
        text.rstrip()
        return text

    def on_mount(self) -> None:
        recent = []
        for each in self._state.recent():
            path = Path(each["path"])
            arguments = Arguments.of(each)
            gone = "" if path.exists() else "  (gone)"
            rules = ", ".join(Path(rule).name for rule in arguments.rules)
            about = rules or (Path(arguments.config).name if arguments.config else "no rules")
            recent.append(Choice(f"{path.name}{gone}", f"{about}  {path.parent}", arguments))
        self._group("Opened lately", recent)
        self._group("Samples", samples())
        if not self._choices:
            self._add(Option(Text("  Nothing was opened yet: o opens a path.", style="dim")))
        self._list.focus()
        for place, choice in enumerate(self._choices):
            if choice is not None:
                self._list.highlighted = place
                break

    def _add(self, option: Option) -> None:
        self._list.add_option(option)

    def _group(self, title: str, choices: list[Choice]) -> None:
        if not choices:
            return
        if self._choices:
            self._choices.append(None)
            self._add(Option(Text(" "), disabled=True))
        self._choices.append(None)
        self._add(Option(Text(title, style="dim bold"), disabled=True))
        for choice in choices:
            self._choices.append(choice)
            text = Text(f"  {choice.title:<36}", no_wrap=True, overflow="ellipsis")
            text.append(f"  {choice.about}", style="dim")
            self._add(Option(text))

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        choice = self._choices[event.option_index] if self._choices else None
        if choice is not None:
            self.dismiss(choice.arguments)

    def action_open(self) -> None:
        def took(path: str | None) -> None:
            if path and path.strip():
                self.dismiss(Arguments(str(Path(path.strip()).expanduser())))

        self.app.push_screen(open_prompt(), took)

    def action_quit(self) -> None:
        self.dismiss(None)


def open_prompt() -> Prompt:
    """Asks for the path of a capture."""

    def check(text: str) -> str:
        path = Path(text.strip()).expanduser()
        return "" if path.exists() else f"There is no {path}."

    return Prompt("Open", "A capture: X.fcap, X.scap", check=check)
