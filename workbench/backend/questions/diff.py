"""What edits of rules change: alerts gained and lost on the open capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from workbench.backend.messages import Question

#: ``edited`` in what it matches or says, ``new`` or ``gone`` (or turned on, off), or neither.
Status = Literal["", "edited", "new", "gone"]


@dataclass(frozen=True, slots=True)
class DiffRules(Question):
    """The rules in force beside others: those of ``files`` (none: of the configuration), with
    ``texts`` instead of what a file holds.

    Answers: :class:`Comparing` while events are judged, then :class:`RulesDiffed`. Asked after
    ``LoadRules``, all but the edited rules are known already. Raises where the other rules do not
    load.
    """

    files: tuple[str, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    # That of judging: what was found there is not looked for again.
    lane: ClassVar[str] = "judge"


@dataclass(frozen=True, slots=True)
class Comparing:
    """``seen`` of ``total`` events were judged."""

    seen: int
    total: int


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule with ``before`` and ``after`` alerts, ``gained`` and ``lost`` of them: numbers of
    events, ascending, only the first of very many. ``instead``: which rules alert now on the lost
    events, and on how many; ``before_that``: which did before on those gained."""

    name: str
    source: str
    priority: int
    status: Status
    before: int
    after: int
    gained_count: int
    lost_count: int
    gained: tuple[int, ...]
    lost: tuple[int, ...]
    instead: tuple[tuple[str, int], ...]
    before_that: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RulesDiffed:
    """``rules``: those that differ, or alert differently; most changes first. ``before`` and
    ``after``: all alerts. ``events``: of the capture."""

    rules: tuple[RuleChange, ...]
    before: int
    after: int
    events: int

    @property
    def gained(self) -> int:
        return sum(rule.gained_count for rule in self.rules)

    @property
    def lost(self) -> int:
        return sum(rule.lost_count for rule in self.rules)


@dataclass(frozen=True, slots=True)
class DiffEvents(Question):
    """Some of the alerts that the last comparison found gained or ``lost`` of a rule. Answers
    :class:`DiffAlerts`."""

    rule: str
    lost: bool
    first: int
    count: int

    lane: ClassVar[str] = "diff"


@dataclass(frozen=True, slots=True)
class DiffAlert:
    """``text``: what the rule says of the event, or said before."""

    number: int
    time: int
    text: str


@dataclass(frozen=True, slots=True)
class DiffAlerts:
    rule: str
    lost: bool
    first: int
    alerts: tuple[DiffAlert, ...]


@dataclass(frozen=True, slots=True)
class SavedTexts(Question):
    """What rule files hold now, on disk: to be compared with later. Answers a tuple of path and
    text; what cannot be read is left out."""

    files: tuple[str, ...]

    lane: ClassVar[str] = "side"
