"""CPU use, which hangs on what each thread told before.

From extract_thread_cpu of sinsp_filtercheck_thread.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

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


@dataclass(slots=True)
class Carried:
    """What one segment hands on to the next: what each thread last told of its CPU time."""

    told: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)

    def next(self, events: Events) -> Ordered:
        """The fields of these events, which come after all those before."""
        group = events.group(event_table().by_key[_PROCINFO].code)
        used = {} if group is None else {part: self._used(events, group, part) for part in _SUMS}
        return Ordered(len(events), used)

    def _used(self, events: Events, group: Group, parameters: tuple[int, ...]) -> Used:
        sums = np.zeros(len(group), np.uint64)
        for index in parameters:
            sums += events.parameter(group, index).fill_null(0).to_numpy().astype(np.uint64)
        used = np.zeros(len(group), np.float64)
        tids = events.tid[group.at].tolist()
        for place, (tid, now) in enumerate(zip(tids, sums.tolist(), strict=True)):
            before = self.told.get((parameters, tid), 0)
            if before:
                used[place] = min(float((now - before) % (1 << 64)), _MOST)
            self.told[parameters, tid] = now
        return group.at, used


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
