"""Definitions gathered from files in order: what is defined, appended to, replaced.

Order matters in two ways. ``index`` is the place of an item's first definition: rules are judged,
and lists put in, in that order. ``visibility`` moves with every later change: a macro may use the
macros (a list the lists) whose index is below it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from capture.errors import Place
from engine.ruleset.codes import ERR_VALIDATE, NOTE_REDEFINED, WARN_UNKNOWN_SOURCE, Code
from engine.ruleset.context import Context
from engine.ruleset.errors import RuleError
from engine.ruleset.exceptions import ExceptionInfo, FieldTest, check_exception
from engine.ruleset.model import Alternatives, Change, PluginRequirement, Priority
from engine.ruleset.nearest import nearest
from engine.ruleset.text import Growing, Text
from engine.ruleset.versions import ENGINE_VERSION, Version

#: The keys of a rule that ``override`` may append to, and those it may replace.
APPENDABLE = ("condition", "output", "desc", "tags", "exceptions")
REPLACEABLE = (
    "condition",
    "output",
    "desc",
    "priority",
    "capture",
    "capture_duration",
    "tags",
    "exceptions",
    "enabled",
    "warn_evttypes",
    "skip-if-unknown-filter",
)

_NO_LIST = "List uses 'append' or 'override.items: append' but no list by that name already exists"
_NO_MACRO = (
    "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists"
)
_NO_RULE_APPEND = (
    "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
)
_NO_RULE_REPLACE = (
    "An 'override.<key>: replace' to a rule was requested but no rule by that name already exists"
)


@dataclass(slots=True)
class ListInfo:
    name: str
    context: Context
    place: Place
    items: list[Text]
    index: int = 0
    visibility: int = 0
    history: list[Change] = field(default_factory=list)


@dataclass(slots=True)
class MacroInfo:
    name: str
    context: Context
    condition_context: Context
    place: Place
    condition: Growing
    index: int = 0
    visibility: int = 0
    history: list[Change] = field(default_factory=list)


@dataclass(slots=True)
class RuleInfo:
    name: str
    context: Context
    condition_context: Context
    output_context: Context
    place: Place
    condition: Growing
    output: Growing
    description: str
    priority: Priority
    source: str
    tags: set[str] = field(default_factory=set)
    exceptions: list[ExceptionInfo] = field(default_factory=list)
    enabled: bool = True
    capture: bool = False
    capture_duration: int = 0
    warn_evttypes: bool = True
    skip_if_unknown_filter: bool = False
    unknown_source: bool = False
    index: int = 0
    visibility: int = 0
    history: list[Change] = field(default_factory=list)
    _by_name: dict[str, ExceptionInfo] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.set_exceptions(self.exceptions)

    def set_exceptions(self, exceptions: list[ExceptionInfo]) -> None:
        self.exceptions = []
        self._by_name = {}
        for each in exceptions:
            self.add_exception(each)

    def add_exception(self, new: ExceptionInfo) -> None:
        self.exceptions.append(new)
        self._by_name.setdefault(new.name, new)

    def exception(self, name: str) -> ExceptionInfo | None:
        """The first exception of that name."""
        return self._by_name.get(name)


@dataclass(slots=True)
class RuleUpdate:
    """What an append or a replacement of a rule brings; None is not named."""

    name: str
    context: Context
    place: Place
    source: str = ""
    condition: Text | None = None
    output: Text | None = None
    description: str | None = None
    tags: set[str] | None = None
    exceptions: list[ExceptionInfo] | None = None
    priority: Priority | None = None
    capture: bool | None = None
    capture_duration: int | None = None
    enabled: bool | None = None
    warn_evttypes: bool | None = None
    skip_if_unknown_filter: bool | None = None

    def named(self) -> list[str]:
        """The keys that it brings, as rules files write them."""
        brought = {
            "condition": self.condition,
            "output": self.output,
            "desc": self.description,
            "tags": self.tags,
            "exceptions": self.exceptions,
            "priority": self.priority,
            "capture": self.capture,
            "capture_duration": self.capture_duration,
            "enabled": self.enabled,
            "warn_evttypes": self.warn_evttypes,
            "skip-if-unknown-filter": self.skip_if_unknown_filter,
        }
        return [key for key, value in brought.items() if value is not None]


class Sources(Protocol):
    """The event sources at hand."""

    def field_test(self, source: str) -> FieldTest | None:
        """A test whether a text may stand left of a comparison; None for an unknown source."""
        ...

    def source_hint(self, source: str) -> str: ...


Report = Callable[[Code, str, Context, Place, str], None]

_Item = TypeVar("_Item", ListInfo, MacroInfo, RuleInfo)


class Collector:
    """All definitions so far. Methods raise :class:`RuleError` for what Falco refuses."""

    def __init__(self) -> None:
        self.lists: dict[str, ListInfo] = {}
        self.macros: dict[str, MacroInfo] = {}
        self.rules: dict[str, RuleInfo] = {}
        self.required_plugins: list[Alternatives] = []
        self.required_engine = Version(0, 0, 0)
        self._next = 0

    def _count(self) -> int:
        self._next += 1
        return self._next - 1

    def _define(self, items: dict[str, _Item], item: _Item, report: Report) -> None:
        number = self._count()
        previous = items.get(item.name)
        item.index = item.visibility = number
        if previous is not None:
            item.index = previous.index
            item.history = previous.history
            report(
                NOTE_REDEFINED,
                f"'{item.name}' is already defined at {previous.place}",
                item.context,
                item.place,
                "",
            )
        item.history.append(Change("define", item.place))
        items[item.name] = item

    def require_engine(self, wanted: Version, context: Context) -> None:
        if not ENGINE_VERSION.serves(wanted):
            raise RuleError(
                ERR_VALIDATE,
                f"Rules require engine version {wanted}, but engine version is {ENGINE_VERSION}",
                context,
            )
        self.required_engine = max(self.required_engine, wanted)

    def require_plugins(self, alternatives: list[PluginRequirement], context: Context) -> None:
        names: set[str] = set()
        for wanted in alternatives:
            if Version.parse(wanted.version) is None:
                raise RuleError(
                    ERR_VALIDATE,
                    f"Invalid required version '{wanted.version}' for plugin '{wanted.name}'",
                    context,
                )
            if wanted.name in names:
                raise RuleError(
                    ERR_VALIDATE,
                    f"Defined multiple alternative version requirements for plugin '{wanted.name}'",
                    context,
                )
            names.add(wanted.name)
        self.required_plugins.append(tuple(alternatives))

    def define_list(self, info: ListInfo, report: Report) -> None:
        self._define(self.lists, info, report)

    def append_list(self, info: ListInfo) -> None:
        previous = self.lists.get(info.name)
        if previous is None:
            hint = _before(info.name, self.lists)
            raise RuleError(ERR_VALIDATE, _NO_LIST, info.context, hint=hint)
        previous.items.extend(info.items)
        previous.visibility = self._count()
        previous.history.append(Change("append items", info.place))

    def define_macro(self, info: MacroInfo, report: Report) -> None:
        self._define(self.macros, info, report)

    def append_macro(self, info: MacroInfo) -> None:
        previous = self.macros.get(info.name)
        if previous is None:
            hint = _before(info.name, self.macros)
            raise RuleError(ERR_VALIDATE, _NO_MACRO, info.context, hint=hint)
        previous.condition.append(info.condition.text)
        previous.visibility = self._count()
        previous.history.append(Change("append condition", info.place))

    def define_rule(self, info: RuleInfo, sources: Sources, report: Report) -> None:
        self._same_source(info.name, info.source, info.context)
        is_field = sources.field_test(info.source)
        if is_field is None:
            info.unknown_source = True
            report(
                WARN_UNKNOWN_SOURCE,
                f"Unknown source {info.source}, skipping",
                info.context,
                info.place,
                sources.source_hint(info.source),
            )
        for each in info.exceptions:
            if not each.fields.given:
                raise RuleError(
                    ERR_VALIDATE,
                    "Rule exception item must have fields property with a list of fields",
                    each.context,
                    place=each.place,
                )
            check_exception(each, is_field)
        self._define(self.rules, info, report)

    def enable_rule(self, name: str, enabled: bool, context: Context, place: Place) -> None:
        previous = self.rules.get(name)
        if previous is None:
            raise RuleError(
                ERR_VALIDATE,
                "Rule has 'enabled' key but no rule by that name already exists",
                context,
                hint=_before(name, self.rules),
            )
        previous.enabled = enabled
        previous.history.append(Change("replace enabled", place))

    def append_rule(self, update: RuleUpdate, sources: Sources) -> None:
        rule = self._same_source(update.name, update.source, update.context)
        if rule is None:
            hint = _before(update.name, self.rules)
            raise RuleError(ERR_VALIDATE, _NO_RULE_APPEND, update.context, hint=hint)
        if not update.named():
            raise RuleError(
                ERR_VALIDATE,
                "Appended rule must have exceptions or condition property",
                update.context,
            )
        is_field = self._field_test(rule, update.context, sources)
        if update.condition is not None and update.condition.value:
            rule.condition.append(update.condition)
        if update.output is not None and update.output.value:
            rule.output.append(update.output)
        if update.description:
            rule.description += " " + update.description
        if update.tags is not None:
            rule.tags |= update.tags
        for each in update.exceptions or ():
            _append_exception(rule, each, is_field)
        rule.visibility = self._count()
        rule.history.append(Change("append " + ", ".join(update.named()), update.place))

    def replace_in_rule(self, update: RuleUpdate, sources: Sources) -> None:
        rule = self._same_source(update.name, update.source, update.context)
        if rule is None:
            hint = _before(update.name, self.rules)
            raise RuleError(ERR_VALIDATE, _NO_RULE_REPLACE, update.context, hint=hint)
        if not update.named():
            raise RuleError(
                ERR_VALIDATE,
                "The rule must have at least one field that can be replaced",
                update.context,
            )
        is_field = self._field_test(rule, update.context, sources)
        if update.exceptions is not None:
            for each in update.exceptions:
                check_exception(each, is_field)
            rule.set_exceptions(update.exceptions)
        if update.condition is not None:
            rule.condition = Growing(update.condition)
        if update.output is not None:
            rule.output = Growing(update.output)
        if update.description is not None:
            rule.description = update.description
        if update.tags is not None:
            rule.tags = update.tags
        if update.priority is not None:
            rule.priority = update.priority
        if update.capture is not None:
            rule.capture = update.capture
        if update.capture_duration is not None:
            rule.capture_duration = update.capture_duration
        if update.enabled is not None:
            rule.enabled = update.enabled
        if update.warn_evttypes is not None:
            rule.warn_evttypes = update.warn_evttypes
        if update.skip_if_unknown_filter is not None:
            rule.skip_if_unknown_filter = update.skip_if_unknown_filter
        rule.visibility = self._count()
        rule.history.append(Change("replace " + ", ".join(update.named()), update.place))

    def _same_source(self, name: str, source: str, context: Context) -> RuleInfo | None:
        previous = self.rules.get(name)
        if previous is not None and previous.source and source and previous.source != source:
            raise RuleError(
                ERR_VALIDATE,
                "Rule has been re-defined with a different source",
                context,
                hint=f"It has source {previous.source}, defined at {previous.place}.",
            )
        return previous

    def _field_test(self, rule: RuleInfo, context: Context, sources: Sources) -> FieldTest | None:
        if rule.unknown_source:
            return None
        is_field = sources.field_test(rule.source)
        if is_field is None:
            raise RuleError(ERR_VALIDATE, f"Unknown source {rule.source}", context)
        return is_field


def _before(name: str, known: Iterable[str]) -> str:
    """What to do where something is changed that is not there."""
    return nearest(name, known) or "Give the file that defines it before this one."


def _append_exception(rule: RuleInfo, new: ExceptionInfo, is_field: FieldTest | None) -> None:
    def refuse(message: str) -> RuleError:
        return RuleError(ERR_VALIDATE, message, new.context, place=new.place)

    previous = rule.exception(new.name)
    if previous is None:
        if not new.fields.given:
            raise refuse("Rule exception must have fields property with a list of fields")
        if not new.values:
            raise refuse("Rule exception must have values property with a list of values")
        check_exception(new, is_field)
        rule.add_exception(new)
        return
    if new.fields.given:
        raise refuse("Can not append exception fields to existing exception, only values")
    if new.comps.given:
        raise refuse("Can not append exception comps to existing exception, only values")
    previous.values.extend(new.values)
