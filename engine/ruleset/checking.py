"""The rule set's questions answered by the catalogue, the compiler and the output formatter."""

from __future__ import annotations

from capture.errors import FalcowbError
from engine.compile import Interner, compile_condition
from engine.evttypes import event_names, event_types
from engine.fields.catalogue import Catalogue
from engine.language.ast import Expr
from engine.language.parser import parse, scan_field
from engine.output import OutputFormat
from engine.remarks import Remark
from engine.ruleset.checker import ConditionWarning
from engine.ruleset.exceptions import FieldTest
from engine.ruleset.model import SYSCALL_SOURCE
from engine.ruleset.nearest import nearest

#: Codes of events that plugins make, and that come from beside the sources.
PLUGIN_EVENT = 322
ASYNC_EVENT = 402

#: Sources of which everybody knows the plugin.
_PLUGIN_OF = {"k8s_audit": "k8s_audit", "aws_cloudtrail": "aws_cloudtrail"}


class EngineChecker:
    """A :class:`~engine.ruleset.checker.Checker` over the fields of ``catalogue``.

    Keeps what it compiled, so that rules checked again cost little.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._interners: dict[str, Interner] = {}

    def field_test(self, source: str) -> FieldTest | None:
        if source not in self.catalogue.sources:
            return None
        return lambda text: self._is_left_side(text, source)

    def _is_left_side(self, text: str, source: str) -> bool:
        """Whether a field, or a transformer over one, can be compared."""
        try:
            if "(" in text:
                compile_condition(parse(f"{text} exists"), self.catalogue, source)
            else:
                field, end = scan_field(text)
                if end != len(text):
                    return False
                self.catalogue.lookup(field.name, field.arg, source)
        except FalcowbError:
            return False
        return True

    def source_hint(self, source: str) -> str:
        plugin = _PLUGIN_OF.get(source)
        if plugin is not None:
            return f"The plugin {plugin} provides it: name it under 'plugins' in falco.yaml."
        known = self.catalogue.sources
        return nearest(source, known) or f"Known: {', '.join(known)}."

    def condition(self, expr: Expr, source: str) -> list[ConditionWarning]:
        remarks: list[Remark] = []
        interner = self._interners.setdefault(source, Interner())
        compile_condition(expr, self.catalogue, source, interner=interner, remarks=remarks)
        return [ConditionWarning(remark.text, remark.pos) for remark in remarks]

    def output(self, output: str, source: str) -> list[str]:
        return list(OutputFormat.parse(output, self.catalogue, source).names)

    def event_type_count(self, expr: Expr) -> int:
        return len(event_types(expr))

    def event_names(self, expr: Expr, source: str) -> list[str]:
        codes = event_types(expr) if source == SYSCALL_SOURCE else frozenset({PLUGIN_EVENT})
        return sorted(event_names(codes | {ASYNC_EVENT}))
