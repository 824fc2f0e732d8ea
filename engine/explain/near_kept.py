"""Near misses of an opened capture: distinct rows are asked, each for all its events."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.columns import Column
from engine.explain.near import Ints, NearCounter
from engine.folding.asked import changes
from engine.folding.keep import name_of
from engine.folding.opened import KeptPart, NotKept, OpenedCapture
from engine.gather import from_arrow, take
from engine.segments import ColumnKey, TableSegment, column_key


def count_kept(counter: NearCounter, opened: OpenedCapture) -> None:
    """Count the near misses of all events that were kept.

    Raises NotKept where events that the rule can match were not kept with all its fields; of other
    types it is told in ``not_asked``.
    """
    need = counter.keys
    asked: set[int] = set()
    for part in opened.parts:
        if need <= part.class_.kept:
            asked |= part.class_.codes
    lacking = {code: count for code, count in opened.counts.items() if code not in asked}
    if counter.codes & lacking.keys():
        names = sorted({event_table()[code].name for code in counter.codes & lacking.keys()})
        raise NotKept(
            f"not enough was kept of the capture's events of type {', '.join(names)}",
            hint="Open the capture again with this rule.",
        )
    for code, count in lacking.items():
        name = event_table()[code].name
        counter.not_asked[name] = counter.not_asked.get(name, 0) + count
    for part in opened.parts:
        if need <= part.class_.kept:
            if counter.apart:
                _events(counter, part)
            else:
                _rows(counter, part)


def _rows(counter: NearCounter, part: KeptPart) -> None:
    count = len(part.rows)
    weights = np.zeros(count, np.int64)
    for ids, _, _ in part.batches():
        weights += np.bincount(ids, minlength=count)

    def examples(groups: npt.NDArray[np.int32], number: int) -> list[list[int]]:
        return _first(counter, part, groups, number)

    counter.add_rows(part.rows, weights, examples)


def _first(
    counter: NearCounter, part: KeptPart, groups: npt.NDArray[np.int32], number: int
) -> list[list[int]]:
    """The first events of each group; groups that have enough are looked for no more."""
    found: list[list[int]] = [[] for _ in range(number)]
    wanted = groups.copy()
    for ids, nums, _ in part.batches():
        if not (wanted >= 0).any():
            break
        mine = wanted[ids]
        places = np.flatnonzero(mine >= 0)
        order = places[np.argsort(mine[places], kind="stable")]
        met, starts = np.unique(mine[order], return_index=True)
        done = []
        for group, start, stop in zip(met, starts, np.append(starts[1:], len(order)), strict=True):
            room = counter.examples - len(found[group])
            found[group] += nums[order[start : min(start + room, stop)]].tolist()
            if len(found[group]) >= counter.examples:
                done.append(group)
        wanted[np.isin(wanted, done)] = -1
    return found


def _events(counter: NearCounter, part: KeptPart) -> None:
    """Event by event, those that fail no more than one of what their rows tell."""
    rows, _ = counter.rows(part.rows)
    near = np.zeros(len(part.rows), np.bool_)
    near[rows] = True
    for ids, nums, batch in part.batches():
        which = np.flatnonzero(near[ids])
        counter.events += len(ids) - len(which)
        if not len(which):
            continue
        places: Ints = ids[which].astype(np.int64)
        columns: dict[ColumnKey, Column] = {}
        for ref in counter.refs:
            key = column_key(ref)
            if changes(ref):
                columns[key] = take(from_arrow(batch.column(name_of(key))), which)
            else:
                columns[key] = take(part.rows.column(key), places)
        counter.add(TableSegment(len(which), columns), nums[which].astype(np.int64))
