"""The blocks of a ``.scap`` that conversion folded away, on their way back into one.

An import keeps them beside the segments (``capture.schema.FOLDED``); here they are met again with
the events they stood before, a batch at a time.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from capture import batches as facts
from capture.reader import Capture
from capture.scap import _native

_BEFORE = _native.lib.SCAP_FOLDED_BEFORE


class FoldedStream:
    """What was folded away of a capture, in order; ``enters`` counts the blocks given so far that
    are no events of today's. False where there is nothing."""

    def __init__(self, capture: Capture) -> None:
        self.enters = 0
        self._batches = capture.folded()
        self._head = next(self._batches, None)
        self._any = self._head is not None

    def __bool__(self) -> bool:
        return self._any

    def until(self, section: int, num: int) -> pa.RecordBatch | None:
        """What stood before, or is told of, the events of a section up to number ``num``; None for
        nothing. What is left of earlier sections is passed over."""
        taken = []
        while self._head is not None and self._head[0] <= section:
            of, batch = self._head
            rows = 0
            if of == section:
                rows = int(np.searchsorted(facts.numbers(batch), np.uint64(num), side="right"))
                taken.append(batch.slice(0, rows))
                if rows < batch.num_rows:
                    self._head = of, batch.slice(rows)
                    break
            self._head = next(self._batches, None)
        taken = [batch for batch in taken if batch.num_rows]
        if not taken:
            return None
        whole = taken[0] if len(taken) == 1 else pa.concat_batches(taken)
        self.enters += _before(whole)
        return whole

    def rest(self, section: int, last: int) -> Iterator[pa.RecordBatch]:
        """What stood after the last event of a section, number ``last``, of calls under way at its
        end. What stood further on, before events that an unfinished import lacks, is left out."""
        while self._head is not None and self._head[0] <= section:
            of, batch = self._head
            self._head = next(self._batches, None)
            near = int(np.searchsorted(facts.numbers(batch), np.uint64(last + 1), side="right"))
            part = batch.slice(0, near).filter(pc.equal(batch.column("kind")[:near], _BEFORE))
            if of == section and part.num_rows:
                self.enters += part.num_rows
                yield part


def _before(batch: pa.RecordBatch) -> int:
    return int(pc.sum(pc.equal(batch.column("kind"), _BEFORE)).as_py() or 0)
