"""CPU use, which hangs on what each thread told before.

From extract_thread_cpu of sinsp_filtercheck_thread.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.columns import Rows
from engine.syscalls.events import Events, Group

_PROCINFO = "PROCINFO_E"
#: The parameters of process information that the fields add up.
_SUMS: tuple[tuple[int, ...], ...] = ((0, 1), (0,), (1,))
_MOST = 100.0

#: Which events tell CPU use, and how much.
Used = tuple[Rows, npt.NDArray[np.float64]]


class Carried:
    """What one segment hands on to the next: what each thread last told of its CPU time.

    ``_tids`` ascending; ``_told`` for each of ``_SUMS`` the sum that each of them told.
    """

    def __init__(self) -> None:
        self._tids = np.zeros(0, np.int64)
        self._told = [np.zeros(0, np.uint64) for _ in _SUMS]

    def next(self, events: Events) -> Ordered:
        """The fields of these events, which come after all those before."""
        group = events.group(event_table().by_key[_PROCINFO].code)
        return Ordered(len(events), {} if group is None else self._used(events, group))

    def _used(self, events: Events, group: Group) -> dict[tuple[int, ...], Used]:
        tids = events.tid[group.at]
        order = np.argsort(tids, kind="stable")
        tids = tids[order]
        first = np.ones(len(tids), np.bool_)
        first[1:] = tids[1:] != tids[:-1]
        last = np.append(first[1:], True)
        places = np.searchsorted(self._tids, tids[first])
        known = np.append(self._tids, -1)[places] == tids[first]
        parts = [
            events.parameter(group, index).fill_null(0).to_numpy().astype(np.uint64)[order]
            for index in (0, 1)
        ]
        used = {}
        told = []
        for number, sum_ in enumerate(_SUMS):
            now = parts[sum_[0]] if len(sum_) == 1 else parts[0] + parts[1]
            before = np.zeros(len(now), np.uint64)
            before[1:] = now[:-1]
            carried = np.append(self._told[number], np.uint64(0))[places]
            before[first] = np.where(known, carried, np.uint64(0))
            passed = np.minimum((now - before).astype(np.float64), _MOST)
            values = np.empty(len(now), np.float64)
            values[order] = np.where(before != 0, passed, 0.0)
            used[sum_] = group.at, values
            told.append(now[last])
        self._carry(tids[last], told)
        return used

    def _carry(self, tids: npt.NDArray[np.int64], told: list[npt.NDArray[np.uint64]]) -> None:
        stay = ~np.isin(self._tids, tids)
        everyone = np.concatenate([self._tids[stay], tids])
        order = np.argsort(everyone, kind="stable")
        self._tids = everyone[order]
        self._told = [
            np.concatenate([before[stay], now])[order]
            for before, now in zip(self._told, told, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Ordered:
    """The fields of a segment. Of events taken from it they are taken."""

    rows: int
    used: dict[tuple[int, ...], Used]
    taken: Rows | None = None

    def take(self, rows: Rows) -> Ordered:
        return Ordered(self.rows, self.used, rows if self.taken is None else self.taken[rows])

    def cpu(self, parameters: tuple[int, ...]) -> Used | None:
        """CPU use told by process information: the sum of these of its parameters."""
        used = self.used.get(parameters)
        if used is None or self.taken is None:
            return used
        at, values = used
        where = np.full(self.rows, -1, np.int64)
        where[at] = np.arange(len(at))
        chosen = where[self.taken]
        rows = np.flatnonzero(chosen >= 0)
        return rows, values[chosen[rows]]
