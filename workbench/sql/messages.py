"""What the console and the process that answers say to each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from capture.errors import Place
from workbench.sql.described import TableInfo
from workbench.sql.limits import Limits


@dataclass(frozen=True, slots=True)
class Setup:
    """What a session is begun with: captures, falco.yaml, plugins, rule files."""

    captures: tuple[str, ...]
    config: str | None = None
    options: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    all_rules: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """A loaded rule that is on."""

    name: str
    priority: str
    source: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ready:
    """The session has begun. ``warnings``: what the configuration and the rules should be told."""

    captures: tuple[str, ...]
    rules: tuple[RuleInfo, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    sql: str


@dataclass(frozen=True, slots=True)
class AskTables:
    """All tables with their columns are wanted."""


@dataclass(frozen=True, slots=True)
class Tables:
    tables: tuple[TableInfo, ...]


@dataclass(frozen=True, slots=True)
class More:
    """The next rows are wanted."""


@dataclass(frozen=True, slots=True)
class Drop:
    """No more rows are wanted."""


@dataclass(frozen=True, slots=True)
class Cancel:
    """The query is to be cancelled; there is no answer to this but the query's own."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``schema`` as Arrow's IPC has it; rows follow when asked for."""

    schema: bytes
    seconds: float


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch as Arrow's IPC has it; None after the last."""

    batch: bytes | None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that takes long has begun, or an import is so far."""

    text: str
    events: int = 0
    fraction: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """``stopped``: the query was cancelled or took too long."""

    message: str
    place: Place | None
    hint: str
    stopped: bool = False


Question = Ask | AskTables | More | Drop | Cancel
Reply = Ready | Answer | Rows | Note | Failed | Tables
