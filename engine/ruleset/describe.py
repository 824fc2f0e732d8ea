"""Rules, macros and lists described: what they say, and what they come to.

The shape is that of Falco's own description of rules in JSON.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from engine.language.ast import Expr
from engine.language.errors import ConditionError
from engine.language.parser import Parser
from engine.language.printer import to_string
from engine.ruleset.checker import Checker
from engine.ruleset.conditions import MAX_DEPTH
from engine.ruleset.details import Details, details
from engine.ruleset.model import SYSCALL_SOURCE, Definitions, Entry, ListItem, Macro, Rule


@dataclass(frozen=True, slots=True)
class PluginFields:
    """A plugin, the source it provides (or none), and the fields it has for which sources (none
    named: for all)."""

    name: str
    event_source: str
    fields: frozenset[str]
    sources: frozenset[str] = frozenset()


class Describer:
    """Describes the items of one load. ``plugins`` are what rules may hang on."""

    def __init__(
        self,
        definitions: Definitions,
        checker: Checker,
        plugins: Iterable[PluginFields] = (),
    ) -> None:
        self._definitions = definitions
        self._checker = checker
        self._plugins = tuple(plugins)
        self._macros = {macro.name for macro in definitions.macros}
        self._lists = {each.name for each in definitions.lists}

    def everything(self) -> dict[str, Any]:
        """Version requirements, rules, macros and lists, each in load order."""
        defined = self._definitions
        return {
            "required_engine_version": str(defined.required_engine_version),
            "required_plugin_versions": [
                {
                    "name": first.name,
                    "version": first.version,
                    "alternatives": [
                        {"name": each.name, "version": each.version} for each in others
                    ],
                }
                for first, *others in defined.required_plugins
            ],
            "rules": [self.rule(rule) for rule in defined.rules],
            "macros": [self.macro(macro) for macro in defined.macros],
            "lists": [self.list_item(each) for each in defined.lists],
        }

    def rule(self, rule: Rule) -> dict[str, Any]:
        own, whole = self._details(rule.condition_text), self._of(rule.condition)
        fields = self._checker.output(rule.output, rule.source)
        output_fields = [*(extra.format for extra in rule.extra_fields.values()), *fields]
        about: dict[str, Any] = {
            **_condition_details(own, whole),
            "output_fields": output_fields,
            "exception_fields": sorted(rule.exception_fields),
            "exception_names": sorted({each.name for each in rule.exceptions}),
            "exception_operators": sorted(
                {op for each in rule.exceptions for op in _texts(each.comps)}
            ),
            "events": self._checker.event_names(rule.condition, rule.source),
            "condition_compiled": to_string(rule.condition),
            "output_compiled": rule.output,
            "plugins": self._used_plugins(rule.source, whole, output_fields),
        }
        formatted = {key: extra.format for key, extra in rule.extra_fields.items() if not extra.raw}
        if formatted:
            about["extra_output_formatted_fields"] = formatted
        return {
            "info": {
                "name": rule.name,
                "condition": rule.condition_text,
                "priority": rule.priority.title,
                "output": rule.output_text,
                "description": rule.description,
                "enabled": rule.enabled,
                "source": rule.source,
                "capture": rule.capture,
                "capture_duration": rule.capture_duration,
                "tags": sorted(rule.tags),
            },
            "details": about,
        }

    def macro(self, macro: Macro) -> dict[str, Any]:
        own, whole = self._details(macro.condition_text), self._of(macro.condition)
        return {
            "info": {"name": macro.name, "condition": macro.condition_text},
            "details": {
                "used": macro.used,
                **_condition_details(own, whole),
                "events": self._checker.event_names(macro.condition, SYSCALL_SOURCE),
                "condition_compiled": to_string(macro.condition),
                "plugins": [],
            },
        }

    def list_item(self, item: ListItem) -> dict[str, Any]:
        expanded = set(item.expanded)
        return {
            "info": {
                "name": item.name,
                "items": [each for each in item.items if each in expanded],
            },
            "details": {
                "used": item.used,
                "lists": sorted({each for each in item.items if each not in expanded}),
                "items_compiled": list(item.expanded),
                "plugins": [],
            },
        }

    def _details(self, condition: str) -> Details:
        """The details of a condition as written, before lists and macros are put in. One that
        parses only with its lists put in has none to tell."""
        try:
            expr = Parser(condition, max_depth=MAX_DEPTH).parse()
        except ConditionError:
            return Details()
        return self._of(expr)

    def _of(self, expr: Expr) -> Details:
        return details(expr, self._macros, self._lists)

    def _used_plugins(self, source: str, whole: Details, output_fields: list[str]) -> list[str]:
        names = {name.partition("[")[0] for name in (*whole.fields, *output_fields)}
        return sorted(
            plugin.name
            for plugin in self._plugins
            if plugin.event_source == source
            or (
                (not plugin.sources or source in plugin.sources)
                and not plugin.fields.isdisjoint(names)
            )
        )


def _condition_details(own: Details, whole: Details) -> dict[str, Any]:
    return {
        "macros": sorted(own.macros),
        "lists": sorted(own.lists),
        "condition_operators": sorted(whole.operators),
        "condition_fields": sorted(whole.fields),
    }


def _texts(entry: Entry) -> list[str]:
    return [entry] if isinstance(entry, str) else [text for each in entry for text in _texts(each)]
