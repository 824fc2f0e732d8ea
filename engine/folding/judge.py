"""Judging system calls as they come: each distinct row once, and only where a rule may match."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.columns import Rows
from engine.evaluate import Evaluator, Verdicts
from engine.fields.catalogue import Catalogue
from engine.folding.asked import AskedRule, asked_rule
from engine.folding.coding import Coder
from engine.folding.folded import FoldedType
from engine.folding.keep import Keeper
from engine.folding.types import partition
from engine.language import ast
from engine.plan import Plan
from engine.segments import ColumnKey
from engine.syscalls.segment import SyscallSegment

#: Bytes of distinct rows and values that are held before folding begins anew. A capture of events
#: that are all different costs no more than this.
ROOM = 96 << 20


class FoldingJudge:
    """Rules of the system call source, in load order, over segments in order.

    ``keeper`` is told how events were folded; None keeps nothing. Raises ConditionError for a rule
    that does not compile.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        source: str,
        rules: Iterable[tuple[str, ast.Expr]],
        keeper: Keeper | None = None,
        *,
        room: int = ROOM,
    ) -> None:
        plan = Plan(catalogue, source)
        self.rules: list[AskedRule] = [asked_rule(plan, key, expr) for key, expr in rules]
        parts, self._classes = partition(self.rules)
        self._coders: dict[ColumnKey, Coder] = {}
        self.types = [
            FoldedType(codes, asked, Evaluator(plan), self._coders) for codes, asked in parts
        ]
        self._keeper = keeper
        self._room = room

    def judge(self, segment: SyscallSegment) -> Verdicts:
        """Which rules match which events. Raises what the segment raises."""
        if self._size() > self._room:
            self._begin_anew()
        if self._keeper is not None:
            self._keeper.seen(segment)
        which = self._classes[segment.events.type]
        present = np.flatnonzero(np.bincount(which + 1, minlength=len(self.types) + 1)[1:])
        found: dict[str, list[Rows]] = {}
        for number in present.tolist():
            rows = np.flatnonzero(which == number)
            part = segment.take(rows)
            folded = self.types[number]
            if not folded.fits(part.columns(folded.refs)):
                self._begin_anew()
            ids = folded.fold(part, part.events.type)
            if self._keeper is not None:
                self._keeper.events(number, folded, part, ids)
            for key, places in folded.matches(part, ids):
                found.setdefault(key, []).append(rows[places])
        keys = tuple(rule.key for rule in self.rules)
        return Verdicts(keys, tuple(_together(found.get(key, [])) for key in keys))

    def end(self) -> None:
        """All events have been judged."""
        if self._keeper is not None:
            self._keeper.generation(self.types, self._coders)

    def _size(self) -> int:
        rows = sum(each.distinct.size for each in self.types)
        return rows + sum(coder.size for coder in self._coders.values())

    def _begin_anew(self) -> None:
        if self._keeper is not None:
            self._keeper.generation(self.types, self._coders)
        self._coders.clear()
        for each in self.types:
            each.forget()


def _together(rows: list[Rows]) -> Rows:
    if len(rows) == 1:
        return rows[0]
    return np.sort(np.concatenate([*rows, np.zeros(0, np.int64)]))
