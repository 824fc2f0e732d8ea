"""Fields that hang on the events before: CPU time between switches, and what processes told of it.

From extract_exectime, extract_thread_cpu of sinsp_filtercheck_thread.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.columns import Rows
from engine.syscalls.events import Events, Group

_Numbers = npt.NDArray[np.uint64]
_SWITCH, _PROCINFO = "SCHEDSWITCH_6_E", "PROCINFO_E"
#: The parameters of process information that the fields add up.
_SUMS: tuple[tuple[int, ...], ...] = ((0, 1), (0,), (1,))
_MOST = 100.0


@dataclass(slots=True)
class Carried:
    """What one segment hands on to the next: time of the last switch by CPU, CPU time so far by
    thread, and what each thread last told."""

    switches: dict[int, int] = field(default_factory=dict)
    totals: dict[int, int] = field(default_factory=dict)
    told: dict[tuple[tuple[int, ...], int], int] = field(default_factory=dict)

    def next(self, events: Events) -> Ordered:
        """The fields of these events, which come after all those before."""
        switch = events.group(event_table().by_key[_SWITCH].code)
        told = events.group(event_table().by_key[_PROCINFO].code)
        ran = self._ran(events, switch) if switch is not None else None
        base = self._bases(events, ran)
        used = {} if told is None else {part: self._used(events, told, part) for part in _SUMS}
        return Ordered(len(events), events, ran, base, used)

    def _ran(self, events: Events, group: Group) -> tuple[Rows, _Numbers]:
        """CPU time since the switch before on the same CPU, by switch."""
        cpus, times = events.cpu[group.at].astype(np.int64), events.time[group.at]
        order = np.argsort(cpus, kind="stable")
        before = np.zeros(len(order), np.int64)
        sorted_cpus, sorted_times = cpus[order], times[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = sorted_cpus[1:] != sorted_cpus[:-1]
        known = np.concatenate([np.zeros(1, np.int64), sorted_times[:-1]])
        carried = [self.switches.get(cpu, 0) for cpu in sorted_cpus[first].tolist()]
        known[first] = carried
        before[order] = known
        last = np.append(first[1:], True)
        self.switches.update(
            zip(sorted_cpus[last].tolist(), sorted_times[last].tolist(), strict=True)
        )
        passed = np.where(before != 0, times - before, 0)
        return group.at, passed.astype(np.uint64)

    def _bases(self, events: Events, ran: tuple[Rows, _Numbers] | None) -> dict[int, int]:
        """CPU time of threads before these events, for those that have any."""
        base = dict(self.totals)
        if ran is not None:
            tids = events.tid[ran[0]].tolist()
            for tid, passed in zip(tids, ran[1].tolist(), strict=True):
                self.totals[tid] = self.totals.get(tid, 0) + passed
        return base

    def _used(
        self, events: Events, group: Group, parameters: tuple[int, ...]
    ) -> tuple[Rows, npt.NDArray[np.float64]]:
        sums = np.zeros(len(group), np.uint64)
        for index in parameters:
            sums += events.parameter(group, index).fill_null(0).to_numpy().astype(np.uint64)
        used = np.zeros(len(group), np.float64)
        for place, (tid, now) in enumerate(
            zip(events.tid[group.at].tolist(), sums.tolist(), strict=True)
        ):
            before = self.told.get((parameters, tid), 0)
            if before:
                used[place] = min(float((now - before) % (1 << 64)), _MOST)
            self.told[parameters, tid] = now
        return group.at, used


@dataclass(frozen=True, slots=True)
class Ordered:
    """The fields of a segment. Of events taken from it they are taken."""

    rows: int
    events: Events
    ran: tuple[Rows, _Numbers] | None
    base: dict[int, int]
    used: dict[tuple[int, ...], tuple[Rows, npt.NDArray[np.float64]]]
    taken: Rows | None = None

    def take(self, rows: Rows) -> Ordered:
        taken = rows if self.taken is None else self.taken[rows]
        return Ordered(self.rows, self.events, self.ran, self.base, self.used, taken)

    def exec_times(self) -> _Numbers:
        """By event; 0 for all but switches."""
        times = np.zeros(self.rows, np.uint64)
        if self.ran is not None:
            times[self.ran[0]] = self.ran[1]
        return times if self.taken is None else times[self.taken]

    def total_exec_times(self) -> _Numbers:
        """CPU time of the event's thread so far."""
        if self.ran is None and not self.base:
            return np.zeros(self.rows if self.taken is None else len(self.taken), np.uint64)
        times = np.zeros(self.rows, np.uint64)
        if self.ran is not None:
            times[self.ran[0]] = self.ran[1]
        tids = self.events.tid
        order = np.argsort(tids, kind="stable")
        sums = np.cumsum(times[order])
        first = np.ones(len(order), np.bool_)
        first[1:] = tids[order][1:] != tids[order][:-1]
        starts = np.flatnonzero(first)
        earlier = np.where(starts > 0, sums[starts - 1], 0).astype(np.uint64)
        bases = np.array([self.base.get(tid, 0) for tid in tids[order][first].tolist()], np.uint64)
        which = np.cumsum(first) - 1
        totals = np.empty(self.rows, np.uint64)
        totals[order] = sums - earlier[which] + bases[which]
        return totals if self.taken is None else totals[self.taken]

    def cpu(self, parameters: tuple[int, ...]) -> tuple[Rows, npt.NDArray[np.float64]] | None:
        """CPU use told by process information: which events, and how much."""
        used = self.used.get(parameters)
        if used is None or self.taken is None:
            return used
        at, values = used
        where = np.full(self.rows, -1, np.int64)
        where[at] = np.arange(len(at))
        chosen = where[self.taken]
        rows = np.flatnonzero(chosen >= 0)
        return rows, values[chosen[rows]]
