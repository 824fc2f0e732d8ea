"""Loading rules, and judging the capture by them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from capture.errors import FalcowbError
from engine.alerts import AlertFormatter
from engine.ruleset.codes import Severity
from engine.ruleset.loader import LoadResult, read_rule_files, unique
from engine.ruleset.model import Message, Rule
from engine.ruleset.options import RuleFile
from engine.ruleset.selection import Match, RuleSet
from workbench.backend.alert_export import alert_lines
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.judging import CaseJudge
from workbench.backend.lanes import Asking
from workbench.backend.questions.rules import (
    ExportAlerts,
    Exported,
    Judged,
    LoadRules,
    RuleFacts,
    Rules,
    Said,
)
from workbench.backend.throttle import Throttle
from workbench.backend.verdicts import Verdicts, verdicts
from workbench.core.session import Session

_SEVERITY = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


@answers(LoadRules)
def load_rules(desk: Desk, question: LoadRules, asking: Asking) -> Judged:
    session = desk.session(asking.check)
    paths = question.files or tuple(map(str, session.config.rules_files))
    said, problem, result = _load(session, paths, dict(question.texts))
    failed = bool(paths) and (result is None or not result.successful)
    if result is not None and not failed:
        _switch(result.ruleset, question)
        desk.ruleset = result.ruleset
    files = tuple(result.contents) if result is not None else tuple(map(str, paths))
    asking.tell(_rules(desk.ruleset, said, files, failed, problem))
    case = desk.case(asking.check)
    if desk.ruleset is None:
        case.verdicts = Verdicts(case.verdicts.version, seen=case.index.count, complete=True)
        return judged(case.verdicts, case)
    # Where the new ones failed, those that were loaded last go on judging.
    return _judge(desk, case, desk.ruleset, session, asking)


@answers(ExportAlerts)
def export_alerts(desk: Desk, question: ExportAlerts, asking: Asking) -> Exported:
    session, case = desk.session(asking.check), desk.case_now()
    options = session.alert_options(as_json=True)
    formatter = AlertFormatter(case.catalogue, options)
    count = 0
    try:
        with Path(question.path).open("x", encoding="utf-8") as file:
            for line in alert_lines(case, formatter, session.config.rule_matching, asking.check):
                file.write(f"{line}\n")
                count += 1
    except OSError as error:
        raise FalcowbError(f"{question.path}: {error.strerror}") from None
    return Exported(question.path, count)


def _load(
    session: Session, paths: Iterable[str | Path], texts: Mapping[str, str]
) -> tuple[tuple[Said, ...], str, LoadResult | None]:
    """What was said, the problem that is of no file, and the result, if there is one."""
    files: list[RuleFile] = []
    said: list[Said] = []
    for path in paths:
        if str(path) in texts:
            files.append(RuleFile(str(path), texts[str(path)]))
            continue
        try:
            found = read_rule_files([path])
        except FalcowbError as error:
            said.append(_of_error(error, str(path)))
            continue
        except OSError as error:
            text = f"{path}: {error.strerror}"
            said.append(Said("error", "", text, "", str(path), 0, 0))
            continue
        files += [RuleFile(each.name, texts.get(each.name, each.text)) for each in found]
    if said:
        return tuple(said), said[0].text, None
    if not files:
        return (), "", None
    result = session.read_rules(files)
    messages = [message for file in result.files for message in unique(file.messages)]
    said += [_said(message) for message in unique(messages)]
    return tuple(said), result.plugin_problem or "", result


def _said(message: Message) -> Said:
    place = message.place
    return Said(
        _SEVERITY[message.severity],
        message.code.name,
        message.text or message.code.short,
        message.item_name,
        place.file,
        place.line,
        place.column,
        message.hint,
    )


def _of_error(error: FalcowbError, path: str) -> Said:
    place = error.place
    if place is None:
        return Said("error", "", error.message, "", path, 0, 0, error.hint)
    return Said("error", "", error.message, "", path, place.line, place.column, error.hint)


def _switch(ruleset: RuleSet, question: LoadRules) -> None:
    for names, on in ((question.off, False), (question.on, True)):
        for name in names:
            ruleset.select(name, Match.EXACT, on=on)


def _rules(
    ruleset: RuleSet | None,
    said: tuple[Said, ...],
    files: tuple[str, ...],
    failed: bool,
    problem: str,
) -> Rules:
    if ruleset is None:
        return Rules((), (), (), said, files, failed, problem)
    definitions = ruleset.definitions
    return Rules(
        tuple(_facts(rule, ruleset.is_on(rule.name)) for rule in ruleset.rules),
        tuple(macro.name for macro in definitions.macros),
        tuple(each.name for each in definitions.lists),
        said,
        files,
        failed,
        problem,
    )


def _facts(rule: Rule, enabled: bool) -> RuleFacts:
    return RuleFacts(
        rule.name,
        rule.source,
        int(rule.priority),
        tuple(sorted(rule.tags)),
        enabled,
        rule.description,
        rule.condition_text,
        rule.output_text,
        rule.place.file,
        rule.place.line,
    )


def _judge(desk: Desk, case: Case, ruleset: RuleSet, session: Session, asking: Asking) -> Judged:
    rules = ruleset.enabled()
    able = [rule for rule in rules if rule.source in case.index.sources]
    judge = case.judge
    if judge is None:
        judge = case.judge = CaseJudge(case.index, case.kept)
    matching = session.config.rule_matching
    throttle = Throttle(0.25)
    version = case.verdicts.version
    for rows, seen, complete in judge.judge(able, asking.check):
        if complete or throttle.due():
            version += 1
            case.verdicts = verdicts(version, able, rows, matching, seen=seen, complete=complete)
            if not complete:
                asking.tell(judged(case.verdicts, case))
    return judged(case.verdicts, case)


def judged(found: Verdicts, case: Case) -> Judged:
    """What is known, for a screen."""
    priorities = np.array([rule.priority for rule in found.rules], np.int64)
    counts = np.bincount(priorities[found.alert_rules], minlength=8).tolist()
    return Judged(
        found.version,
        found.seen,
        max(case.index.count, 0 if case.index.complete else case.capture.count),
        tuple((rule.name, len(found.rows.get(rule.name, ()))) for rule in found.rules),
        tuple((rule.name, found.alerts.get(rule.name, 0)) for rule in found.rules),
        tuple((priority, count) for priority, count in enumerate(counts) if count),
        found.complete,
    )
