"""Judging an open capture by rules: what was found before is known, what was kept is asked, and
only what is left goes through the events."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from engine.columns import Segment
from engine.fields.catalogue import SYSCALL
from engine.folding.judge import FoldingJudge
from engine.language import ast
from engine.ruleset.model import Rule
from engine.syscalls.segment import SyscallSegment
from workbench.backend.index.event_index import EventIndex
from workbench.backend.index.rows import Part
from workbench.backend.keeping import Kept
from workbench.backend.scan import Condition, askers, scan

Ints = npt.NDArray[np.int64]
_NONE: Ints = np.zeros(0, np.int64)
#: Bytes of rows that are remembered of conditions that no rule has any more.
_MOST_BYTES = 256 << 20

#: What names a condition, whatever rule has it.
Key = tuple[str, ast.Expr]


class Remembered:
    """The rows that conditions were found to match, over the whole capture."""

    def __init__(self) -> None:
        self._rows: OrderedDict[Key, Ints] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Ints | None:
        rows = self._rows.get(key)
        if rows is not None:
            self._rows.move_to_end(key)
        return rows

    def put(self, key: Key, rows: Ints) -> None:
        if key in self._rows:
            self._bytes -= self._rows[key].nbytes
        self._rows[key] = rows
        self._rows.move_to_end(key)
        self._bytes += rows.nbytes
        while self._bytes > _MOST_BYTES and len(self._rows) > 1:
            _, gone = self._rows.popitem(last=False)
            self._bytes -= gone.nbytes


#: Rows found so far by rule name, how many events were looked at, and whether that is all.
Found = tuple[Mapping[str, Ints], int, bool]


class CaseJudge:
    """Judges one open capture, again and again. For one thread."""

    def __init__(self, index: EventIndex, kept: Kept) -> None:
        self._index = index
        self._kept = kept
        self._remembered = Remembered()

    def judge(self, rules: Sequence[Rule], check: Callable[[], None]) -> Iterator[Found]:
        """What the rules match, more and more of it; the last time all. Raises what ``check``
        raises."""
        index = self._index
        rows: dict[str, Ints] = {}
        left: list[Rule] = []
        for rule in rules:
            known = self._remembered.get((rule.source, rule.condition))
            if known is None:
                left.append(rule)
            else:
                rows[rule.name] = known
        calls = [rule for rule in left if rule.source == SYSCALL]
        others = [rule for rule in left if rule.source != SYSCALL]
        if calls and self._kept.possible and not self._kept.there:
            every = [rule for rule in rules if rule.source == SYSCALL]
            for found, seen in self._first_time(every, check):
                yield {**rows, **found}, seen, False
            self._remember(every, found)
            rows.update(found)
            calls = []
        calls = [rule for rule in calls if not self._ask_kept(rule, rows, check)]
        if calls or others:
            yield rows, 0, False
            both = [*calls, *others]
            seen = 0
            parts: dict[str, list[Ints]] = {rule.name: [] for rule in both}
            for found, seen in self._scanned(both, check):
                for name, some in found.items():
                    parts[name].append(some)
                yield {**rows, **_joined(parts)}, seen, False
            found_all = _joined(parts)
            self._remember(both, found_all)
            rows.update(found_all)
        yield rows, index.count, True

    def _ask_kept(self, rule: Rule, rows: dict[str, Ints], check: Callable[[], None]) -> bool:
        """Whether what was kept tells what a rule matches."""
        if not self._kept.possible:
            return False
        check()
        found = self._kept.judge([(rule.name, rule.condition)])
        if found is None:
            return False
        for _ in self._index.windows(check):
            pass  # Numbers become rows once all rows are known.
        rows[rule.name] = self._index.rows_of_numbers(found[rule.name])
        self._remember([rule], rows)
        return True

    def _remember(self, rules: Sequence[Rule], rows: Mapping[str, Ints]) -> None:
        for rule in rules:
            self._remembered.put((rule.source, rule.condition), rows.get(rule.name, _NONE))

    def _scanned(
        self, rules: Sequence[Rule], check: Callable[[], None]
    ) -> Iterator[tuple[Mapping[str, Ints], int]]:
        catalogue = self._kept.catalogue
        conditions = [Condition(rule.name, rule.source, rule.condition) for rule in rules]
        for step in scan(self._index, askers(conditions, catalogue), check):
            yield step.rows, step.seen

    def _first_time(
        self, rules: Sequence[Rule], check: Callable[[], None]
    ) -> Iterator[tuple[Mapping[str, Ints], int]]:
        """Fold all events, and keep how they were folded for the next time."""
        index = self._index
        keeping = None if index.capture.recording else self._kept.keeping()
        folding = FoldingJudge(
            self._kept.catalogue,
            SYSCALL,
            [(rule.name, rule.condition) for rule in rules],
            None if keeping is None else keeping.keeper,
        )
        parts: dict[str, list[Ints]] = {rule.name: [] for rule in rules}
        done = False
        try:
            for window in index.windows(check):
                for part in window.parts:
                    verdicts = folding.judge(_segment(index, part))
                    for name, places in zip(verdicts.rules, verdicts.rows, strict=True):
                        if len(places):
                            parts[name].append(part.to_rows(places))
                yield _joined(parts), window.first + window.count
            folding.end()
            if keeping is not None:
                times = index.times
                keeping.done(
                    {
                        "events": index.count,
                        "first_time": int(times.min()) if index.count else None,
                        "last_time": int(times.max()) if index.count else None,
                        "notes": list(index.notes),
                    }
                )
                done = True
                self._kept.look_again()
        finally:
            if keeping is not None and not done:
                keeping.abandon()


def _segment(index: EventIndex, part: Part) -> SyscallSegment:
    segment: Segment = index.segment(part.batch)
    if part.stop - part.start < len(segment):
        segment = segment.take(np.arange(part.start, part.stop, dtype=np.int64))
    assert isinstance(segment, SyscallSegment)
    return segment


def _joined(parts: Mapping[str, list[Ints]]) -> dict[str, Ints]:
    """Puts together what was found, in place."""
    for found in parts.values():
        if len(found) > 1:
            found[:] = [np.concatenate(found)]
    return {name: found[0] if found else _NONE for name, found in parts.items()}
