"""What a pane is, and how the app finds all of them."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.containers import Vertical

from workbench.backend.messages import Question, Trouble
from workbench.backend.questions.catalogue import FieldList
from workbench.backend.questions.events import Looked, View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.rules import Judged, Rules
from workbench.tui.bench import Bench, EventRef, OnAnswer, OnTrouble

if TYPE_CHECKING:
    from workbench.tui.app import FalcowbApp

AreaName = Literal["main", "side", "low"]


@dataclass(frozen=True, slots=True)
class PaneSpec:
    """A pane that there is. ``order`` places it among those of its area and gives it its digit;
    ``about`` is a sentence for the help screen."""

    id: str
    title: str
    area: AreaName
    order: int
    make: Callable[[], Pane]
    about: str


@dataclass(frozen=True, slots=True)
class Command:
    """An action without a key: ``action`` as in a binding."""

    title: str
    action: str
    help: str = ""


class Pane(Vertical):
    """A part of the screen. The hooks do nothing here; override what concerns the pane.

    ``focus_target`` is the widget that takes the focus when the pane is shown.
    """

    COMMANDS: ClassVar[tuple[Command, ...]] = ()

    app: FalcowbApp

    @property
    def bench(self) -> Bench:
        return self.app.bench

    def ask(
        self, question: Question, on_answer: OnAnswer, on_trouble: OnTrouble | None = None
    ) -> None:
        """Ask the engine in the name of this pane: its older question of the kind is outdated."""
        self.bench.ask(question, on_answer, on_trouble, kind=f"{self.id} {question.kind}")

    def remembered(self, key: str, default: object) -> object:
        """What the pane kept, whatever the capture."""
        return self.bench.state.get("panes", self.id or "", key, default=default)

    def remember(self, key: str, value: object) -> None:
        self.bench.state.put("panes", self.id or "", key, value=value)

    def take_focus(self) -> None:
        """The pane was chosen."""
        for widget in self.query("*"):
            if widget.focusable and widget.display:
                widget.focus()
                return

    @property
    def subtitle(self) -> str:
        """What stands at the right of the pane's tab."""
        return ""

    # Hooks.

    def case_opened(self, opened: Opened) -> None:
        """A capture is open: events can be asked for."""

    def not_opened(self, trouble: Trouble) -> None:
        """It could not be opened."""

    def fields_known(self, fields: FieldList) -> None:
        """The catalogue is there."""

    def rules_loaded(self, rules: Rules) -> None:
        """Rules were read; ``rules.failed``: they are not in force."""

    def judged(self, judged: Judged) -> None:
        """Hit counts changed."""

    def view_changed(self, view: View, looked: Looked, first: bool) -> None:
        """Other events are looked at (``first``), or more of them were found."""

    def event_chosen(self, event: EventRef) -> None:
        """The cursor is at another event."""

    def place_chosen(self, file: str, line: int, column: int) -> None:
        """A place of a rule file is to be shown; the editor does."""

    def marks_changed(self) -> None:
        """``bench.marks`` changed."""

    def engine_restarted(self) -> None:
        """What was asked and not answered is to be asked again."""

    def shown(self) -> None:
        """The pane came into sight (``is_on_screen`` is true by now)."""


def pane_specs(only: Collection[str] | None = None) -> list[PaneSpec]:
    """Every pane, in order: the modules of ``workbench.tui.panes`` that have a ``PANE``; or those
    of the modules ``only``."""
    from workbench.tui import panes

    found = []
    for module in pkgutil.iter_modules(panes.__path__):
        if only is not None and module.name not in only:
            continue
        imported = importlib.import_module(f"{panes.__name__}.{module.name}")
        spec = getattr(imported, "PANE", None)
        if isinstance(spec, PaneSpec):
            found.append(spec)
    return sorted(found, key=lambda spec: (spec.order, spec.id))
