"""Drafts, measured on the open capture, and alerts in a file."""

from __future__ import annotations

import contextlib
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.alerts import AlertFormatter, Found
from engine.language.ast import And, Binary, Expr, Value
from engine.language.parser import scan_field
from engine.ruleset.model import Rule
from engine.ruleset.selection import Matching
from workbench.authoring.draft import Draft, draft_rule
from workbench.authoring.exception import ExceptionDraft, draft_exceptions
from workbench.authoring.files import append_item, write_exception
from workbench.authoring.rule_edit import exception_item
from workbench.backend.answers.detail import row_of
from workbench.backend.answers.registry import answers
from workbench.backend.case_events import walk_of
from workbench.backend.desk import Case, Desk
from workbench.backend.index.rows import Window
from workbench.backend.lanes import Asking
from workbench.backend.questions.drafts import (
    DraftExceptions,
    DraftRule,
    ExceptionChoice,
    ExceptionDrafts,
    ExportAlerts,
    ExportedAlerts,
    RuleDraft,
    WriteException,
    WriteItem,
    WroteFile,
)
from workbench.backend.scan import Condition, askers, scan
from workbench.backend.throttle import Throttle
from workbench.backend.verdicts import Verdicts

Ints = npt.NDArray[np.int64]
_NONE: Ints = np.zeros(0, np.int64)

#: Events that a draft is measured on; all are counted at the end.
_MEASURED = 1_000_000
#: Batches whose alerts are looked at for exceptions, where what was kept tells the rest.
_BATCHES = 120
_MOST_NUMBERS = 2000


# Rules.


@answers(DraftRule)
def rule_draft(desk: Desk, question: DraftRule, asking: Asking) -> RuleDraft:
    case = desk.case(asking.check)
    session = desk.session(asking.check)
    if not question.numbers:
        raise FalcowbError("no events are marked")
    for _ in case.index.windows(asking.check):
        pass
    marked = np.array(sorted(set(question.numbers)), np.int64)
    windows = _sample(case, marked)
    walk = walk_of(case, session, asking.check, path=case.path, windows=windows)
    made = draft_rule(walk, marked.tolist(), name=question.name)
    events = case.index.count
    measured = sum(window.count for window in windows)
    found = case.kept.judge([("draft", made.condition)]) if made.source == "syscall" else None
    if found is not None:
        return _drafted(made, marked, measured, events, found["draft"].astype(np.int64))
    asking.tell(_drafted(made, marked, measured, events, None))
    conditions = [Condition("draft", made.source, made.condition)]
    rows = [
        step.rows["draft"]
        for step in scan(case.index, askers(conditions, case.catalogue), asking.check)
        if "draft" in step.rows
    ]
    numbers = case.index.numbers[np.concatenate([_NONE, *rows])].astype(np.int64)
    return _drafted(made, marked, measured, events, numbers)


def _sample(case: Case, marked: Ints) -> list[Window]:
    """Windows spread over the capture, and those with marked events."""
    windows = list(case.index.rows.windows)
    step = max(-(-case.index.count // _MEASURED), 1)
    rows = case.index.rows_of_numbers(marked)
    starts = np.array([window.first for window in windows], np.int64)
    needed = set((np.searchsorted(starts, rows, side="right") - 1).tolist())
    return [window for at, window in enumerate(windows) if at % step == 0 or at in needed]


def _drafted(
    made: Draft, marked: Ints, measured: int, events: int, matching: Ints | None
) -> RuleDraft:
    others = _NONE if matching is None else np.setdiff1d(matching, marked)
    return RuleDraft(
        made.name,
        made.source,
        len(marked),
        tuple((step.check.text, step.left) for step in made.steps),
        tuple(each.text for each in made.further),
        measured,
        events,
        None if matching is None else len(matching),
        tuple(others[:_MOST_NUMBERS].tolist()),
        made.rule,
        made.test,
    )


# Exceptions.


@answers(DraftExceptions)
def exceptions(desk: Desk, question: DraftExceptions, asking: Asking) -> ExceptionDrafts:
    case = desk.case(asking.check)
    session = desk.session(asking.check)
    verdicts = case.verdicts
    if not question.false_alarms:
        raise FalcowbError("no event is chosen")
    rule = _rule(case, verdicts, question)
    rows = verdicts.rows.get(rule.name, _NONE)
    numbers = case.index.numbers[rows].astype(np.int64)
    wanted = np.array([*question.false_alarms, *question.keep], np.int64)
    if not set(wanted.tolist()) <= set(numbers.tolist()):
        missing = min(set(wanted.tolist()) - set(numbers.tolist()))
        raise FalcowbError(
            f"rule '{rule.name}' does not fire on event {missing:,}",
            hint="Mark only false alarms of one rule, or none: then it is the event under the "
            "cursor.",
        )
    some = rows
    if rule.source == "syscall" and case.kept.there:
        some = rows[_looked_at(case, rows, np.isin(numbers, wanted))]
    walk = walk_of(case, session, asking.check, rows=some)
    drafts = draft_exceptions(walk, rule, question.false_alarms, question.keep)
    if len(some) < len(rows):
        drafts = _counted(case, rule, drafts, np.array(question.false_alarms, np.int64))
    return ExceptionDrafts(
        rule.name,
        rule.place.file,
        len(rows),
        question.false_alarms,
        question.keep,
        tuple(map(_choice, drafts)),
    )


def _rule(case: Case, verdicts: Verdicts, question: DraftExceptions) -> Rule:
    if question.rule:
        for rule in verdicts.rules:
            if rule.name == question.rule:
                return rule
        raise FalcowbError(f"no rule '{question.rule}' judges this capture")
    number = question.false_alarms[0]
    found = verdicts.matching(row_of(case, number, ""))
    if not found:
        raise FalcowbError(
            f"no rule fires on event {number:,}",
            hint="Move to an alert (n in the events), or mark some.",
        )
    return found[0]


def _looked_at(case: Case, rows: Ints, wanted: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Which rows are looked at one by one: those of some batches, and those of the question."""
    located = list(case.index.locate(rows))
    step = max(-(-len(located) // _BATCHES), 1)
    chosen = wanted.copy()
    for each in located[::step]:
        chosen[each.asked] = True
    return chosen


def _counted(
    case: Case, rule: Rule, drafts: list[ExceptionDraft], false_alarms: Ints
) -> list[ExceptionDraft]:
    """What each silences in the whole capture."""
    asked = [
        (str(place), And((rule.condition, _excepted(draft)))) for place, draft in enumerate(drafts)
    ]
    found = case.kept.judge(asked)
    if found is None:
        return drafts
    counted = []
    for place, draft in enumerate(drafts):
        silenced = found[str(place)].astype(np.int64)
        others = np.setdiff1d(silenced, false_alarms)
        counted.append(dataclasses.replace(draft, silenced=silenced, others=others))
    return sorted(counted, key=lambda draft: len(draft.others))


def _excepted(draft: ExceptionDraft) -> Expr:
    checks = tuple(
        Binary(scan_field(field)[0], "=", Value(value))
        for field, value in zip(draft.fields, draft.values, strict=True)
    )
    return And(checks) if len(checks) > 1 else checks[0]


def _choice(draft: ExceptionDraft) -> ExceptionChoice:
    return ExceptionChoice(
        draft.name,
        draft.fields,
        draft.values,
        draft.condition,
        len(draft.silenced),
        len(draft.others),
        tuple(draft.others[:_MOST_NUMBERS].tolist()),
        draft.existing,
        draft.many,
        exception_item(draft, ""),
    )


# Files.


@answers(WriteItem)
def write_item(desk: Desk, question: WriteItem, asking: Asking) -> WroteFile:
    append_item(Path(question.path), question.item)
    return WroteFile(question.path)


@answers(WriteException)
def write_an_exception(desk: Desk, question: WriteException, asking: Asking) -> WroteFile:
    session = desk.session(asking.check)
    choice = question.choice
    draft = ExceptionDraft(
        question.rule,
        choice.name,
        choice.fields,
        choice.values,
        0,
        _NONE,
        _NONE,
        choice.existing,
        choice.many,
    )
    files = question.files or tuple(map(str, session.config.rules_files))
    write_exception(Path(question.path), draft, session, files)
    return WroteFile(question.path)


@answers(ExportAlerts)
def export(desk: Desk, question: ExportAlerts, asking: Asking) -> ExportedAlerts:
    case = desk.case(asking.check)
    session = desk.session(asking.check)
    path = Path(question.path)
    if path.exists() and not question.replace:
        raise FalcowbError(f"{path} is there already", hint="Name another file.")
    verdicts = case.verdicts
    if not verdicts.complete:
        raise FalcowbError("the capture is still being judged", hint="Try again in a moment.")
    rows, which = _every(verdicts, session.config.rule_matching)
    formatter = AlertFormatter(case.catalogue, session.alert_options(as_json=True))
    throttle = Throttle(0.25)
    written = 0
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            made = Path(file.name)
            try:
                for part in _parts(case, rows):
                    asking.check()
                    for buffer in formatter.lines(_found(case, verdicts, rows, which, part)):
                        file.write(buffer)
                    written += len(part)
                    if throttle.due():
                        asking.tell(ExportedAlerts(str(path), written, len(rows), False))
                file.close()
                made.chmod(0o644)
                made.replace(path)
            finally:
                with contextlib.suppress(FileNotFoundError):
                    made.unlink()
    except OSError as error:
        raise FalcowbError(f"{path} cannot be written: {error.strerror}") from None
    return ExportedAlerts(str(path), written, len(rows), True)


def _every(verdicts: Verdicts, matching: Matching) -> tuple[Ints, Ints]:
    """Rows of all alerts, in order, and the place of the rule of each."""
    if matching is not Matching.ALL:
        return verdicts.alert_rows, verdicts.alert_rules
    parts = [verdicts.rows.get(rule.name, _NONE) for rule in verdicts.rules]
    rows = np.concatenate([_NONE, *parts])
    which = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])
    order = np.lexsort((which, rows))
    return rows[order], which[order]


def _parts(case: Case, rows: Ints) -> list[Ints]:
    """Places among the rows, window by window, so that alerts of several sources stay in order."""
    starts = np.array([window.first for window in case.index.rows.windows], np.int64)
    edges = np.unique(np.searchsorted(rows, starts))
    pieces: list[Ints] = np.split(np.arange(len(rows), dtype=np.int64), edges)
    return [piece for piece in pieces if len(piece)]


def _found(case: Case, verdicts: Verdicts, rows: Ints, which: Ints, part: Ints) -> list[Found]:
    """The alerts at some places among all, as the formatter takes them."""
    found = []
    for located in case.index.locate(rows[part]):
        segment = case.index.segment(located.batch)
        rules = which[part[located.asked]]
        for rule in np.unique(rules).tolist():
            mine = rules == rule
            found.append(
                Found(verdicts.rules[rule], segment, located.places[mine], located.asked[mine])
            )
    return found
