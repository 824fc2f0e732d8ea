"""Asking conditions of events by going through them, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.columns import Segment
from engine.evaluate import Evaluator
from engine.evttypes import event_types
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.language import ast
from engine.plan import Plan
from engine.syscalls.segment import SyscallSegment
from workbench.backend.index.event_index import EventIndex
from workbench.backend.index.rows import Part

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Condition:
    """``key`` names it among those that are asked together."""

    key: str
    source: str
    expr: ast.Expr


@dataclass(frozen=True, slots=True)
class Step:
    """What a part gave: the rows that each condition matches (ascending), and how many events were
    looked at so far."""

    rows: Mapping[str, Ints]
    seen: int


class Asker:
    """The conditions of one source. Of system calls only events of types that some condition may
    match are looked at."""

    def __init__(self, source: str, conditions: list[Condition], catalogue: Catalogue) -> None:
        plan = Plan(catalogue, source, [(each.key, each.expr) for each in conditions])
        self.keys = [each.key for each in conditions]
        self._evaluator = Evaluator(plan)
        self._types: npt.NDArray[np.bool_] | None = None
        if source == SYSCALL:
            codes = frozenset[int]().union(*(event_types(each.expr) for each in conditions))
            self._types = np.zeros(len(event_table()), np.bool_)
            self._types[sorted(codes)] = True

    def ask(self, segment: Segment, places: Ints | None) -> dict[str, Ints]:
        """Which places of a segment (all, or among ``places``, ascending) match each."""
        if self._types is not None and isinstance(segment, SyscallSegment):
            types = segment.events.type if places is None else segment.events.type[places]
            able = self._types[types]
            if not able.any():
                return {}
            if not able.all():
                places = np.flatnonzero(able) if places is None else places[able]
        part = segment if places is None else segment.take(places)
        found = self._evaluator.judge(part).rows
        return {
            key: rows if places is None else places[rows]
            for key, rows in zip(self.keys, found, strict=True)
            if len(rows)
        }


def askers(conditions: Iterable[Condition], catalogue: Catalogue) -> dict[str, Asker]:
    """Raises ConditionError for a condition that does not compile."""
    by_source: dict[str, list[Condition]] = {}
    for each in conditions:
        by_source.setdefault(each.source, []).append(each)
    return {name: Asker(name, found, catalogue) for name, found in by_source.items()}


def scan(
    index: EventIndex, asked: Mapping[str, Asker], check: Callable[[], None]
) -> Iterator[Step]:
    """All events, as they become known, window by window."""
    seen = 0
    for window in index.windows(check):
        seen += window.count
        found: dict[str, list[Ints]] = {}
        for part in window.parts:
            asker = asked.get(index.source_of(part.batch))
            if asker is not None:
                places = asker.ask(index.segment(part.batch), _places(index, part))
                for key, those in places.items():
                    found.setdefault(key, []).append(part.to_rows(those - part.start))
        yield Step({key: _ascending(rows) for key, rows in found.items()}, seen)


def scan_rows(
    index: EventIndex, rows: Ints, asked: Mapping[str, Asker], check: Callable[[], None]
) -> Iterator[Step]:
    """Some rows (ascending)."""
    seen = 0
    for located in index.locate(rows):
        check()
        seen += len(located.places)
        asker = asked.get(index.source_of(located.batch))
        if asker is None:
            continue
        found = asker.ask(index.segment(located.batch), located.places)
        yield Step(
            {
                key: rows[located.asked[np.searchsorted(located.places, places)]]
                for key, places in found.items()
            },
            seen,
        )


def _ascending(parts: list[Ints]) -> Ints:
    return parts[0] if len(parts) == 1 else np.sort(np.concatenate(parts))


def _places(index: EventIndex, part: Part) -> Ints | None:
    """The places of a part in its batch's segment; None where it is all of it."""
    if part.start == 0 and part.stop == len(index.segment(part.batch)):
        return None
    return np.arange(part.start, part.stop, dtype=np.int64)
