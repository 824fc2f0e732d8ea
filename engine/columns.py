"""Columns as the evaluator sees them: dense values, with "no value" apart.

A column belongs to a segment of ``n`` events. Strings are codes into a small table of distinct
values, so that a predicate on strings is asked once a distinct value. Bytes, not text: what the
kernel says need not be UTF-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.fields.model import FieldRef

Codes = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class BytesColumn:
    """Strings, byte buffers, addresses.

    ``codes``: int32, shape (n,), -1 for no value; ``values``: pa.BinaryArray of the distinct values
    (no nulls). Values need not be sorted nor all used, and a few may be there twice.
    """

    codes: Codes
    values: pa.BinaryArray

    def __len__(self) -> int:
        return len(self.codes)


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """Numbers and booleans. ``values``: int64, uint64, float64 or bool, shape (n,);
    ``valid``: bool, shape (n,), or None when every row has a value."""

    values: npt.NDArray[np.generic]
    valid: Mask | None

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True, slots=True)
class ListColumn:
    """Lists of either. ``offsets``: int64, shape (n + 1,), into ``items`` (whose rows all have
    values); ``valid`` as in NumberColumn: an empty list differs from no value."""

    offsets: Rows
    items: BytesColumn | NumberColumn
    valid: Mask | None

    def __len__(self) -> int:
        return len(self.offsets) - 1


Column = BytesColumn | NumberColumn | ListColumn


class Segment(Protocol):
    """A run of events of one source, able to give the column of any field on demand.

    ``columns`` may be asked for several fields at once, so that a plugin extracts them in one call;
    an implementation caches what it gave. Every column has ``len(segment)`` rows.
    """

    def __len__(self) -> int: ...

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]: ...

    def take(self, rows: Rows) -> Segment:
        """The events at ``rows`` (ascending) as a segment of their own: fields asked of it are
        computed for those events only."""
        ...
