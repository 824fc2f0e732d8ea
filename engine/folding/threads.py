"""What events tell of their threads, folded: looked at once a distinct lineage of a segment."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table
from engine.columns import Codes, Mask, Rows
from engine.fields.model import FieldRef
from engine.folding.coding import Coder, OtherKind, coder_for
from engine.folding.distinct_rows import DistinctRows
from engine.segments import ColumnKey, column_key
from engine.syscalls import containers, process, users
from engine.syscalls.segment import SyscallSegment

#: Fields that hang on the lineage of an event alone (``engine.state.tables``).
OF_THREAD = (
    frozenset((*process.FIELDS, *users.FIELDS, *containers.FIELDS))
    | {
        "thread.cap_permitted", "thread.cap_inheritable", "thread.cap_effective", "thread.ismain",
        "thread.vtid", "thread.cgroups", "thread.cgroup",
    }
) - {
    "proc.duration", "proc.ppid.duration",  # on the event's time
    "proc.fdopencount", "proc.fdusage", "proc.vmsize", "proc.vmrss", "proc.vmswap",
}  # fmt: skip

#: Events that tell of a container, of which the fields then speak, whatever thread they are of.
_TELLING = ("CONTAINER_JSON_2_E", "CONTAINER_JSON_E", "ASYNCEVENT_E", "INFRASTRUCTURE_EVENT_E")


@functools.cache
def _telling() -> Mask:
    return np.array([event.key in _TELLING for event in event_table().types], np.bool_)


class FoldedThreads:
    """Distinct rows of the fields in ``refs``, all of them in ``OF_THREAD``."""

    def __init__(self, refs: Sequence[FieldRef], coders: dict[ColumnKey, Coder]) -> None:
        self.refs = list(refs)
        self._coders = coders
        self.forget()

    def forget(self) -> None:
        """Begin with no rows; the coders are new as well."""
        self.distinct = DistinctRows(len(self.refs))

    def fold(self, segment: SyscallSegment, rows: Rows) -> Codes:
        """The number of the row of each of the events at ``rows`` (ascending)."""
        lineage = segment.state.lineage[rows] + 1
        alone = np.flatnonzero(_telling()[segment.events.type[rows]])
        first = np.full(int(lineage.max(initial=0)) + 1, -1, np.int64)
        first[lineage[::-1]] = rows[::-1]
        if len(alone):
            others = np.delete(np.arange(len(rows)), alone)
            first[:] = -1
            first[lineage[others][::-1]] = rows[others][::-1]
        known = np.flatnonzero(first >= 0)
        chosen = np.concatenate((first[known], rows[alone]))
        order = np.argsort(chosen)
        ids = np.empty(len(chosen), np.int32)
        ids[order] = self._numbers(segment.take(chosen[order]))
        by_lineage = np.full(len(first), -1, np.int32)
        by_lineage[known] = ids[: len(known)]
        found: Codes = by_lineage[lineage]
        found[alone] = ids[len(known) :]
        return found

    def _numbers(self, segment: SyscallSegment) -> Codes:
        ids, _ = self.distinct.add(coded(segment, self.refs, self._coders))
        return ids


def coded(
    segment: SyscallSegment, refs: Sequence[FieldRef], coders: dict[ColumnKey, Coder]
) -> npt.NDArray[np.int32]:
    """The codes of some fields, shape (fields, events); new values get new codes. Raises OtherKind
    where values do not go with those before."""
    codes = np.empty((len(refs), len(segment)), np.int32)
    for number, (ref, column) in enumerate(zip(refs, segment.columns(refs), strict=True)):
        key = column_key(ref)
        coder = coders.get(key)
        if coder is None:
            coder = coders[key] = coder_for(column)
        elif not coder.fits(column):
            raise OtherKind
        codes[number] = coder.codes(column)
    return codes
