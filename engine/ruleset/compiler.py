"""From collected definitions to rules that can be judged, in Falco's order of checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial

from capture.errors import FalcowbError, Place
from engine.language.ast import Expr
from engine.language.errors import ConditionError
from engine.ruleset.checker import Checker, is_unknown
from engine.ruleset.codes import (
    DEPRECATED_FIELDS,
    ERR_COMPILE_CONDITION,
    ERR_COMPILE_OUTPUT,
    ERR_VALIDATE,
    NOTE_LIST_NOT_EXPANDED,
    WARN_COMPILE_CONDITION,
    WARN_DEPRECATED_ITEM,
    WARN_NO_EVTTYPE,
    WARN_UNKNOWN_FILTER,
    WARN_UNSAFE_NA_CHECK,
    WARN_UNUSED_LIST,
    WARN_UNUSED_MACRO,
    Code,
)
from engine.ruleset.collector import Collector, ListInfo, MacroInfo, RuleInfo
from engine.ruleset.conditions import ConditionSource
from engine.ruleset.context import Context
from engine.ruleset.errors import RuleError
from engine.ruleset.exceptions import EntryNode, with_exceptions
from engine.ruleset.lists import MAX_ITEMS, ExpandedList
from engine.ruleset.macros import Known, Resolution, Resolver, TooDeep
from engine.ruleset.model import (
    MAX_WARNINGS,
    SYSCALL_SOURCE,
    Definitions,
    Entry,
    Exception_,
    ExtraField,
    ListItem,
    Macro,
    Message,
    Rule,
    Written,
    WrittenException,
)
from engine.ruleset.nearest import nearest
from engine.ruleset.options import AppendOutput
from engine.ruleset.suspicions import (
    compares_with_na,
    deprecated_fields,
    deprecated_in_output,
)
from engine.ruleset.text import Text

#: More event codes than this and Falco calls the rule unrestricted.
MANY_EVENT_TYPES = 100

#: Nodes of all conditions together, items of lists counted too, once macros are put in.
MAX_ALL_NODES = 5_000_000

_CONTAINER_INFO = "%container.info"
_CONTAINER_INFO_DEPRECATED = (
    "%container.info is deprecated and stands for nothing any more: it is left out. Name the "
    "container fields that are wanted"
)


@dataclass(slots=True)
class Compiled:
    """``definitions`` is None after an error. ``errors`` holds at most Falco's one, ``further``
    those that other rules have besides."""

    definitions: Definitions | None = None
    errors: list[Message] = field(default_factory=list)
    further: list[Message] = field(default_factory=list)
    warnings: list[Message] = field(default_factory=list)


@dataclass(slots=True)
class _CompiledMacro:
    info: MacroInfo
    own: Expr
    expr: Expr
    used: bool = False


class Compiler:
    """One compilation of all definitions so far."""

    def __init__(
        self,
        collector: Collector,
        checker: Checker,
        conditions: ConditionSource,
        append_output: Iterable[AppendOutput] = (),
        all_errors: bool = False,
    ) -> None:
        self._collector = collector
        self._checker = checker
        self._conditions = conditions
        self._append_output = tuple(append_output)
        self._all_errors = all_errors
        self._lists: list[ExpandedList] = []
        self._macros: dict[str, _CompiledMacro] = {}
        self._out = Compiled()
        self._known = Known()
        self._nodes = 0
        self._event_types = 0  # that the condition last compiled can match

    def compile(self) -> Compiled:
        out = self._out
        try:
            self._compile_lists()
            self._compile_macros()
            rules = self._compile_rules()
            if out.errors:
                return out
            self._warn_unused()
        except RuleError as error:
            out.errors.append(error.as_message())
            return out
        out.definitions = Definitions(
            tuple(rules),
            tuple(map(_macro, self._macros.values())),
            tuple(
                _list(info, expanded)
                for info, expanded in zip(self._collector.lists.values(), self._lists, strict=True)
            ),
            self._collector.required_engine,
            tuple(self._collector.required_plugins),
        )
        return out

    def _warn(
        self,
        code: Code,
        text: str,
        context: Context,
        place: Place,
        *,
        hint: str = "",
        deprecated_field: str = "",
    ) -> None:
        if self._out.errors:
            return  # Falco would not have come this far
        if len(self._out.warnings) >= MAX_WARNINGS:
            raise RuleError(
                ERR_VALIDATE, f"more than {MAX_WARNINGS} warnings", context, place=place
            )
        self._out.warnings.append(Message(code, text, context, place, hint, deprecated_field))

    # Lists

    def _compile_lists(self) -> None:
        lists = self._collector.lists
        total = 0
        used: set[str] = set()
        for info in lists.values():
            items: list[Text] = []
            for item in info.items:
                inner = lists.get(item.value)
                if inner is None or inner.index >= info.visibility:
                    items.append(item)
                    continue
                used.add(inner.name)
                total += len(inner.items)
                if total > MAX_ITEMS:
                    raise RuleError(
                        ERR_VALIDATE,
                        f"the lists grow beyond {MAX_ITEMS} items when lists are put in",
                        info.context,
                        place=item.place(0),
                    )
                items.extend(inner.items)
                self._note_not_expanded(info, inner)
            self._lists.append(ExpandedList(info.name, tuple(items)))
        for each in self._lists:
            each.used = each.name in used

    def _note_not_expanded(self, outer: ListInfo, inner: ListInfo) -> None:
        """An item two levels down is expanded later only if its list is defined after ``outer``:
        conditions get the lists in order of definition."""
        lists = self._collector.lists
        for item in inner.items:
            deeper = lists.get(item.value)
            if deeper is not None and deeper.index < outer.index:
                self._warn(
                    NOTE_LIST_NOT_EXPANDED,
                    f"'{item.value}', an item of list '{inner.name}', stays a plain word in list "
                    f"'{outer.name}'",
                    outer.context,
                    item.place(0) or outer.place,
                    hint=f"Name the list '{item.value}' in '{outer.name}' itself.",
                )

    # Macros

    def _compile_macros(self) -> None:
        for info in self._collector.macros.values():
            own = self._conditions.parse(info.condition.text, self._lists, info.condition_context)
            self._macros[info.name] = _CompiledMacro(info, own, own)
        for macro in self._macros.values():
            resolver = Resolver(partial(self._macro_before, macro.info.visibility), self._known)
            resolution = self._resolve(
                resolver, macro.own, macro.info.condition.text, macro.info.context
            )
            macro.expr = resolution.expr

    def _macro_before(self, visibility: int | None, name: str) -> Expr | None:
        """The tree of a macro, if it was defined before ``visibility`` (None: always)."""
        macro = self._macros.get(name)
        if macro is None or (visibility is not None and macro.info.index >= visibility):
            return None
        return macro.expr

    def _resolve(
        self, resolver: Resolver, own: Expr, condition: Text, context: Context
    ) -> Resolution:
        try:
            resolution = resolver.resolve(own)
        except TooDeep as error:
            raise RuleError(ERR_VALIDATE, str(error), context, place=condition.place(0)) from None
        problem = next(iter(resolution.loops), None)
        hint = ""
        if problem is None and resolution.unknown:
            name, pos = resolution.unknown[0]
            problem = (f"Undefined macro '{name}' used in filter.", pos)
            hint = self._undefined_hint(name)
        if problem is not None:
            message, pos = problem
            raise RuleError(
                ERR_VALIDATE,
                message,
                context.in_condition(condition.value, pos.index, pos.line, pos.column),
                place=self._conditions.place(pos) or condition.place(0),
                hint=hint,
            )
        for name in resolution.resolved:
            self._macros[name].used = True
        self._nodes += self._known.nodes(resolution.expr)
        if self._nodes > MAX_ALL_NODES:
            raise RuleError(
                ERR_VALIDATE,
                f"the conditions together grow beyond {MAX_ALL_NODES} checks",
                context,
                place=condition.place(0),
            )
        return resolution

    def _undefined_hint(self, name: str) -> str:
        if name in self._macros:
            return f"'{name}' is defined later; define it before the macro that uses it"
        if name in self._collector.lists:
            return f"'{name}' is a list: compare a field with it, as in 'proc.name in ({name})'"
        return nearest(name, self._macros)

    # Rules

    def _compile_rules(self) -> list[Rule]:
        rules: list[Rule] = []
        resolver = Resolver(partial(self._macro_before, None), self._known)
        for info in self._collector.rules.values():
            if info.unknown_source:
                continue
            try:
                rule = self._rule(info, resolver, len(rules))
            except RuleError as error:
                message = error.as_message()
                if self._out.errors:
                    self._out.further.append(message)
                else:
                    self._out.errors.append(message)
                if not self._all_errors:
                    break
                continue
            if rule is not None:
                rules.append(rule)
        return rules

    def _rule(self, info: RuleInfo, resolver: Resolver, index: int) -> Rule | None:
        """None for a rule that is left out because it says skip-if-unknown-filter."""
        condition = info.condition.text
        exception_fields: frozenset[str] = frozenset()
        exceptions: tuple[WrittenException, ...] = ()
        if info.exceptions:
            excepted = with_exceptions(condition, info.exceptions)
            condition, exception_fields = excepted.condition, excepted.fields
            exceptions = tuple(
                WrittenException(each.name, each.place, body) for each, body in excepted.bodies
            )
        output, extra = self._output(info)
        if output is None:
            return None
        expr = self._condition(info, condition, resolver)
        if expr is None:
            return None
        if info.warn_evttypes and self._event_types > MANY_EVENT_TYPES:
            self._warn(
                WARN_NO_EVTTYPE,
                "Rule matches too many evt.type values. This has a significant performance "
                "penalty.",
                info.context,
                info.place,
            )
        return Rule(
            info.name,
            info.source,
            info.priority,
            info.description,
            info.condition.value,
            expr,
            info.output.value,
            output,
            frozenset(info.tags),
            info.enabled,
            tuple(
                Exception_(
                    each.name,
                    _entry(each.fields),
                    _entry(each.comps),
                    tuple(map(_entry, each.values)),
                    each.place,
                )
                for each in info.exceptions
            ),
            exception_fields,
            info.place,
            index,
            info.capture,
            info.capture_duration,
            info.warn_evttypes,
            info.skip_if_unknown_filter,
            extra,
            tuple(info.history),
            Written(info.condition.text, exceptions),
        )

    def _output(self, info: RuleInfo) -> tuple[str | None, dict[str, ExtraField]]:
        """The output with what is appended to it, and the fields added; None to leave the rule
        out."""
        text = info.output.text
        place = text.place(0) or info.place
        output = text.value
        extra: dict[str, ExtraField] = {}
        for each in self._append_output:
            if not each.applies(info.name, info.source, info.tags):
                continue
            if each.output:
                output += " " + each.output
            for key, fmt in each.fields:
                extra[key] = ExtraField(fmt, raw=False)
            for key in each.raw_fields:
                extra[key] = ExtraField("%" + key, raw=True)
        if _CONTAINER_INFO in output:
            self._warn(WARN_DEPRECATED_ITEM, _CONTAINER_INFO_DEPRECATED, info.context, place)
            output = output.replace(_CONTAINER_INFO, "")
        try:
            self._checker.output(output, info.source)
        except FalcowbError as error:
            where = _in_output(text, error) or place
            if is_unknown(error.message) and info.skip_if_unknown_filter:
                self._warn(
                    WARN_UNKNOWN_FILTER, error.message, info.output_context, where, hint=error.hint
                )
                return None, extra
            raise RuleError(
                ERR_COMPILE_OUTPUT, error.message, info.output_context, place=where, hint=error.hint
            ) from None
        self._deprecated_in_output(output, info, place)
        for name in sorted(extra):
            fmt = extra[name].format
            try:
                self._checker.output(fmt, info.source)
            except FalcowbError as error:
                raise RuleError(
                    ERR_COMPILE_OUTPUT,
                    error.message,
                    info.output_context,
                    place=place,
                    hint=error.hint or f"In '{fmt}', which append_output adds.",
                ) from None
            self._deprecated_in_output(fmt, info, place)
        return output, extra

    def _deprecated_in_output(self, output: str, info: RuleInfo, place: Place) -> None:
        for name in deprecated_in_output(output):
            self._warn(
                WARN_DEPRECATED_ITEM,
                f"usage of deprecated field '{name}' has been detected in the rule output",
                info.output_context,
                place,
                deprecated_field=name,
            )

    def _condition(self, info: RuleInfo, condition: Text, resolver: Resolver) -> Expr | None:
        own = self._conditions.parse(condition, self._lists, info.condition_context)
        expr = self._resolve(resolver, own, condition, info.context).expr
        whole = info.condition_context.in_condition(condition.value, 0, 0, 0)
        start = condition.place(0) or info.place
        if compares_with_na(expr):
            self._warn(WARN_UNSAFE_NA_CHECK, "", whole, start)
        for name in deprecated_fields(expr):
            self._warn(
                WARN_DEPRECATED_ITEM, DEPRECATED_FIELDS[name], whole, start, deprecated_field=name
            )
        try:
            remarks = self._checker.condition(expr, info.source)
            syscall = info.source == SYSCALL_SOURCE
            self._event_types = self._checker.event_type_count(expr) if syscall else 0
        except ConditionError as error:
            pos = error.pos
            context = info.condition_context.in_condition(
                condition.value, pos.index, pos.line, pos.column
            )
            place = self._conditions.place(pos) or start
            if is_unknown(error.message) and info.skip_if_unknown_filter:
                self._warn(WARN_UNKNOWN_FILTER, error.message, context, place, hint=error.hint)
                return None
            raise RuleError(
                ERR_COMPILE_CONDITION, error.message, context, place=place, hint=error.hint
            ) from None
        for remark in remarks:
            pos = remark.pos
            context = info.condition_context.in_condition(
                condition.value, pos.index, pos.line, pos.column
            )
            place = self._conditions.place(pos) or start
            self._warn(WARN_COMPILE_CONDITION, remark.text, context, place)
        return expr

    def _warn_unused(self) -> None:
        for macro in self._macros.values():
            if not macro.used:
                self._warn(
                    WARN_UNUSED_MACRO,
                    "Macro not referred to by any other rule/macro",
                    macro.info.context,
                    macro.info.place,
                )
        for info, expanded in zip(self._collector.lists.values(), self._lists, strict=True):
            if not expanded.used:
                self._warn(
                    WARN_UNUSED_LIST,
                    "List not referred to by any other rule/macro",
                    info.context,
                    info.place,
                )


def _in_output(text: Text, error: FalcowbError) -> Place | None:
    """Where in the rules file an error about the output stands, if the error knows where in the
    output it is."""
    pos = getattr(error, "pos", None)
    index = getattr(pos, "index", None)
    return text.place(index) if isinstance(index, int) and index < len(text) else None


def _macro(macro: _CompiledMacro) -> Macro:
    info = macro.info
    return Macro(
        info.name,
        info.condition.value,
        macro.expr,
        macro.used,
        info.place,
        tuple(info.history),
        Written(info.condition.text),
    )


def _list(info: ListInfo, expanded: ExpandedList) -> ListItem:
    return ListItem(
        info.name,
        tuple(item.value for item in info.items),
        tuple(item.value for item in expanded.items),
        expanded.used,
        info.place,
        tuple(info.history),
    )


def _entry(node: EntryNode) -> Entry:
    return tuple(map(_entry, node.items)) if node.is_list else node.item.value
