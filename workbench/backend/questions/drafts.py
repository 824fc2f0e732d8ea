"""From events to rules: drafts of rules, tests and exceptions, and all alerts in a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class DraftRule(Question):
    """A rule that the events of these numbers satisfy, and a test of it. Answers
    :class:`RuleDraft`; where counting all events takes long, first without ``matches``."""

    numbers: tuple[int, ...]
    name: str

    lane: ClassVar[str] = "drafts"


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """``steps``: each check, and how many of the ``measured`` events are left with it and those
    before. ``further``: checks that the events satisfy as well. ``matches``: of all ``events`` of
    the capture, None while they are counted; the first of those ``others`` that were not marked.
    ``rule`` and ``test`` are YAML."""

    name: str
    source: str
    marked: int
    steps: tuple[tuple[str, int], ...]
    further: tuple[str, ...]
    measured: int
    events: int
    matches: int | None
    others: tuple[int, ...]
    rule: str
    test: str


@dataclass(frozen=True, slots=True)
class DraftExceptions(Question):
    """Exceptions that silence a rule on ``false_alarms`` and not on ``keep`` (numbers of events).
    ``rule``: empty for the one that alerts on the first of them. Answers
    :class:`ExceptionDrafts`."""

    false_alarms: tuple[int, ...]
    keep: tuple[int, ...] = ()
    rule: str = ""

    lane: ClassVar[str] = "drafts"


@dataclass(frozen=True, slots=True)
class ExceptionChoice:
    """An exception: ``fields`` equal ``values``. ``silenced``: alerts that it silences, ``others``
    of them not marked, the first of which are ``first_others``. ``existing``: the rule has such an
    exception, to which the values are added; ``many``: each of its values is a list. ``text``: what
    is written, YAML."""

    name: str
    fields: tuple[str, ...]
    values: tuple[str, ...]
    condition: str
    silenced: int
    others: int
    first_others: tuple[int, ...]
    existing: str
    many: bool
    text: str


@dataclass(frozen=True, slots=True)
class ExceptionDrafts:
    """The narrowest first. ``alerts``: events that the rule matches; ``file``: that defines it."""

    rule: str
    file: str
    alerts: int
    false_alarms: tuple[int, ...]
    keep: tuple[int, ...]
    choices: tuple[ExceptionChoice, ...]


@dataclass(frozen=True, slots=True)
class WriteItem(Question):
    """Add an item (a rule, a test) at the end of a YAML file, which may not be there yet. Answers
    :class:`WroteFile`."""

    path: str
    item: str

    lane: ClassVar[str] = "side"


@dataclass(frozen=True, slots=True)
class WriteException(Question):
    """Put an exception into a rule file. ``files``: the rules that are loaded, in order (none:
    those of the configuration). Nothing is written where they would not load with it. Answers
    :class:`WroteFile`."""

    path: str
    rule: str
    choice: ExceptionChoice
    files: tuple[str, ...]

    lane: ClassVar[str] = "side"


@dataclass(frozen=True, slots=True)
class WroteFile:
    path: str


@dataclass(frozen=True, slots=True)
class ExportAlerts(Question):
    """Write all alerts to a file, as Falco prints them with ``json_output``: a JSON line each, in
    order. Answers :class:`ExportedAlerts`, while it is written with ``done`` false. A file that is
    there is replaced once all is written, where ``replace`` says so."""

    path: str
    replace: bool = False

    lane: ClassVar[str] = "export"


@dataclass(frozen=True, slots=True)
class ExportedAlerts:
    path: str
    alerts: int
    total: int
    done: bool
