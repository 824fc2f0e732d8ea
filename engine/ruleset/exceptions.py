"""Exceptions of a rule, turned into the ``and not (…)`` they stand for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from capture.errors import Place
from engine.language import grammar
from engine.ruleset.codes import ERR_VALIDATE
from engine.ruleset.context import Context
from engine.ruleset.errors import RuleError
from engine.ruleset.lists import quoted
from engine.ruleset.text import Text

_BLANKS = " \t\r\n"
#: Operators that compare with one text and so may be followed by oneof, anyof or allof.
_WITH_MODIFIER = frozenset(grammar.STRING_OPERATORS)
_SINGLE_FIELD = ("in", "pmatch", "intersects")

FieldTest = Callable[[str], bool]


@dataclass(slots=True)
class EntryNode:
    """Fields, comparisons or values as written: one text, or a list of the same.

    A list that is empty, and a text that is, count as not given.
    """

    is_list: bool = False
    item: Text = field(default_factory=lambda: Text(()))
    items: list[EntryNode] = field(default_factory=list)

    @property
    def given(self) -> bool:
        return bool(self.items) if self.is_list else bool(self.item.value)

    @staticmethod
    def of(text: str) -> EntryNode:
        return EntryNode(item=Text.of(text))


@dataclass(slots=True)
class ExceptionInfo:
    """An exception as collected from one or several files."""

    name: str
    context: Context
    place: Place
    fields: EntryNode = field(default_factory=EntryNode)
    comps: EntryNode = field(default_factory=EntryNode)
    values: list[EntryNode] = field(default_factory=list)


def takes_modifier(op: str) -> bool:
    """Whether ``op`` is such as ``startswith oneof``."""
    base, _, modifier = op.partition(" ")
    return modifier in grammar.MODIFIERS and base in _WITH_MODIFIER


def _takes_list(op: str) -> bool:
    return op in grammar.LIST_OPERATORS or takes_modifier(op)


def check_exception(info: ExceptionInfo, is_field: FieldTest | None) -> None:
    """Fill in the comparisons left out and check fields against comparisons.

    ``is_field`` tells whether a text may stand on the left of a comparison; None where the rule's
    source is unknown. Raises :class:`RuleError`.
    """

    def refuse(message: str) -> RuleError:
        return RuleError(ERR_VALIDATE, message, info.context, place=info.place)

    fields, comps = info.fields, info.comps
    if fields.is_list:
        if not comps.given:
            comps.is_list = True
            comps.items = [EntryNode.of("=") for _ in fields.items]
        if len(fields.items) != len(comps.items):
            raise refuse("Fields and comps lists must have equal length")
        for comp in comps.items:
            op = _trimmed(comp)
            if op not in grammar.OPERATORS and not takes_modifier(op):
                raise refuse(f"'{op}' is not a supported comparison operator")
        names = fields.items
    else:
        if not comps.given:
            comps.is_list = False
            comps.item = Text.of("in")
        if comps.is_list:
            raise refuse("Fields and comps must both be strings")
        op = _trimmed(comps)
        if op not in _SINGLE_FIELD and not takes_modifier(op):
            raise refuse(
                "When fields is a single value, comps must be one of (in, pmatch, intersects) or a "
                "modifier operator (e.g. startswith oneof)"
            )
        names = [fields]
    if is_field is not None:
        for name in names:
            if not is_field(name.item.value):
                raise refuse(f"'{name.item.value}' is not a supported filter field")


def _trimmed(comp: EntryNode) -> str:
    """The comparison without blanks around it, put back into the entry."""
    value = comp.item.value
    start = len(value) - len(value.lstrip(_BLANKS))
    end = len(value.rstrip(_BLANKS))
    comp.item = Text(comp.item.cut(start, max(start, end)))
    return comp.item.value


@dataclass(frozen=True, slots=True)
class Excepted:
    """``condition`` in brackets and ``and not (…)`` for each exception that has values; ``fields``
    that the exceptions compare; ``bodies``: what stands after each ``not``."""

    condition: Text
    fields: frozenset[str]
    bodies: tuple[tuple[ExceptionInfo, Text], ...]


def with_exceptions(condition: Text, exceptions: Sequence[ExceptionInfo]) -> Excepted:
    """The condition less its exceptions. Raises :class:`RuleError`."""
    parts: list[Text | str] = ["(", condition, ")"]
    names: set[str] = set()
    bodies: list[tuple[ExceptionInfo, Text]] = []
    for each in exceptions:
        body = _many_fields(each, names) if each.fields.is_list else _one_field(each, names)
        if body:
            bodies.append((each, Text.join(body)))
            parts += [" and not ", bodies[-1][1]]
    return Excepted(Text.join(parts), frozenset(names), tuple(bodies))


def _one_field(each: ExceptionInfo, names: set[str]) -> list[Text | str]:
    parts: list[Text | str] = []
    for value in each.values:
        if value.is_list:
            raise RuleError(
                ERR_VALIDATE,
                "Expected values array to contain a list of strings",
                each.context,
                place=_first_place(value) or each.place,
            )
        if parts:
            parts.append(", ")
        else:
            parts += ["(", each.fields.item, " ", each.comps.item, " ("]
        names.add(each.fields.item.value)
        parts += quoted(value.item)
    return [*parts, "))"] if parts else []


def _many_fields(each: ExceptionInfo, names: set[str]) -> list[Text | str]:
    parts: list[Text | str] = []
    for values in each.values:
        if len(values.items) != len(each.fields.items):
            raise RuleError(
                ERR_VALIDATE,
                "Fields and values lists must have equal length",
                each.context,
                place=_first_place(values) or each.place,
                hint=f"{len(each.fields.items)} values are expected, as many as fields",
            )
        parts.append(" or (" if parts else "(")
        rows = zip(each.fields.items, each.comps.items, values.items, strict=True)
        for index, (name, comp, value) in enumerate(rows):
            parts += [" and " if index else "", " ", name.item, " ", comp.item, " "]
            parts += _compared(value, comp.item.value)
            names.add(name.item.value)
        parts.append(")")
    return ["(", *parts, ")"] if parts else []


def _compared(value: EntryNode, op: str) -> list[Text | str]:
    if value.is_list:
        parts: list[Text | str] = []
        for item in value.items:
            # No comma after what is empty, as upstream has it.
            comma = ", " if any(map(len, parts)) else ""
            parts += [comma, *quoted(item.item)]
        return ["(", *parts, ")"]
    if _takes_list(op):
        return [value.item] if value.item.value.startswith("(") else ["(", value.item, ")"]
    return quoted(value.item)


def _first_place(entry: EntryNode) -> Place | None:
    """Where the first text within ``entry`` is written."""
    while entry.is_list and entry.items:
        entry = entry.items[0]
    return entry.item.place(0)
