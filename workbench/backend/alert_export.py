"""All alerts of an open capture as Falco's JSON lines, in the order of events, then of rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from engine.alerts import AlertFormatter
from engine.ruleset.selection import Matching
from workbench.backend.desk import Case
from workbench.backend.verdicts import Verdicts

Ints = npt.NDArray[np.int64]
#: Events of which lines are made at a time.
_SPAN = 1 << 14


def alert_lines(
    case: Case, formatter: AlertFormatter, matching: Matching, check: Callable[[], None]
) -> Iterator[str]:
    """A line for each alert, without its line end. Raises what ``check`` raises."""
    rows, rules = _pairs(case.verdicts, matching)
    for begin in range(0, len(rows), _SPAN):
        check()
        yield from _lines(
            case, formatter, rows[begin : begin + _SPAN], rules[begin : begin + _SPAN]
        )


def _pairs(found: Verdicts, matching: Matching) -> tuple[Ints, Ints]:
    """The row and the rule (its place) of every alert, in order."""
    if matching is Matching.FIRST:
        return found.alert_rows, found.alert_rules
    parts = [found.rows.get(rule.name, np.zeros(0, np.int64)) for rule in found.rules]
    rows = np.concatenate([np.zeros(0, np.int64), *parts])
    rules = np.repeat(np.arange(len(parts), dtype=np.int64), [len(part) for part in parts])
    order = np.lexsort((rules, rows))
    return rows[order], rules[order]


def _lines(case: Case, formatter: AlertFormatter, rows: Ints, rules: Ints) -> list[str]:
    lines = [""] * len(rows)
    for located in case.index.locate(rows):
        segment = case.index.segment(located.batch)
        mine = rules[located.asked]
        for place in np.unique(mine).tolist():
            which = mine == place
            alerts = formatter.alerts(case.verdicts.rules[place], segment, located.places[which])
            for at, alert in zip(located.asked[which].tolist(), alerts, strict=True):
                lines[at] = formatter.line(alert)
    return lines
