"""A checker that knows a few sources and finds nothing wrong, and short ways to load text."""

from __future__ import annotations

from dataclasses import dataclass, field

from capture.errors import FalcowbError
from engine.language.ast import Expr
from engine.language.errors import ConditionError
from engine.language.walk import fields
from engine.ruleset.checker import ConditionWarning
from engine.ruleset.exceptions import FieldTest
from engine.ruleset.loader import LoadResult, load_rules
from engine.ruleset.model import Message
from engine.ruleset.options import LoadOptions, RuleFile


@dataclass
class AnyField:
    """Every field exists but those named in ``unknown``."""

    sources: tuple[str, ...] = ("syscall",)
    unknown: frozenset[str] = frozenset()
    event_types: int = 1
    judged: list[Expr] = field(default_factory=list)

    def field_test(self, source: str) -> FieldTest | None:
        return (lambda text: text not in self.unknown) if source in self.sources else None

    def source_hint(self, source: str) -> str:
        return f"load a plugin for {source}"

    def condition(self, expr: Expr, source: str) -> list[ConditionWarning]:
        self.judged.append(expr)
        for each in fields(expr):
            if each.name in self.unknown:
                raise ConditionError(
                    f"filter_check called with nonexistent field {each.name}", pos=each.pos
                )
        return []

    def output(self, output: str, source: str) -> list[str]:
        for name in self.unknown:
            if f"%{name}" in output:
                raise FalcowbError(f"invalid formatting token {name}")
        return []

    def event_type_count(self, expr: Expr) -> int:
        return self.event_types

    def event_names(self, expr: Expr, source: str) -> list[str]:
        return []


def load(*texts: str, checker: AnyField | None = None, **options: object) -> LoadResult:
    """The texts as files ``1.yaml``, ``2.yaml`` …"""
    files = [RuleFile(f"{number}.yaml", text) for number, text in enumerate(texts, 1)]
    return load_rules(files, checker or AnyField(), LoadOptions(**options))  # type: ignore[arg-type]


def only_error(*texts: str, checker: AnyField | None = None, **options: object) -> Message:
    """The one error of loading the texts."""
    errors = load(*texts, checker=checker, **options).errors
    assert len(errors) == 1, [error.text for error in errors]
    return errors[0]


def rule(name: str = "r", condition: str = "evt.type = open", more: str = "") -> str:
    head = f"- rule: {name}\n  desc: d\n  condition: {condition}\n"
    return f"{head}  output: o\n  priority: INFO\n{more}"
