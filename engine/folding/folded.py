"""Events of some types, folded: the distinct rows of the columns that rules look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from engine.columns import Codes, Mask, Rows, Segment
from engine.evaluate import Evaluator
from engine.fields.model import FieldRef
from engine.folding.asked import AskedRule
from engine.folding.coding import Coder
from engine.folding.distinct_rows import DistinctRows
from engine.folding.threads import OF_THREAD, coded
from engine.segments import ColumnKey, column_key
from engine.syscalls.segment import SyscallSegment


class Held:
    """A set of row numbers."""

    def __init__(self) -> None:
        self._mask: Mask = np.zeros(0, np.bool_)
        self.any = False

    def add(self, rows: Rows) -> None:
        if not len(rows):
            return
        top = int(rows.max()) + 1
        if top > len(self._mask):
            grown = np.zeros(max(top, 2 * len(self._mask)), np.bool_)
            grown[: len(self._mask)] = self._mask
            self._mask = grown
        self._mask[rows] = True
        self.any = True

    def __getitem__(self, ids: Codes) -> Mask:
        """Whether each of ``ids`` is in the set."""
        inside = ids < len(self._mask)
        if inside.all():
            return self._mask[ids]
        return inside & self._mask[np.where(inside, ids, 0)]


#: What stands before the codes of fields in a row: the event's type, and its row of threads.
HEAD = 2


class FoldedType:
    """The events of types that the same rules look at.

    A row is the code of the event's type, the number of what is told of its thread
    (``engine.folding.threads``), and then the codes of ``refs``, all other fields. ``coders`` are
    shared by all types of a capture and hold the values of every field.
    """

    def __init__(
        self,
        codes: Sequence[int],
        rules: Sequence[AskedRule],
        evaluator: Evaluator,
        coders: dict[ColumnKey, Coder],
        also: Sequence[FieldRef] = (),
    ) -> None:
        self.codes = tuple(codes)
        self.rules = tuple(rules)
        refs = each_once(ref for rule in rules for ref in rule.folded)
        self.refs = [ref for ref in each_once([*refs, *also]) if ref.info.name not in OF_THREAD]
        self.apart = each_once(ref for rule in rules for ref in rule.apart)
        self._evaluator = evaluator
        self._coders = coders
        self.forget()

    def forget(self) -> None:
        """Begin with no rows; the coders are new as well."""
        self.distinct = DistinctRows(HEAD + len(self.refs))
        self._held = {rule.key: Held() for rule in self.rules}
        self._maybe = {rule.key: Held() for rule in self.rules if rule.is_loose}

    def fold(self, segment: SyscallSegment, threads: Codes) -> Codes:
        """The number of each event's row; rules are asked of rows not seen before."""
        head = np.stack((segment.events.type.astype(np.int32), threads))
        rows = np.concatenate((head, coded(segment, self.refs, self._coders)))
        start = self.distinct.count
        ids, new = self.distinct.add(rows)
        if len(new):
            order = np.argsort(new)
            self._ask(segment.take(new[order]), start + order)
        return ids

    def _ask(self, rows: Segment, numbers: Rows) -> None:
        asked = [rule.upper for rule in self.rules]
        asked += [rule.lower for rule in self.rules if rule.is_loose]
        found = self._evaluator.ask(rows, asked)
        lower = iter(found[len(self.rules) :])
        for rule, upper in zip(self.rules, found, strict=False):
            sure = next(lower) if rule.is_loose else upper
            self._held[rule.key].add(numbers[sure])
            if rule.is_loose:
                self._maybe[rule.key].add(numbers[np.setdiff1d(upper, sure)])

    def matches(self, segment: Segment, ids: Codes) -> Iterator[tuple[str, Rows]]:
        """Which rules match which events of the segment that was folded to ``ids``."""
        for rule in self.rules:
            held = self._held[rule.key]
            rows = np.flatnonzero(held[ids]) if held.any else _NO_ROWS
            if rule.is_loose and self._maybe[rule.key].any:
                maybe = np.flatnonzero(self._maybe[rule.key][ids])
                if len(maybe):
                    part = segment.take(maybe)
                    rows = np.union1d(rows, maybe[self._evaluator.ask(part, [rule.condition])[0]])
            if len(rows):
                yield rule.key, rows


_NO_ROWS = np.zeros(0, np.int64)


def each_once(refs: Iterable[FieldRef]) -> list[FieldRef]:
    """One for each column."""
    return list({column_key(ref): ref for ref in refs}.values())
