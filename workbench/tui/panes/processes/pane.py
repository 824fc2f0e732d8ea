"""Processes; see the package."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.timer import Timer
from textual.widgets import Static, Tree

from workbench.backend.messages import Trouble
from workbench.backend.questions.events import View
from workbench.backend.questions.opening import Opened
from workbench.backend.questions.processes import ProcessAlerts, Processes, ProcessTree
from workbench.backend.questions.rules import Judged
from workbench.tui.bench import EventRef
from workbench.tui.goto import go_to_event
from workbench.tui.pane import Pane
from workbench.tui.panes.processes.tree import Forest, Item
from workbench.tui.theme import word_colour
from workbench.tui.times import clock

#: Seconds after which the moment is asked for: who holds a key down passes many.
_PAUSE = 0.25


class ProcessesPane(Pane):
    """See the package."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "follow(True)", "Follow with descendants"),
        Binding("F", "follow(False)", "Follow it alone", show=False),
        Binding("a", "only", "Alerting only"),
        Binding("full_stop", "next", "Next alert", key_display="."),
        Binding("h", "here", "The event's process"),
    ]
    DEFAULT_CSS = """
    ProcessesPane #said { height: 1; padding: 0 1; background: $surface; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.found: ProcessTree | None = None
        self.only = False
        self.forest = Forest()
        self._said = Static(id="said")
        self._timer: Timer | None = None
        self._trouble = ""
        self._shown_for: int | None = None

    def compose(self) -> ComposeResult:
        yield self._said
        yield self.forest

    def on_mount(self) -> None:
        self.only = bool(self.remembered("only", False))
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    def take_focus(self) -> None:
        self.forest.focus()

    @property
    def subtitle(self) -> str:
        found = self.found
        if found is None or found.processes is None:
            return ""
        alive = sum(not each.exited for each in found.processes)
        return f"{alive:,} at {clock(found.time)}"

    # What happens.

    def case_opened(self, opened: Opened) -> None:
        self.found = self._shown_for = None
        self.forest.forget()
        self._draw()

    def event_chosen(self, event: EventRef) -> None:
        self._soon()

    def judged(self, judged: Judged) -> None:
        if judged.complete:
            self._soon()

    def engine_restarted(self) -> None:
        self._soon()

    def shown(self) -> None:
        self._soon()

    def _soon(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_PAUSE, self._fetch)

    def _fetch(self) -> None:
        event = self.bench.event
        if event is None or not self.display or not self.is_on_screen:
            return  # Nobody looks; it is asked when the pane is shown.

        def known(answer: object, last: bool) -> None:
            assert isinstance(answer, ProcessTree)
            self.found, self._trouble = answer, ""
            self._draw()

        def refused(trouble: Trouble) -> None:
            self.found, self._trouble = None, trouble.message
            self._draw()

        self.ask(Processes(event.number, event.source), known, refused)

    # Drawing.

    def _draw(self) -> None:
        found = self.found
        follow = found is not None and found.number != self._shown_for
        self._shown_for = found.number if found else None
        self.forest.show(found, only_alerting=self.only, follow=follow)
        self._said.update(self._summary())
        self.app.refresh_notes()

    def _summary(self) -> Text:
        found, dark = self.found, self.app.current_theme.dark
        text = Text(no_wrap=True, overflow="ellipsis")
        if self._trouble:
            return text.append(self._trouble, "dim")
        if found is None:
            return text.append("Move to an event to see the processes of its moment.", "dim")
        if found.processes is None:
            return text.append("No system calls up to here: no process is known.", "dim")
        if not found.processes:
            return text.append("No process is known yet at this event.", "dim")
        text.append(f"After event {found.number:,}", "bold")
        text.append(f" at {clock(found.time)}")
        if not found.alerts_before:
            return text.append(", no alerts so far", "dim")
        alerts = "alert" if found.alerts_before == 1 else "alerts"
        text.append(f", {found.alerts_before:,} {alerts} so far", word_colour("string", dark))
        if found.looked < found.alerts_before:
            done = found.looked / found.alerts_before
            text.append(f" (looking whose they are: {done:.0%})", "dim")
        elif found.left_out:
            text.append(f" ({found.left_out:,} exited processes are left out)", "dim")
        if self.only:
            text.append("  alerting only", word_colour("macro", dark))
        return text

    # Doing.

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Item]) -> None:
        event.stop()
        if isinstance(event.node.data, ProcessAlerts):
            go_to_event(self, event.node.data.last)

    def action_only(self) -> None:
        self.only = not self.only
        self.remember("only", self.only)
        self._draw()

    def action_follow(self, descendants: bool) -> None:
        """Show the events of the process under the cursor."""
        branch = self.forest.branch
        if branch is None:
            self.bench.notify("Choose a process first.")
            return
        pid = branch.facts.pid
        condition = f"proc.pid = {pid}" + (f" or proc.apid = {pid}" if descendants else "")
        self.bench.look(View(condition=condition))

    def action_next(self) -> None:
        """The next process with alerts, from the cursor down."""
        nodes = [self.forest.get_node_at_line(line) for line in range(self.forest.last_line + 1)]
        alerts = [node for node in nodes if node and isinstance(node.data, ProcessAlerts)]
        if not alerts:
            self.bench.notify("No alerts up to this moment.")
            return
        at = self.forest.cursor_line
        self.forest.move_cursor(next((node for node in alerts if node.line > at), alerts[0]))

    def action_here(self) -> None:
        if self.found is not None:
            self.forest.show(self.found, only_alerting=self.only, follow=True)
