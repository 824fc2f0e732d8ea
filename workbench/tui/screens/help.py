"""The help screen: what each pane is for, and every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from workbench.tui.commands import entries
from workbench.tui.screens.dialogs import DIALOG_CSS

if TYPE_CHECKING:
    from workbench.tui.app import FalcowbApp

_ABOUT = """\
The capture's events are in the middle; what stands beside and below follows the event under the \
cursor. Rules judge the capture as you edit them. Nothing here changes the capture."""


class Help(ModalScreen[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1,question_mark", "close", "Close"),
    ]
    DEFAULT_CSS = f"""
    Help {{ {DIALOG_CSS} }}
    Help > VerticalScroll {{
        width: 96; max-width: 96%; height: 90%; background: $panel; padding: 1 2;
        border: round $primary; border-title-color: $primary; border-title-style: bold;
    }}
    """

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Help"
            box.border_subtitle = "esc closes"
            yield Static(self._text())

    def _text(self) -> Group:
        from workbench.tui.app import FalcowbApp

        app = self.app
        assert isinstance(app, FalcowbApp)
        return Group(Text(_ABOUT), Text(), *self._keys(app))

    def _keys(self, app: FalcowbApp) -> list[Text | Table]:
        parts: list[Text | Table] = []
        about = {spec.id: spec for spec in app.specs}
        by_pane: dict[str, list[tuple[str, str]]] = {"": []}
        for entry in entries(app):
            pane = (entry.pane.id or "") if entry.pane else ""
            if entry.keys:
                title = entry.title.partition(": ")[2] if entry.pane else entry.title
                rows = by_pane.setdefault(pane, [])
                if (entry.keys, title) not in rows and title not in [row[1] for row in rows]:
                    rows.append((entry.keys, title))
        for pane, rows in by_pane.items():
            spec = about.get(pane)
            parts.append(Text(spec.title if spec else "Everywhere", style="bold underline"))
            if spec is not None:
                parts.append(Text(spec.about, style="italic"))
            table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), show_edge=False)
            for key, title in rows:
                table.add_row(Text(key, style="bold"), Text(title))
            parts += [table, Text()]
        return parts

    def action_close(self) -> None:
        self.dismiss(None)
