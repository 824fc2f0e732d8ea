"""What rules cost, on a sample; conditions laid out."""

from __future__ import annotations

import time

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.columns import Segment
from engine.evttypes import event_types
from engine.fields.catalogue import SYSCALL
from engine.ruleset.model import Rule
from engine.syscalls.segment import SyscallSegment
from workbench.authoring.formatting import format_rules
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.index.rows import Part
from workbench.backend.lanes import Asking
from workbench.backend.questions.writing import Cost, Costs, LaidOut, LayOut, RuleCosts
from workbench.backend.scan import Asker, Condition
from workbench.backend.throttle import Throttle

#: So many batches of each source are looked at, and of each so many events.
_BATCHES = 5
_EVENTS = 8192


@answers(Costs)
def costs(desk: Desk, question: Costs, asking: Asking) -> RuleCosts:
    case = desk.case(asking.check)
    version = case.verdicts.version
    ruleset = desk.ruleset
    rules = [] if ruleset is None else ruleset.enabled()
    found: list[Cost] = []
    sampled = 0
    throttle = Throttle(0.3)
    for source in case.index.sources:
        mine = [rule for rule in rules if rule.source == source]
        if not mine:
            continue
        parts, every = _parts(case, source, asking)
        sample = [_segment(case, part) for part in parts]
        count = sum(map(len, sample))
        sampled += count
        for rule in mine:
            asking.check()
            found.append(_cost(case, rule, sample, count, every))
            if throttle.due():
                asking.tell(RuleCosts(version, tuple(found), sampled))
    return RuleCosts(version, tuple(found), sampled)


def _parts(case: Case, source: str, asking: Asking) -> tuple[list[Part], int]:
    """Some parts of a source, spread over the capture, and the number of its events."""
    parts = [
        part
        for window in case.index.windows(asking.check)
        for part in window.parts
        if case.index.source_of(part.batch) == source
    ]
    if not parts:
        return [], 0
    chosen = np.unique(np.linspace(0, len(parts) - 1, _BATCHES).astype(np.int64))
    return [parts[place] for place in chosen.tolist()], sum(map(len, parts))


def _segment(case: Case, part: Part) -> Segment:
    stop = min(part.stop, part.start + _EVENTS)
    segment = case.index.segment(part.batch)
    return segment.take(np.arange(part.start, stop, dtype=np.int64))


def _cost(case: Case, rule: Rule, sample: list[Segment], count: int, every: int) -> Cost:
    asker = Asker(
        rule.source, [Condition(rule.name, rule.source, rule.condition)], case.kept.catalogue
    )
    began = time.perf_counter_ns()
    for segment in sample:
        asker.ask(segment, None)
    taken = time.perf_counter_ns() - began
    asked = sum(_asked(rule, segment) for segment in sample)
    return Cost(rule.name, taken / max(count, 1), round(asked / max(count, 1) * every))


def _asked(rule: Rule, segment: Segment) -> int:
    if rule.source != SYSCALL or not isinstance(segment, SyscallSegment):
        return len(segment)
    types: npt.NDArray[np.bool_] = np.zeros(len(event_table()), np.bool_)
    types[sorted(event_types(rule.condition))] = True
    return int(np.count_nonzero(types[segment.events.type]))


@answers(LayOut)
def lay_out(desk: Desk, question: LayOut, asking: Asking) -> LaidOut:
    made = format_rules(question.text, question.file, question.width, question.lists)
    return LaidOut(made.text, made.changed, tuple((name, place.line) for name, place in made.left))
