"""The rule set's questions answered by the catalogue, the compiler and the output formatter."""

from __future__ import annotations

from capture.errors import FalcowbError
from engine.compile import Interner, compile_condition
from engine.evttypes import event_names, event_types
from engine.fields.catalogue import Catalogue
from engine.language.ast import Binary, Expr, Unary
from engine.language.parser import parse, scan_field
from engine.language.walk import checks
from engine.output import OutputFormat
from engine.remarks import Remark
from engine.ruleset.checker import ConditionWarning
from engine.ruleset.exceptions import FieldTest
from engine.ruleset.model import SYSCALL_SOURCE
from engine.ruleset.nearest import nearest

#: Codes of events that plugins make, and that come from beside the sources.
PLUGIN_EVENT = 322
ASYNC_EVENT = 402

#: Checks remembered; a large rule set has some thousands.
_MOST_KEPT = 50_000

#: Sources of which everybody knows the plugin.
_PLUGIN_OF = {"k8s_audit": "k8s_audit", "aws_cloudtrail": "aws_cloudtrail"}


class EngineChecker:
    """A :class:`~engine.ruleset.checker.Checker` over the fields of ``catalogue``.

    Keeps what it compiled, so that rules checked again cost little.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self._interners: dict[str, Interner] = {}
        # By identity, which holds while the node is kept beside what is known of it.
        self._checked: dict[tuple[int, str], tuple[Expr, tuple[ConditionWarning, ...]]] = {}
        self._outputs: dict[tuple[str, str], tuple[str, ...]] = {}

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
        # Check by check: those that a macro brings are the same nodes in every rule.
        return [warning for check in checks(expr) for warning in self._check(check, source)]

    def _check(self, check: Unary | Binary, source: str) -> tuple[ConditionWarning, ...]:
        known = self._checked.get((id(check), source))
        if known is not None:
            return known[1]
        remarks: list[Remark] = []
        interner = self._interners.setdefault(source, Interner())
        compile_condition(check, self.catalogue, source, interner=interner, remarks=remarks)
        warnings = tuple(ConditionWarning(remark.text, remark.pos) for remark in remarks)
        if len(self._checked) >= _MOST_KEPT:
            self._checked.clear()
            self._interners.clear()
        self._checked[id(check), source] = (check, warnings)
        return warnings

    def output(self, output: str, source: str) -> list[str]:
        names = self._outputs.get((output, source))
        if names is None:
            names = tuple(OutputFormat.parse(output, self.catalogue, source).names)
            if len(self._outputs) >= _MOST_KEPT:
                self._outputs.clear()
            self._outputs[output, source] = names
        return list(names)

    def event_type_count(self, expr: Expr) -> int:
        return len(event_types(expr))

    def event_names(self, expr: Expr, source: str) -> list[str]:
        codes = event_types(expr) if source == SYSCALL_SOURCE else frozenset({PLUGIN_EVENT})
        return sorted(event_names(codes | {ASYNC_EVENT}))
