"""Chosen rows of a batch of syscall events, grouped by type: what the field families read."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.table import EventType, event_table
from engine.columns import Mask, Rows


@dataclass(frozen=True, slots=True)
class Group:
    """The events of one type.

    ``at``: their positions in the segment, ascending; ``places``: their rows in the type's child of
    the union, as many.
    """

    type: EventType
    child: int
    at: Rows
    places: Rows

    def __len__(self) -> int:
        return len(self.at)

    def only(self, which: Mask) -> Group:
        """Those of the events for which ``which`` holds."""
        return Group(self.type, self.child, self.at[which], self.places[which])


class Events:
    """Rows of a batch: all of them, or those at ``rows`` (ascending positions in the batch)."""

    def __init__(self, batch: EventBatch, rows: Rows | None = None) -> None:
        self.batch = batch
        self.rows = np.arange(batch.num_rows) if rows is None else rows

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: Rows) -> Events:
        """The events at these positions among the chosen ones."""
        return Events(self.batch, self.rows[rows])

    def _head(self, name: str) -> npt.NDArray[np.generic]:
        column = self.batch.batch.column(name)
        if name == "time":
            column = column.view(pa.int64())
        values: npt.NDArray[np.generic] = column.to_numpy()
        return values if len(self) == len(values) else values[self.rows]

    @functools.cached_property
    def num(self) -> npt.NDArray[np.uint64]:
        return self._head("num").view(np.uint64)

    @functools.cached_property
    def time(self) -> npt.NDArray[np.int64]:
        """Nanoseconds since the epoch."""
        return self._head("time").view(np.int64)

    @functools.cached_property
    def cpu(self) -> npt.NDArray[np.uint16]:
        return self._head("cpu").view(np.uint16)

    @functools.cached_property
    def tid(self) -> npt.NDArray[np.int64]:
        return self._head("tid").view(np.int64)

    @functools.cached_property
    def type(self) -> npt.NDArray[np.uint16]:
        """Event type codes."""
        return self._head("type").view(np.uint16)

    @functools.cached_property
    def present(self) -> npt.NDArray[np.uint8]:
        """How many parameters each event holds."""
        return self._head("present").view(np.uint8)

    @functools.cached_property
    def groups(self) -> tuple[Group, ...]:
        """The events by type; types without events are left out."""
        whole = len(self) == self.batch.num_rows
        children = self.batch.type_ids if whole else self.batch.type_ids[self.rows]
        offsets = self.batch.offsets if whole else self.batch.offsets[self.rows]
        order = np.argsort(children, kind="stable")
        ends = np.cumsum(np.bincount(children, minlength=len(self.batch.codes)))
        table = event_table()
        found = []
        start = 0
        for child, end in enumerate(ends.tolist()):
            if end > start:
                at = order[start:end]
                found.append(
                    Group(table[self.batch.codes[child]], child, at, offsets[at].astype(np.int64))
                )
            start = end
        return tuple(found)

    def group(self, code: int) -> Group | None:
        """The events of one type, None where there is none."""
        return next((group for group in self.groups if group.type.code == code), None)

    def parameter(self, group: Group, index: int) -> pa.Array:
        """A parameter of the events of a group, row by row; null where absent or empty."""
        column = self._children[group.child].field(index)
        places = group.places
        first, count = int(places[0]), len(places)
        if int(places[-1]) - first + 1 == count:
            return column.slice(first, count)
        return column.take(pa.array(places))

    def holds(self, group: Group, index: int) -> Mask:
        """Which events of a group hold the parameter, be it empty."""
        return np.asarray(self.present[group.at] > index)

    @functools.cached_property
    def _children(self) -> list[pa.StructArray]:
        return self.batch.children
