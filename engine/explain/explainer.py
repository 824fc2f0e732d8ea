"""One event and a condition: what every part of it came to, with the values it saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.columns import Column, ListColumn, Segment
from engine.compile import Interner, compile_condition
from engine.evttypes import event_types
from engine.explain.outline import Outline, Outliner
from engine.explain.tree import Explained, Explanation, Kind, ListUse, Saw, Verdict
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.fields.model import FieldRef
from engine.gather import has_value
from engine.jsontext import lenient
from engine.language.ast import Binary, Expr, ValueList
from engine.language.parser import parse
from engine.operands import FieldOperand, Operand
from engine.plan import predicates
from engine.predicate import Predicate
from engine.ruleset.model import Definitions, Rule
from engine.ruleset.text import Text
from engine.segments import ColumnKey, column_key
from engine.syscalls.segment import SyscallSegment
from engine.values import texts

#: Operators of which any one constant may satisfy the check.
_ANY_OF = ("in", "pmatch", "intersects")


class Explainer:
    """Explains rules and conditions with the macros and lists of ``definitions``."""

    def __init__(self, catalogue: Catalogue, definitions: Definitions | None = None) -> None:
        self._catalogue = catalogue
        self._outliner = Outliner(definitions or Definitions())
        self._interners: dict[str, Interner] = {}

    def rule(self, rule: Rule) -> Explainable:
        """Raises ConditionError for a rule whose fields the catalogue does not have."""
        return self._explainable(rule.name, rule.source, self._outliner.rule(rule))

    def condition(self, text: str, source: str) -> Explainable:
        """A condition that no rule has. Raises ConditionError."""
        outline = self._outliner.condition(parse(text, file="condition"), Text.of(text))
        return self._explainable("", source, outline)

    def _explainable(self, name: str, source: str, outline: Outline) -> Explainable:
        interner = self._interners.setdefault(source, Interner())
        return Explainable(name, source, outline, self._catalogue, self._outliner, interner)


class Explainable:
    """A condition of one source, ready to be explained for any number of events."""

    def __init__(
        self,
        name: str,
        source: str,
        outline: Outline,
        catalogue: Catalogue,
        outliner: Outliner,
        interner: Interner,
    ) -> None:
        self.name = name
        self.source = source
        self.outline = outline
        self._catalogue = catalogue
        self._outliner = outliner
        self._interner = interner
        self._codes = event_types(outline.expr) if source == SYSCALL else frozenset()
        self._predicates = {id(one): self._compiled(one) for one in _checks(outline)}
        self._refs = {column_key(ref): ref for one in self._predicates.values() for ref in one.refs}

    def explain(self, segment: Segment, row: int) -> Explanation:
        """What the condition came to for the event at ``row``. Raises what the segment raises."""
        event = _Event(segment.take(np.array([row], np.int64)), self._refs)
        seen = self._see(self.outline, event)
        asked = self.source != SYSCALL or self._asks(segment, row)
        return Explanation(
            self.name,
            self.source,
            seen.holds and asked,
            asked,
            _Freezing().frozen(seen, True),
            _suppressing(seen),
        )

    def _asks(self, segment: Segment, row: int) -> bool:
        """Whether Falco asks the rule of events of this type."""
        if not isinstance(segment, SyscallSegment):
            return True
        return int(segment.events.type[row]) in self._codes

    def _see(self, part: Outline, event: _Event) -> _Seen:
        known = event.seen.get(id(part))
        if known is None:
            known = event.seen[id(part)] = self._look(part, event)
        return known

    def _look(self, part: Outline, event: _Event) -> _Seen:
        if part.kind is Kind.CHECK:
            return self._check(part, event)
        below = [self._see(child, event) for child in part.children]
        match part.kind:
            case Kind.AND:
                holds = all(each.holds for each in below)
            case Kind.OR:
                holds = any(each.holds for each in below)
            case Kind.NOT | Kind.EXCEPTION:
                holds = not below[0].holds
            case _:
                holds = below[0].holds
        return _Seen(part, Verdict.TRUE if holds else Verdict.FALSE, below)

    def _check(self, part: Outline, event: _Event) -> _Seen:
        one = self._predicates[id(part.expr)]
        holds = bool(one.holds(event)[0])
        left = one.left.column(event)
        saw = _saw(one.left, left)
        right = None if one.right is None else _saw(one.right, one.right.column(event))
        below = () if isinstance(one.left, FieldOperand) else one.left.refs
        inputs = tuple(_saw(FieldOperand(ref), event.column(ref)) for ref in below)
        verdict = Verdict.TRUE if holds else Verdict.FALSE
        lacks = one.right is not None and right is not None and right.text is None
        if not holds and (not _present(left) or lacks):
            verdict = Verdict.NO_VALUE
        seen = _Seen(part, verdict, [], saw, right, inputs)
        if holds:
            seen.matched = self._matched(part.expr, event)
        seen.lists = tuple(
            replace(use, holds_it=True)
            if seen.matched is not None and self._outliner.has_item(use.name, seen.matched)
            else use
            for use in part.lists
        )
        return seen

    def _compiled(self, expr: Expr) -> Predicate:
        leaf = compile_condition(expr, self._catalogue, self.source, interner=self._interner)
        return next(predicates(leaf))

    def _matched(self, expr: Expr, event: _Event) -> str | None:
        """Of the constants of a check that holds the first that makes it hold alone; found by
        halves. None where there are not several, or all of them together made it hold."""
        if not isinstance(expr, Binary) or not isinstance(expr.right, ValueList):
            return None
        name, _, modifier = expr.op.partition(" ")
        if name not in _ANY_OF and modifier not in ("oneof", "anyof"):
            return None
        items = expr.right.items
        while len(items) > 1:
            half = items[: len(items) // 2]
            items = half if self._holds_with(expr, half, event) else items[len(half) :]
        return items[0] if items and self._holds_with(expr, items, event) else None

    def _holds_with(self, check: Binary, items: tuple[str, ...], event: _Event) -> bool:
        alone = Binary(check.left, check.op, ValueList(items))
        leaf = compile_condition(alone, self._catalogue, self.source)
        return bool(next(predicates(leaf)).holds(event)[0])


@dataclass(slots=True)
class _Seen:
    part: Outline
    verdict: Verdict
    children: list[_Seen]
    saw: Saw | None = None
    right: Saw | None = None
    inputs: tuple[Saw, ...] = ()
    matched: str | None = None
    lists: tuple[ListUse, ...] = field(default=())

    @property
    def holds(self) -> bool:
        return self.verdict is Verdict.TRUE


class _Freezing:
    """Makes what is handed out; what a macro stands for once where it decides, once where not."""

    def __init__(self) -> None:
        self._done: dict[tuple[int, bool], Explained] = {}

    def frozen(self, seen: _Seen, decides: bool) -> Explained:
        key = id(seen), decides
        if key not in self._done:
            self._done[key] = self._freeze(seen, decides)
        return self._done[key]

    def _freeze(self, seen: _Seen, decides: bool) -> Explained:
        part = seen.part
        # One part that holds settles an "or", one that fails an "and".
        settled = part.kind is (Kind.OR if seen.holds else Kind.AND)
        children = [
            self.frozen(child, decides and (not settled or child.holds is seen.holds))
            for child in seen.children
        ]
        return Explained(
            part.kind, part.text, seen.verdict, decides, part.place, tuple(children), part.name,
            part.defined, seen.saw, seen.right, seen.inputs, seen.matched, seen.lists,
        )  # fmt: skip


def _checks(outline: Outline) -> Iterator[Expr]:
    """Every check, those of a macro once."""
    stack, met = [outline], {id(outline)}
    while stack:
        part = stack.pop()
        if part.kind is Kind.CHECK:
            yield part.expr
        new = [child for child in part.children if id(child) not in met]
        met.update(map(id, new))
        stack += new


def _suppressing(root: _Seen) -> tuple[str, ...]:
    """The exceptions that hold an event back of which all else holds."""
    failing = [child for child in root.children if not child.holds]
    if root.part.kind is not Kind.AND or not failing:
        return ()
    if any(child.part.kind is not Kind.EXCEPTION for child in failing):
        return ()
    return tuple(child.part.name for child in failing)


class _Event:
    """The columns of one event, a plugin asked for all of them at once; and what is known of it."""

    def __init__(self, segment: Segment, refs: Mapping[ColumnKey, FieldRef]) -> None:
        self._columns: dict[ColumnKey, Column] = {}
        if refs:
            columns = segment.columns(list(refs.values()))
            self._columns.update(zip(refs, columns, strict=True))
        self.seen: dict[int, _Seen] = {}

    def __len__(self) -> int:
        return 1

    def column(self, ref: FieldRef) -> Column:
        return self._columns[column_key(ref)]


def _present(column: Column) -> bool:
    if isinstance(column, ListColumn) and not len(column.items):
        return False
    return bool(has_value(column)[0])


def _saw(operand: Operand, column: Column) -> Saw:
    """What an operand gave the only row."""
    field_of = operand.ref.info.name if isinstance(operand, FieldOperand) else ""
    name = operand.ref.text if isinstance(operand, FieldOperand) else operand.name
    shape = operand.shape
    if not _present(column):
        return Saw(name, None)
    text = texts(field_of, shape.type, shape.is_list, column)[0]
    items: tuple[str, ...] = ()
    if isinstance(column, ListColumn):
        items = tuple(
            lenient(item or b"") for item in texts(field_of, shape.type, False, column.items)
        )
    return Saw(name, None if text is None else lenient(text), items)
