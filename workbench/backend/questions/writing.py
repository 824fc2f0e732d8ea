"""What writing rules needs of the engine: what rules cost, and conditions laid out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class Costs(Question):
    """What each rule in force costs, measured on a sample of the events.

    Answers: :class:`RuleCosts`, more and more of them.
    """

    lane: ClassVar[str] = "costs"


@dataclass(frozen=True, slots=True)
class Cost:
    """A rule asked alone. ``nanoseconds``: for each event of the capture's source, on average over
    the sample; ``rows``: of how many events of the capture it is asked, about (the others are of
    types that it cannot match)."""

    rule: str
    nanoseconds: float
    rows: int


@dataclass(frozen=True, slots=True)
class RuleCosts:
    """``version`` is that of the verdicts; ``sampled`` events were asked."""

    version: int
    costs: tuple[Cost, ...]
    sampled: int


@dataclass(frozen=True, slots=True)
class LayOut(Question):
    """Lay out the conditions of a rule file. ``lists``: names of lists that other files define.

    Answers: :class:`LaidOut`. Raises where the text is not YAML.
    """

    text: str
    file: str
    lists: tuple[str, ...] = ()
    width: int = 100


@dataclass(frozen=True, slots=True)
class LaidOut:
    """``changed``: items that look different now; ``left``: items whose condition does not parse,
    with their lines (from 1)."""

    text: str
    changed: tuple[str, ...]
    left: tuple[tuple[str, int], ...]
