"""Rules: loading them, edited or as saved, and what they match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class LoadRules(Question):
    """Load rule files and judge the capture by them.

    ``files``: paths; none stands for those of the configuration. ``texts``: contents to be taken
    instead of what a file holds (unsaved edits), by path. ``off``, ``on``: rules switched by hand.
    Only what is new is judged: asked again after an edit, the answer is soon there.

    Answers: :class:`Rules` as soon as the files are read, then :class:`Judged` while the capture is
    judged, the last with ``complete``. Where a file has an error the rules that were loaded last
    stay in force.
    """

    files: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()
    off: tuple[str, ...] = ()
    on: tuple[str, ...] = ()

    lane: ClassVar[str] = "judge"
    standing: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Said:
    """An error, warning or note about a rule file. ``line`` and ``column`` count from 1."""

    severity: str
    code: str
    text: str
    item: str
    file: str
    line: int
    column: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """A rule that loaded. ``line`` is where it is defined in ``file``; ``condition`` as written."""

    name: str
    source: str
    priority: int
    tags: tuple[str, ...]
    enabled: bool
    description: str
    condition: str
    output: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules in force. ``failed``: the files as they are now did not load, the ones in force are
    older. ``files`` are all that were read, in order."""

    rules: tuple[RuleFacts, ...]
    macros: tuple[str, ...]
    lists: tuple[str, ...]
    said: tuple[Said, ...]
    files: tuple[str, ...]
    failed: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found so far in ``seen`` of ``total`` events: for each rule the number of events it
    matches, and of how many it is the one that alerts. ``version`` rises with every change."""

    version: int
    seen: int
    total: int
    matches: tuple[tuple[str, int], ...]
    alerts: tuple[tuple[str, int], ...]
    by_priority: tuple[tuple[int, int], ...]
    complete: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ExportAlerts(Question):
    """Write all alerts that are known as Falco's JSON lines into a file that must not be there yet.
    Answers :class:`Exported`."""

    path: str

    lane: ClassVar[str] = "side"


@dataclass(frozen=True, slots=True)
class Exported:
    """So many alerts are in the file."""

    path: str
    alerts: int
