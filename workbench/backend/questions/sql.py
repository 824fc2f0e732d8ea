"""SQL over the open capture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from workbench.backend.messages import Question


@dataclass(frozen=True, slots=True)
class AskSql(Question):
    """Ask ``capture`` in SQL, with the alerts of ``rules`` (files as saved). A newer question
    cancels it. At most ``most`` rows are given. Answers: :class:`SqlWait` while it takes, then
    :class:`SqlRows`."""

    sql: str
    capture: str
    config: str | None = None
    options: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    most: int = 5000

    lane: ClassVar[str] = "sql"


@dataclass(frozen=True, slots=True)
class SqlWait:
    """What takes long, in words."""

    text: str


@dataclass(frozen=True, slots=True)
class SqlRows:
    """``rows`` as texts (None: NULL), at most as many as were asked for (``more``: there are
    others); ``numbers``: the event of each row where a column has the numbers of events."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]
    more: bool
    seconds: float
    numbers: tuple[int | None, ...] | None
