"""Alerts gained and lost between the rules in force and others."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.alerts import AlertFormatter
from engine.ruleset.loader import read_rule_files
from engine.ruleset.model import Rule
from engine.ruleset.options import RuleFile
from engine.ruleset.selection import RuleSet
from workbench.authoring.diff import RuleDiff, compare
from workbench.authoring.hits import alerting
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.judging import CaseJudge
from workbench.backend.lanes import Asking
from workbench.backend.questions.diff import (
    Comparing,
    DiffAlert,
    DiffAlerts,
    DiffEvents,
    DiffRules,
    RuleChange,
    RulesDiffed,
    SavedTexts,
    Status,
)
from workbench.backend.throttle import Throttle
from workbench.core.session import Session

Ints = npt.NDArray[np.int64]

#: Numbers of events of a rule that are sent.
_MOST_NUMBERS = 2000
_MOST_TEXT = 2000


@dataclass(frozen=True, slots=True)
class _Change:
    """Rows of the events of a rule that were gained, and lost, and the rule on either side."""

    old: Rule | None
    new: Rule | None
    gained: Ints
    lost: Ints


#: What the last comparison of a case found, by rule.
_LAST: weakref.WeakKeyDictionary[Case, Mapping[str, _Change]] = weakref.WeakKeyDictionary()


@answers(DiffRules)
def diff_rules(desk: Desk, question: DiffRules, asking: Asking) -> RulesDiffed:
    session = desk.session(asking.check)
    case = desk.case(asking.check)
    if desk.ruleset is None:
        raise FalcowbError("no rules are loaded", hint="Start with -r FILE.")
    sides = {"new": desk.ruleset, "old": _loaded(session, question)}
    rules = {side: _able(ruleset, case) for side, ruleset in sides.items()}
    matching = session.config.rule_matching
    alerts = {
        side: alerting(mine, _rows(case, mine, asking), matching) for side, mine in rules.items()
    }
    found = compare(rules["old"], rules["new"], alerts)
    asking.check()
    _LAST[case] = {
        each.name: _Change(each.old, each.new, each.gained, each.lost)
        for each in found
        if each.changed
    }
    changes = [
        _change(case, each, status) for each in found if (status := _status(each)) or each.changed
    ]
    changes.sort(key=lambda each: -(each.gained_count + each.lost_count))
    return RulesDiffed(
        tuple(changes),
        sum(each.before for each in found),
        sum(each.after for each in found),
        case.index.count,
    )


def _loaded(session: Session, question: DiffRules) -> RuleSet:
    texts = dict(question.texts)
    paths = question.files or tuple(map(str, session.config.rules_files))
    files: list[RuleFile] = []
    for path in paths:
        if str(path) in texts:
            files.append(RuleFile(str(path), texts[str(path)]))
            continue
        try:
            files += [
                RuleFile(each.name, texts.get(each.name, each.text))
                for each in read_rule_files([path])
            ]
        except OSError as error:
            raise FalcowbError(f"{path}: {error.strerror}") from None
    result = session.read_rules(files)
    result.raise_for_errors()
    return result.ruleset


def _able(ruleset: RuleSet, case: Case) -> list[Rule]:
    return [rule for rule in ruleset.enabled() if rule.source in case.index.sources]


def _rows(case: Case, rules: list[Rule], asking: Asking) -> Mapping[str, Ints]:
    """What the rules match; of those that were judged before it is known."""
    if case.judge is None:
        case.judge = CaseJudge(case.index, case.kept)
    known: Mapping[str, Ints] = {}
    throttle = Throttle(0.25)
    for rows, seen, complete in case.judge.judge(rules, asking.check):
        known = rows
        if not complete and throttle.due():
            asking.tell(Comparing(seen, max(case.index.count, case.capture.count)))
    return known


def _status(diff: RuleDiff) -> Status:
    if diff.old is None:
        return "new"
    if diff.new is None:
        return "gone"
    same = (
        diff.old.output_text == diff.new.output_text
        and diff.old.priority == diff.new.priority
        and not diff.edited
    )
    return "" if same else "edited"


def _change(case: Case, diff: RuleDiff, status: Status) -> RuleChange:
    rule = diff.new or diff.old
    assert rule is not None
    return RuleChange(
        diff.name,
        rule.source,
        int(rule.priority),
        status,
        diff.before,
        diff.after,
        len(diff.gained),
        len(diff.lost),
        _numbers(case, diff.gained),
        _numbers(case, diff.lost),
        tuple(sorted(diff.instead.items(), key=lambda each: -each[1])),
        tuple(sorted(diff.before_that.items(), key=lambda each: -each[1])),
    )


def _numbers(case: Case, rows: Ints) -> tuple[int, ...]:
    return tuple(case.index.numbers[rows[:_MOST_NUMBERS]].tolist())


@answers(DiffEvents)
def diff_events(desk: Desk, question: DiffEvents, asking: Asking) -> DiffAlerts:
    case = desk.case_now()
    change = _LAST.get(case, {}).get(question.rule)
    rule = None if change is None else change.old if question.lost else change.new
    if change is None or rule is None:
        return DiffAlerts(question.rule, question.lost, question.first, ())
    rows = (change.lost if question.lost else change.gained)[question.first :][: question.count]
    texts = _texts(case, rule, rows, asking)
    numbers, times = case.index.numbers[rows].tolist(), case.index.times[rows].tolist()
    return DiffAlerts(
        question.rule,
        question.lost,
        question.first,
        tuple(map(DiffAlert, numbers, times, texts)),
    )


def _texts(case: Case, rule: Rule, rows: Ints, asking: Asking) -> list[str]:
    formatter = AlertFormatter(case.catalogue)
    texts = [""] * len(rows)
    for located in case.index.locate(rows):
        asking.check()
        segment = case.index.segment(located.batch)
        try:
            said = [alert.message for alert in formatter.alerts(rule, segment, located.places)]
        except FalcowbError as error:
            said = [error.message] * len(located.places)
        for place, text in zip(located.asked.tolist(), said, strict=True):
            texts[place] = text[:_MOST_TEXT]
    return texts


@answers(SavedTexts)
def saved_texts(desk: Desk, question: SavedTexts, asking: Asking) -> tuple[tuple[str, str], ...]:
    found = []
    for path in question.files:
        try:
            found += [(each.name, each.text) for each in read_rule_files([path])]
        except (OSError, FalcowbError):
            continue
    return tuple(found)
