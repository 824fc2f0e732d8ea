"""What the screen knows, and how panes ask and tell: one object that all of them share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from workbench.backend.client import Crash, EngineClient
from workbench.backend.messages import Question, Trouble
from workbench.backend.questions.catalogue import FieldList, Fields
from workbench.backend.questions.events import Look, Looked, View
from workbench.backend.questions.opening import Indexed, Indexing, Open, Opened, Opening
from workbench.backend.questions.rules import Judged, LoadRules, Rules
from workbench.tui.state import State

if TYPE_CHECKING:
    from workbench.tui.pane import Pane

OnAnswer = Callable[[Any, bool], None]
OnTrouble = Callable[[Trouble], None]
Severity = Literal["information", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the app was started with."""

    capture: str | None = None
    rules: tuple[str, ...] = ()
    config: str | None = None
    options: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """All but the capture, for the list of recent ones."""
        return {
            "rules": list(self.rules),
            "config": self.config,
            "options": list(self.options),
            "plugins": list(self.plugins),
        }

    @classmethod
    def of(cls, recent: Mapping[str, Any]) -> Arguments:
        def texts(name: str) -> tuple[str, ...]:
            found = recent.get(name)
            return tuple(map(str, found)) if isinstance(found, list) else ()

        config = recent.get("config")
        return cls(
            str(recent["path"]),
            texts("rules"),
            config if isinstance(config, str) else None,
            texts("options"),
            texts("plugins"),
        )


@dataclass(frozen=True, slots=True)
class EventRef:
    """An event that is looked at: its number, time (ns), source, and row in the view."""

    number: int
    time: int
    source: str
    row: int


@dataclass
class Bench:
    """State, and the questions that all panes care for. For the screen's thread.

    ``panes`` gives the panes that are there, ``say`` shows a notification, ``changed`` is called
    when the status line has something new to show.
    """

    engine: EngineClient
    state: State
    panes: Callable[[], Iterator[Pane]]
    say: Callable[[str, str, Severity], None]
    changed: Callable[[], None]

    arguments: Arguments = field(default_factory=Arguments)
    opening: Opening | None = None
    opened: Opened | None = None
    indexed: Indexed | None = None
    indexing: Indexing | None = None
    rules: Rules | None = None
    judged: Judged | None = None
    fields: FieldList | None = None
    view: View = field(default_factory=View)
    looked: Looked | None = None
    event: EventRef | None = None
    trouble: str = ""
    #: Unsaved contents of rule files, by path; rules switched by hand.
    texts: dict[str, str] = field(default_factory=dict)
    switched: dict[str, bool] = field(default_factory=dict)
    marks: set[int] = field(default_factory=set)

    # Asking.

    def ask(
        self,
        question: Question,
        on_answer: OnAnswer,
        on_trouble: OnTrouble | None = None,
        *,
        kind: str | None = None,
    ) -> None:
        """Ask the engine; without ``on_trouble`` a refusal is shown."""
        self.engine.ask(question, on_answer, on_trouble or self.show_trouble, kind=kind)

    def show_trouble(self, trouble: Trouble) -> None:
        if not trouble.crash:
            self.say(trouble.text, "", "error")

    def notify(self, text: str, title: str = "", severity: Severity = "information") -> None:
        self.say(text, title, severity)

    # Opening.

    def open(self, arguments: Arguments) -> None:
        """Open a capture; panes hear of it by ``case_opened``."""
        self.arguments = arguments
        self.opened = self.indexed = self.indexing = self.looked = self.event = None
        self.rules = self.judged = None
        self.view = View()
        self.trouble = ""
        self.texts.clear()
        self.switched.clear()
        self.opening = Opening("engine")
        self.changed()
        question = Open(arguments.capture, arguments.config, arguments.options, arguments.plugins)
        self.ask(question, self._opened, self._not_opened)
        self.ask(Fields(), self._fields_known, lambda trouble: None)

    def _opened(self, answer: object, last: bool) -> None:
        if isinstance(answer, Opening):
            self.opening = answer
        elif isinstance(answer, Opened):
            self._case_opened(answer)
        elif isinstance(answer, Indexing):
            self.indexing = answer
        elif isinstance(answer, Indexed):
            self.indexed, self.indexing = answer, None
        self.changed()

    def _case_opened(self, opened: Opened) -> None:
        again = self.opened is not None
        self.opening, self.opened = None, opened
        if again:
            return  # The engine was restarted: standing questions follow by themselves.
        marks = self.remembered("marks", default=[])
        self.marks = {each for each in marks if isinstance(each, int)}
        for pane in self.panes():
            pane.case_opened(opened)
        self.load_rules()

    def _not_opened(self, trouble: Trouble) -> None:
        self.opening = None
        self.trouble = trouble.text
        self.changed()
        self.show_trouble(trouble)
        for pane in self.panes():
            pane.not_opened(trouble)

    def _fields_known(self, answer: object, last: bool) -> None:
        assert isinstance(answer, FieldList)
        self.fields = answer
        for pane in self.panes():
            pane.fields_known(answer)

    # Rules.

    def load_rules(self) -> None:
        """Load the rules with the unsaved texts and switches of now, and judge."""
        self.ask(
            LoadRules(
                self.arguments.rules,
                tuple(self.texts.items()),
                tuple(name for name, on in self.switched.items() if not on),
                tuple(name for name, on in self.switched.items() if on),
            ),
            self._rules,
        )

    def edit(self, path: str, text: str | None) -> None:
        """Judge by an unsaved text of a rule file; None: by what the file holds again."""
        if text is None:
            self.texts.pop(path, None)
        else:
            self.texts[path] = text
        self.load_rules()

    def switch(self, rule: str, on: bool) -> None:
        """Turn a rule on or off for this session."""
        self.switched[rule] = on
        self.load_rules()

    def _rules(self, answer: object, last: bool) -> None:
        if isinstance(answer, Rules):
            self.rules = answer
            for pane in self.panes():
                pane.rules_loaded(answer)
        elif isinstance(answer, Judged):
            self.judged = answer
            for pane in self.panes():
                pane.judged(answer)
            if last and (self.view.only or self.view.rule):
                self.look(self.view)
        self.changed()

    # Looking.

    def look(
        self, view: View, *, near: int | None = None, on_trouble: OnTrouble | None = None
    ) -> None:
        """Look at other events; panes hear of it by ``view_changed``. ``near``: the cursor is to be
        at this event, or close to it; by default where it is."""
        if near is None and self.event is not None:
            near = self.event.number

        def looked(answer: object, last: bool) -> None:
            assert isinstance(answer, Looked)
            first = self.looked is None or self.looked.version != answer.version
            self.view, self.looked = view, answer
            for pane in self.panes():
                pane.view_changed(view, answer, first)
            self.changed()

        self.ask(Look(view, near), looked, on_trouble)

    def narrow(self, **changes: Any) -> None:
        """Look at the view as it is, changed."""
        self.look(replace(self.view, **changes))

    def choose_event(self, event: EventRef) -> None:
        """An event is looked at; panes hear of it by ``event_chosen``."""
        if event == self.event:
            return
        self.event = event
        for pane in self.panes():
            pane.event_chosen(event)
        self.changed()

    def go_to(self, file: str, line: int, column: int = 1) -> None:
        """Show a place of a rule file (from 1); panes hear of it by ``place_chosen``."""
        for pane in self.panes():
            pane.place_chosen(file, line, column)

    def mark(self, number: int) -> bool:
        """Mark an event, or take its mark away; whether it is marked now."""
        if number in self.marks:
            self.marks.remove(number)
        else:
            self.marks.add(number)
        self.remember("marks", sorted(self.marks))
        for pane in self.panes():
            pane.marks_changed()
        self.changed()
        return number in self.marks

    # The engine died.

    def crashed(self, crash: Crash) -> None:
        if crash.restarted:
            self.say(crash.text, "Engine restarted", "warning")
            self.look(self.view)
            for pane in self.panes():
                pane.engine_restarted()
        else:
            self.trouble = crash.text
            self.say(
                f"{crash.text} 'Restart the engine' in the command palette tries once more.",
                "Engine stopped",
                "error",
            )
        self.changed()

    # Remembering.

    def remembered(self, key: str, *, default: Any) -> Any:
        """What was kept of the open capture."""
        return self.state.get("captures", self._name(), key, default=default)

    def remember(self, key: str, value: Any) -> None:
        self.state.put("captures", self._name(), key, value=value)

    def _name(self) -> str:
        return self.opened.path if self.opened else self.arguments.capture or ""
