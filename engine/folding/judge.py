"""Judging system calls as they come: each distinct row once, and only where a rule may match."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from engine.columns import Codes, Rows
from engine.evaluate import Evaluator, Verdicts
from engine.fields.catalogue import Catalogue
from engine.folding.asked import AskedRule, asked_rule
from engine.folding.coding import Coder, OtherKind
from engine.folding.folded import FoldedType, each_once
from engine.folding.keep import Keeper
from engine.folding.threads import OF_THREAD, FoldedThreads
from engine.folding.types import partition
from engine.language import ast
from engine.plan import Plan
from engine.segments import ColumnKey
from engine.syscalls.segment import SyscallSegment

#: Bytes of distinct rows and values that are held before folding begins anew. A capture of events
#: that are all different costs no more than this.
ROOM = 96 << 20

#: Fields that are kept of all events some rule looks at, for rules to come.
COMMON: tuple[tuple[str, str | None], ...] = (
    ("evt.type", None), ("evt.res", None), ("fd.name", None),
    ("proc.name", None), ("proc.exe", None), ("proc.exepath", None), ("proc.args", None),
    ("proc.cmdline", None), ("proc.cwd", None), ("proc.tty", None), ("proc.pname", None),
    ("proc.pexe", None), ("proc.pexepath", None), ("proc.pcmdline", None), ("proc.sname", None),
    ("proc.aname", None), ("proc.aname", "2"), ("proc.aname", "3"), ("proc.aname", "4"),
    ("user.name", None), ("user.uid", None), ("user.loginname", None), ("user.loginuid", None),
    ("group.name", None), ("container.id", None), ("container.name", None),
    ("container.image.repository", None), ("k8s.ns.name", None), ("k8s.pod.name", None),
)  # fmt: skip


class FoldingJudge:
    """Rules of the system call source, in load order, over segments in order.

    ``keeper`` is told how events were folded; None keeps nothing. Kept are the fields that rules
    look at, those of threads for every event, and ``COMMON``. Raises ConditionError for a rule that
    does not compile.
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
        also = [catalogue.lookup(*named, source) for named in COMMON] if keeper else []
        asked = [ref for rule in self.rules for ref in rule.folded]
        self.threads = FoldedThreads(
            [ref for ref in each_once([*asked, *also]) if ref.info.name in OF_THREAD], self._coders
        )
        self.types = [
            FoldedType(codes, lookers, Evaluator(plan), self._coders, also)
            for codes, lookers in parts
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
        found: dict[str, list[Rows]] = {}
        looked_at = np.flatnonzero(which >= 0)
        if len(looked_at):
            threads = self._threads(segment, looked_at)
            present = np.bincount(which[looked_at], minlength=len(self.types))
            for number in np.flatnonzero(present).tolist():
                rows = np.flatnonzero(which == number)
                part = segment.take(rows)
                try:
                    ids = self.types[number].fold(part, threads[rows])
                except OtherKind:
                    self._begin_anew()
                    threads = self._threads(segment, looked_at)
                    ids = self.types[number].fold(part, threads[rows])
                if self._keeper is not None:
                    self._keeper.events(number, self.types[number], part, ids)
                for key, places in self.types[number].matches(part, ids):
                    found.setdefault(key, []).append(rows[places])
        keys = tuple(rule.key for rule in self.rules)
        return Verdicts(keys, tuple(_together(found.get(key, [])) for key in keys))

    def _threads(self, segment: SyscallSegment, rows: Rows) -> Codes:
        """The row of threads of each event at ``rows``, -1 elsewhere."""
        threads = np.full(len(segment), -1, np.int32)
        try:
            threads[rows] = self.threads.fold(segment, rows)
        except OtherKind:
            self._begin_anew()
            threads[rows] = self.threads.fold(segment, rows)
        return threads

    def end(self) -> None:
        """All events have been judged."""
        if self._keeper is not None:
            self._keeper.generation(self.types, self.threads, self._coders)

    def _size(self) -> int:
        rows = self.threads.distinct.size + sum(each.distinct.size for each in self.types)
        return rows + sum(coder.size for coder in self._coders.values())

    def _begin_anew(self) -> None:
        if self._keeper is not None:
            self._keeper.generation(self.types, self.threads, self._coders)
        self._coders.clear()
        self.threads.forget()
        for each in self.types:
            each.forget()


def _together(rows: list[Rows]) -> Rows:
    if len(rows) == 1:
        return rows[0]
    return np.sort(np.concatenate([*rows, np.zeros(0, np.int64)]))
