"""Which events of a capture some conditions match, all asked at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.evaluate import Evaluator, Verdicts
from engine.fields.catalogue import SYSCALL
from engine.folding.judge import FoldingJudge
from engine.folding.opened import NotKept
from engine.language.ast import Expr
from engine.plan import Plan
from engine.ruleset.model import Rule
from engine.ruleset.selection import Matching
from engine.syscalls.segment import SyscallSegment
from workbench.authoring.walk import Walk
from workbench.core import kept

Ints = npt.NDArray[np.int64]
NONE: Ints = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Asked:
    """A condition, its lists and macros put in, under a key of the caller's."""

    key: str
    source: str
    condition: Expr


@dataclass(frozen=True, slots=True)
class Hits:
    """``numbers`` (int64, ascending) of the events that match, by key. ``events``: how many events
    there are in all; of sources that no condition asks too."""

    numbers: Mapping[str, Ints]
    events: int


def find_hits(walk: Walk, asked: Sequence[Asked]) -> Hits:
    """Judge a capture. What was kept of it is asked where there is enough; what is found in a walk
    over system calls is kept for the next time.

    Raises ConditionError for what does not compile, and what reading raises.
    """
    catalogue = walk.session.plugins.surroundings.catalogue
    calls = [(one.key, one.condition) for one in asked if one.source == SYSCALL]
    events = walk.open()
    only_calls = events.sources == (SYSCALL,)
    events.close()
    keeping: kept.Keeping | None = None
    if walk.path is not None and only_calls and calls and len(calls) == len(asked):
        opened = kept.find(walk.path, catalogue)
        if opened is not None:
            try:
                found = opened.judge(calls)
            except NotKept:
                pass
            else:
                numbers = {key: each.astype(np.int64) for key, each in found.items()}
                return Hits(numbers, opened.events)
        keeping = kept.Keeping.of(walk.path)
    parts: dict[str, list[Ints]] = {one.key: [] for one in asked}
    count, times = 0, [0, 0]
    folding = FoldingJudge(catalogue, SYSCALL, calls, None if keeping is None else keeping.keeper)
    evaluators = {
        source: Evaluator(
            Plan(
                catalogue,
                source,
                [(one.key, one.condition) for one in asked if one.source == source],
            )
        )
        for source in dict.fromkeys(one.source for one in asked if one.source != SYSCALL)
    }
    done = False
    try:
        for window in walk.windows():
            for name, piece in window.items():
                if not len(piece):
                    continue
                times = [times[0] if count else int(piece.times[0]), int(piece.times[-1])]
                count += len(piece)
                verdicts: Verdicts
                if name == SYSCALL and calls:
                    segment = piece.segment(walk.session.plugins.event_source(name))
                    assert isinstance(segment, SyscallSegment)
                    verdicts = folding.judge(segment)
                elif name in evaluators:
                    segment_of = walk.session.plugins.event_source(name)
                    verdicts = evaluators[name].judge(piece.segment(segment_of))
                else:
                    continue
                for key, rows in zip(verdicts.rules, verdicts.rows, strict=True):
                    if len(rows):
                        parts[key].append(piece.numbers[rows])
        done = True
    finally:
        if keeping is not None and not done:
            keeping.abandon()
    if keeping is not None:
        folding.end()
        keeping.done(
            {
                "events": count,
                "first_time": times[0],
                "last_time": times[1],
                "notes": list(walk.notes),
            }
        )
    return Hits({key: np.concatenate([NONE, *found]) for key, found in parts.items()}, count)


def alerting(
    rules: Sequence[Rule], numbers: Mapping[str, Ints], matching: Matching
) -> dict[str, Ints]:
    """Of what rules match (numbers by rule name) the events on which each alerts: with
    ``Matching.FIRST`` of each source only the first rule in load order does."""
    if matching is Matching.ALL:
        return {rule.name: numbers.get(rule.name, NONE) for rule in rules}
    left: dict[str, Ints] = {}
    for source in dict.fromkeys(rule.source for rule in rules):
        mine = [rule for rule in rules if rule.source == source]
        parts = [numbers.get(rule.name, NONE) for rule in mine]
        every = np.concatenate([NONE, *parts])
        places = np.repeat(np.arange(len(mine)), [len(part) for part in parts])
        order = np.lexsort((places, every))
        every, places = every[order], places[order]
        first = np.ones(len(every), np.bool_)
        first[1:] = every[1:] != every[:-1]
        for place, rule in enumerate(mine):
            left[rule.name] = every[first & (places == place)]
    return left
