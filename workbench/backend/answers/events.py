"""Views, pages of them, places in them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.jsontext import dump
from workbench.backend.answers.registry import answers
from workbench.backend.conditions import KEY, conditions
from workbench.backend.desk import Case, Desk
from workbench.backend.lanes import Asking
from workbench.backend.pages import Shown, all_fields, cells, json_cells
from workbench.backend.questions.events import (
    AsJson,
    CheckCondition,
    ConditionOk,
    Jump,
    JumpedTo,
    Look,
    Looked,
    Page,
    PageOf,
    View,
)
from workbench.backend.scan import askers, scan, scan_rows
from workbench.backend.throttle import Throttle
from workbench.backend.verdicts import Verdicts
from workbench.backend.viewed import Viewed

Ints = npt.NDArray[np.int64]
#: Rows of a page at most, whatever is asked.
_MOST_ROWS = 2000


@answers(Look)
def look(desk: Desk, question: Look, asking: Asking) -> Looked:
    case = desk.case(asking.check)
    if question.view.is_all:
        viewed = Viewed.everything(case.index)
        steps: Steps = _all(case, asking)
    else:
        viewed = Viewed.nothing_yet(case.index)
        steps = _chosen(desk, case, question.view, asking)
    # Errors come before the old view is let go.
    first = next(steps, 0)
    seen = first if isinstance(first, int) else 0
    asking.check()
    desk.viewed = viewed
    throttle = Throttle(0.25)
    near = question.near

    def looked(complete: bool) -> Looked:
        return Looked(
            viewed.version,
            len(viewed),
            seen,
            case.index.count if case.index.complete else max(case.capture.count, seen),
            complete,
            None if near is None else _place_of(case, viewed, near),
        )

    for step in steps:
        if isinstance(step, int):
            seen = step
        else:
            viewed.extend(step)
        if throttle.due():
            asking.tell(looked(complete=False))
    return looked(complete=True)


def _place_of(case: Case, viewed: Viewed, number: int) -> int | None:
    row = case.index.row_of_number(number)
    place = None if row is None else viewed.place(row)
    if not len(viewed):
        return None
    return len(viewed) - 1 if place is None else min(place, len(viewed) - 1)


#: Rows that were found (an array), and how many events were looked at (a number).
Steps = Iterator[int | Ints]


def _all(case: Case, asking: Asking) -> Steps:
    yield 0
    for window in case.index.windows(asking.check):
        yield window.first + window.count


def _chosen(desk: Desk, case: Case, view: View, asking: Asking) -> Steps:
    """The rows of a view; the first thing given is a number."""
    asked = None
    if view.condition.strip() or view.source:
        known = [name for name in case.index.sources if name in case.catalogue.sources]
        known = [name for name in known if not view.source or name == view.source]
        if view.condition.strip():
            found = conditions(view.condition, case.catalogue, known, desk.ruleset)
            asked = askers(found, case.catalogue)
            # Of what was kept all is answered at once.
            if case.index.complete and case.kept.possible:
                yield 0
                kept = case.kept.judge([(KEY, each.expr) for each in found])
                if kept is not None:
                    found_rows = case.index.rows_of_numbers(kept[KEY])
                    base = _base(case, view, asking)
                    if base is not None:
                        found_rows = np.intersect1d(found_rows, base, assume_unique=True)
                    yield found_rows
                    yield case.index.count
                    return
    rows = _base(case, view, asking)
    yield 0
    if asked is None:
        if rows is None:
            yield from _of_source(case, view.source, asking)
        else:
            yield rows if not view.source else _in_source(case, rows, view.source)
        yield case.index.count
        return
    steps = (
        scan(case.index, asked, asking.check)
        if rows is None
        else scan_rows(case.index, rows, asked, asking.check)
    )
    for step in steps:
        if KEY in step.rows:
            yield step.rows[KEY]
        yield step.seen


def _base(case: Case, view: View, asking: Asking) -> Ints | None:
    """The rows that all but condition and source leave; None for all. Waits for the index where it
    must know all of it."""
    bounds: list[Ints] = []
    verdicts = case.verdicts
    if view.only == "alerts":
        bounds.append(verdicts.alert_rows)
    if view.rule:
        bounds.append(verdicts.rows.get(view.rule, np.zeros(0, np.int64)))
    if view.numbers is not None or view.start is not None or view.stop is not None:
        for _ in case.index.windows(asking.check):
            pass
    if view.numbers is not None:
        bounds.append(case.index.rows_of_numbers(np.unique(np.array(view.numbers, np.int64))))
    if view.start is not None or view.stop is not None:
        times = case.index.times
        low = 0 if view.start is None else int(np.searchsorted(times, view.start))
        high = len(times) if view.stop is None else int(np.searchsorted(times, view.stop))
        bounds.append(np.arange(low, max(low, high), dtype=np.int64))
    if not bounds:
        return None
    rows = bounds[0]
    for more in bounds[1:]:
        rows = np.intersect1d(rows, more, assume_unique=True)
    return rows


def _of_source(case: Case, source: str, asking: Asking) -> Steps:
    for window in case.index.windows(asking.check):
        rows = [
            part.all_rows() for part in window.parts if case.index.source_of(part.batch) == source
        ]
        if rows:
            yield np.sort(np.concatenate(rows))
        yield window.first + window.count


def _in_source(case: Case, rows: Ints, source: str) -> Ints:
    kept = np.zeros(len(rows), np.bool_)
    for located in case.index.locate(rows):
        if case.index.source_of(located.batch) == source:
            kept[located.asked] = True
    return rows[kept]


@answers(Page)
def page(desk: Desk, question: Page, asking: Asking) -> PageOf:
    viewed = _viewed(desk)
    case = desk.case_now()
    rows = viewed.slice(max(question.first, 0), min(question.count, _MOST_ROWS))
    shown = Shown(question.fields, case.catalogue)
    texts: list[list[str | None]] = [[None] * len(rows) for _ in question.fields]
    sources = [""] * len(rows)
    for located in case.index.locate(rows):
        asking.check()
        source = case.index.source_of(located.batch)
        found = cells(case.index.segment(located.batch), located.places, source, shown)
        for at in located.asked.tolist():
            sources[at] = source
        for column, values in zip(texts, found, strict=True):
            for at, value in zip(located.asked.tolist(), values, strict=True):
                column[at] = value
    priorities, rules = _alerts(case.verdicts, rows)
    return PageOf(
        viewed.version,
        question.first,
        tuple(case.index.numbers[rows].tolist()),
        tuple(case.index.times[rows].tolist()),
        tuple(sources),
        tuple(tuple(column) for column in texts),
        priorities,
        rules,
    )


def _alerts(verdicts: Verdicts, rows: Ints) -> tuple[tuple[int, ...], tuple[str, ...]]:
    found = [None if place < 0 else verdicts.rules[place] for place in verdicts.at(rows).tolist()]
    return (
        tuple(-1 if rule is None else int(rule.priority) for rule in found),
        tuple("" if rule is None else rule.name for rule in found),
    )


@answers(Jump)
def jump(desk: Desk, question: Jump, asking: Asking) -> JumpedTo:
    viewed = _viewed(desk)
    case = desk.case_now()
    if not len(viewed):
        return JumpedTo(None)
    if question.to == "alert":
        place = _alert_place(case, viewed, question)
    else:
        row = (
            case.index.row_of_number(question.value)
            if question.to == "number"
            else case.index.row_of_time(question.value)
        )
        place = len(viewed) - 1 if row is None else min(viewed.place(row), len(viewed) - 1)
    if place is None:
        return JumpedTo(None)
    row = int(viewed.slice(place, 1)[0])
    return JumpedTo(place, int(case.index.numbers[row]), int(case.index.times[row]))


def _alert_place(case: Case, viewed: Viewed, question: Jump) -> int | None:
    """The place in the view of the next alert, or the one before."""
    verdicts = case.verdicts
    rows = verdicts.alert_rows
    if question.priority < 7:
        grave = np.array([rule.priority for rule in verdicts.rules], np.int64)
        rows = rows[grave[verdicts.alert_rules] <= question.priority]
    start = viewed.slice(min(max(question.start, 0), len(viewed) - 1), 1)[0]
    if question.back:
        rows = rows[: int(np.searchsorted(rows, start))][::-1]
    else:
        rows = rows[int(np.searchsorted(rows, start, side="right")) :]
    values = viewed.values
    if values is not None:
        # The first of them that the view has; not all need be looked at.
        for begin in range(0, len(rows), 4096):
            some = rows[begin : begin + 4096]
            places = np.searchsorted(values, some)
            there = np.append(values, -1)[places] == some
            if there.any():
                return int(places[there][0])
        return None
    return int(rows[0]) if len(rows) else None


@answers(CheckCondition)
def check_condition(desk: Desk, question: CheckCondition, asking: Asking) -> ConditionOk:
    if not question.condition.strip():
        return ConditionOk(())
    case = desk.case_now()
    known = [name for name in case.index.sources if name in case.catalogue.sources]
    found = conditions(question.condition, case.catalogue, known, desk.ruleset)
    return ConditionOk(tuple(each.source for each in found))


@answers(AsJson)
def as_json(desk: Desk, question: AsJson, asking: Asking) -> str:
    case = desk.case_now()
    rows = case.index.rows_of_numbers(np.unique(np.array(question.numbers, np.int64)))
    lines: list[str] = [""] * len(rows)
    for located in case.index.locate(rows):
        asking.check()
        source = case.index.source_of(located.batch)
        segment = case.index.segment(located.batch).take(located.places)
        found = json_cells(segment, all_fields(case.catalogue, source))
        for at, values in zip(located.asked.tolist(), found, strict=True):
            lines[at] = dump(values)
    return "\n".join(lines)


def _viewed(desk: Desk) -> Viewed:
    viewed = desk.viewed
    if viewed is None:
        raise FalcowbError("no capture is open")
    return viewed
