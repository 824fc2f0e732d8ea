"""Explanations and near misses, of the rules in force."""

from __future__ import annotations

import numpy as np

from capture.errors import FalcowbError
from engine.explain.conjuncts import Conjunct, conjuncts
from engine.explain.near import NearCounter, NearMisses
from engine.explain.outline import Outliner
from engine.ruleset.selection import RuleSet
from workbench.authoring.explaining import explain_event, rule_named
from workbench.authoring.walk import FoundEvent
from workbench.backend.answers.detail import row_of
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.lanes import Asking
from workbench.backend.questions.explain import (
    Explain,
    ExplainedEvent,
    Missed,
    MissedBy,
    MissedValue,
    Near,
)


@answers(Explain)
def explain(desk: Desk, question: Explain, asking: Asking) -> ExplainedEvent:
    case = desk.case_now()
    ruleset = _rules(desk)
    row = row_of(case, question.number, question.source)
    (located,) = case.index.locate(np.array([row], np.int64))
    asking.check()
    event = FoundEvent(
        question.number,
        int(case.index.times[row]),
        case.index.source_of(located.batch),
        case.index.segment(located.batch).take(located.places),
        0,
    )
    names = [question.rule] if question.rule else []
    found = explain_event(event, desk.session(asking.check), ruleset, names=names)
    return ExplainedEvent(question.number, event.source, found.firing, found.explanations)


@answers(Near)
def near(desk: Desk, question: Near, asking: Asking) -> Missed:
    case = desk.case(asking.check)
    ruleset = _rules(desk)
    rule = rule_named(ruleset, question.rule)
    parts = conjuncts(Outliner(ruleset.definitions).rule(rule))

    def counter() -> NearCounter:
        return NearCounter(parts, case.catalogue, rule.source)

    counted = counter()
    if not case.kept.count_near(counted):
        counted = counter()
        _count(case, counted, rule.source, asking)
    return _missed(rule.name, counted.result())


def _rules(desk: Desk) -> RuleSet:
    if desk.ruleset is None or not desk.ruleset.rules:
        raise FalcowbError("no rules are loaded", hint="Start with -r FILE.")
    return desk.ruleset


def _count(case: Case, counter: NearCounter, source: str, asking: Asking) -> None:
    """Through all events of the rule's source."""
    for window in case.index.windows(asking.check):
        for part in window.parts:
            if case.index.source_of(part.batch) != source:
                continue
            segment = case.index.segment(part.batch)
            places = np.arange(part.start, part.stop, dtype=np.int64)
            if len(places) < len(segment):
                segment = segment.take(places)
            rows = part.to_rows(np.arange(len(places), dtype=np.int64))
            counter.add(segment, case.index.numbers[rows].astype(np.int64))


def _missed(rule: str, found: NearMisses) -> Missed:
    groups = tuple(
        MissedBy(
            group.conjunct.text,
            _inside(group.conjunct),
            "" if group.conjunct.place is None else group.conjunct.place.file,
            0 if group.conjunct.place is None else group.conjunct.place.line,
            group.fields,
            group.count,
            tuple(MissedValue(each.values, each.count, each.first) for each in group.values),
            group.first,
        )
        for group in found.groups
    )
    return Missed(rule, found.events, found.matched, groups)


def _inside(conjunct: Conjunct) -> tuple[str, ...]:
    if conjunct.exception:
        return (*conjunct.macros, f"exception {conjunct.exception}")
    return conjunct.macros
