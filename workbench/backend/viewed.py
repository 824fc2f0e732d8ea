"""The rows of a view: all of them, or an ascending list that may still grow."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt

from workbench.backend.index.event_index import EventIndex
from workbench.backend.index.numbers import Growing

Ints = npt.NDArray[np.int64]

_versions = itertools.count(1)


class Viewed:
    """``rows`` are None for all rows of the index, whatever their number is."""

    def __init__(self, index: EventIndex, rows: Growing | None) -> None:
        self.version = next(_versions)
        self.index = index
        self._rows = rows

    @classmethod
    def everything(cls, index: EventIndex) -> Viewed:
        return cls(index, None)

    @classmethod
    def nothing_yet(cls, index: EventIndex) -> Viewed:
        return cls(index, Growing())

    def extend(self, rows: Ints) -> None:
        """More rows, each above those before."""
        assert self._rows is not None
        self._rows.extend(rows)

    def __len__(self) -> int:
        return self.index.count if self._rows is None else len(self._rows.values)

    def slice(self, first: int, count: int) -> Ints:
        """Rows of the index for some rows of the view."""
        if self._rows is None:
            return np.arange(first, min(first + count, self.index.count), dtype=np.int64)
        return self._rows.values[first : first + count].copy()

    def place(self, row: int) -> int:
        """The row of the view at which a row of the index is, or the first after it."""
        if self._rows is None:
            return min(row, self.index.count)
        return int(np.searchsorted(self._rows.values, row))

    @property
    def values(self) -> Ints | None:
        """The rows; None for all."""
        return None if self._rows is None else self._rows.values
