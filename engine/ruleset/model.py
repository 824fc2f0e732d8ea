"""What a rule set is made of. Everything here is plain data, ready to be shown or compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from capture.errors import Place
from engine.language import ast
from engine.ruleset.codes import Code, Severity
from engine.ruleset.context import Context
from engine.ruleset.text import Text
from engine.ruleset.versions import NO_VERSION, Version

SYSCALL_SOURCE = "syscall"

#: Warnings about one file, after which it is refused.
MAX_WARNINGS = 10_000


class Priority(IntEnum):
    """How grave a rule's alerts are; smaller is graver. The names are Falco's."""

    EMERGENCY = 0
    ALERT = 1
    CRITICAL = 2
    ERROR = 3
    WARNING = 4
    NOTICE = 5
    INFORMATIONAL = 6
    DEBUG = 7

    @staticmethod
    def parse(text: str) -> Priority:
        """The priority named ``text``, in any case; ``info`` is Informational.

        Raises ValueError for any other text.
        """
        wanted = text.upper()
        if wanted == "INFO":
            return Priority.INFORMATIONAL
        try:
            return Priority[wanted]
        except KeyError:
            raise ValueError(f"unknown priority '{text}'") from None

    @property
    def title(self) -> str:
        """As alerts print it: ``Critical``, ``Informational``."""
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said about a rules file.

    ``text`` may be empty where the code says all. ``place`` is the exact place in a file;
    ``context`` the chain of items as Falco gives it. ``deprecated_field`` is set for codes about
    such a field.
    """

    code: Code
    text: str
    context: Context
    place: Place
    hint: str = ""
    deprecated_field: str = ""

    @property
    def severity(self) -> Severity:
        return self.code.severity

    @property
    def item_type(self) -> str:
        return self.context.item[0]

    @property
    def item_name(self) -> str:
        return self.context.item[1]


@dataclass(frozen=True, slots=True)
class Change:
    """A definition or a later change of an item: what was done (``define``, ``append condition``,
    ``replace priority``, …) and where."""

    what: str
    place: Place


@dataclass(frozen=True, slots=True)
class WrittenException:
    """An exception that has values, as the condition that it stands for: ``body`` holds where an
    event is excepted."""

    name: str
    place: Place
    body: Text


@dataclass(frozen=True, slots=True)
class Written:
    """What a condition was made of, before lists and macros went in; every character of it knows
    its place in a file."""

    condition: Text
    exceptions: tuple[WrittenException, ...] = ()


@dataclass(frozen=True, slots=True)
class ListItem:
    """A list. ``items`` as written, ``expanded`` with the lists among them put in."""

    name: str
    items: tuple[str, ...]
    expanded: tuple[str, ...]
    used: bool
    place: Place
    history: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Macro:
    """A macro. ``condition_text`` as written (appends included); ``condition`` resolved."""

    name: str
    condition_text: str
    condition: ast.Expr
    used: bool
    place: Place
    history: tuple[Change, ...] = ()
    written: Written | None = field(default=None, compare=False, repr=False)


#: Fields, comparisons or values of an exception: one text, or a list of the same.
Entry = str | tuple["Entry", ...]


@dataclass(frozen=True, slots=True)
class Exception_:
    """One exception of a rule, its comparisons filled in."""

    name: str
    fields: Entry
    comps: Entry
    values: tuple[Entry, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class ExtraField:
    """A field that ``append_output`` adds to alerts: ``format``, or a field's own value if raw."""

    format: str
    raw: bool


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that loaded.

    ``condition_text`` is as written, appends included; ``condition`` the tree with exceptions,
    lists and macros put in. ``output_text`` is as written, ``output`` with what ``append_output``
    adds. ``index`` is the place in load order.
    """

    name: str
    source: str
    priority: Priority
    description: str
    condition_text: str
    condition: ast.Expr
    output_text: str
    output: str
    tags: frozenset[str]
    enabled: bool
    exceptions: tuple[Exception_, ...]
    exception_fields: frozenset[str]
    place: Place
    index: int
    capture: bool = False
    capture_duration: int = 0
    warn_evttypes: bool = True
    skip_if_unknown_filter: bool = False
    extra_fields: dict[str, ExtraField] = field(default_factory=dict)
    history: tuple[Change, ...] = ()
    written: Written | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PluginRequirement:
    """A plugin and the version a rules file wants at least."""

    name: str
    version: str


#: A requirement is met by any one of its alternatives.
Alternatives = tuple[PluginRequirement, ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that the files define, resolved, in load order."""

    rules: tuple[Rule, ...] = ()
    macros: tuple[Macro, ...] = ()
    lists: tuple[ListItem, ...] = ()
    required_engine_version: Version = NO_VERSION
    required_plugins: tuple[Alternatives, ...] = ()
