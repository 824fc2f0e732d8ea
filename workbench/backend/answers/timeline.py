"""Bins are counted from sorted times: two look-ups a bin, however many events there are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.lanes import Asking
from workbench.backend.questions.timeline import Binned, Bins, Hit, NextHit

Ints = npt.NDArray[np.int64]

#: Most bins of one answer: screens are not wider.
_MOST = 4096
_NONE: Ints = np.zeros(0, np.int64)


@answers(Bins)
def bins(desk: Desk, question: Bins, asking: Asking) -> Binned:
    case = desk.case(asking.check)
    count = min(max(question.count, 1), _MOST)
    times = case.index.times[: case.index.count]
    if not len(times):
        none = (0,) * count
        return Binned(0, count, none, none, (-1,) * count, none, (0, 0))
    first, last = int(times[0]), int(times[-1])
    start = first if question.start is None else question.start
    # The end is out, and the last event has to be in.
    stop = max(last + 1 if question.stop is None else question.stop, start + count)
    edges = start + ((stop - start) * np.arange(count + 1, dtype=np.float64) / count).astype(
        np.int64
    )
    events = np.diff(np.searchsorted(times, edges))
    verdicts = case.verdicts
    priorities = np.array([int(rule.priority) for rule in verdicts.rules], np.int64)
    places = _places(times, verdicts.alert_rows, edges)
    there = (places >= 0) & (places < count)
    gravest = np.full(count, 8, np.int64)
    if there.any():
        np.minimum.at(gravest, places[there], priorities[verdicts.alert_rules[there]])
    alerts = np.bincount(places[there], minlength=count)
    hits = _places(times, verdicts.rows.get(question.rule, _NONE), edges)
    hits = np.bincount(hits[(hits >= 0) & (hits < count)], minlength=count)
    return Binned(
        start,
        stop,
        tuple(events.tolist()),
        tuple(alerts.tolist()),
        tuple(np.where(gravest > 7, -1, gravest).tolist()),
        tuple(hits.tolist()),
        (first, last),
    )


def _places(times: Ints, rows: Ints, edges: Ints) -> Ints:
    """The bin of each row; -1 or the number of bins for what is outside."""
    rows = rows[rows < len(times)]
    return np.searchsorted(edges, times[rows], side="right").astype(np.int64) - 1


@answers(NextHit)
def next_hit(desk: Desk, question: NextHit, asking: Asking) -> Hit:
    case = desk.case_now()
    rows = case.verdicts.rows.get(question.rule, _NONE)
    numbers = _numbers(case, rows)
    if question.back:
        at = int(np.searchsorted(numbers, question.number)) - 1
    else:
        at = int(np.searchsorted(numbers, question.number, side="right"))
    if not 0 <= at < len(numbers):
        return Hit(None)
    return Hit(int(numbers[at]), int(case.index.times[rows[at]]))


def _numbers(case: Case, rows: Ints) -> Ints:
    numbers: Ints = case.index.numbers[rows].astype(np.int64)
    return numbers
