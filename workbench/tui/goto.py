"""Going to an event by its number, wherever a pane names one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.backend.questions.events import Jump, JumpedTo, View
from workbench.tui.panes.events.pane import EventsPane

if TYPE_CHECKING:
    from workbench.tui.pane import Pane


def go_to_event(pane: Pane, number: int) -> None:
    """Put the cursor at an event; where it is not in the view, look at all events."""

    def went(answer: object, last: bool) -> None:
        assert isinstance(answer, JumpedTo)
        events = pane.app.pane("events")
        if answer.row is None or answer.number != number:
            pane.bench.look(View(), near=number)
        elif isinstance(events, EventsPane):
            events.table.go(answer.row)

    pane.ask(Jump("number", number), went)
