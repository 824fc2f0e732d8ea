"""Several sources of one capture, side by side in the order of event numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from capture import batches as facts
from capture.reader import Capture


def windows(
    capture: Capture,
    sources: Sequence[str] | None = None,
    start_time: int | None = None,
    stop_time: int | None = None,
) -> Iterator[dict[str, pa.RecordBatch]]:
    """The events of several sources in windows of event numbers.

    Each window holds, for every source that has any, its events of the same range of numbers, and
    every number of a window is smaller than those of the next: what is found in a window need
    only be ordered within it. At most one batch of each source is in memory.

    Raises :class:`capture.errors.CaptureError` for an unknown source.
    """
    names = list(capture.sources if sources is None else sources)
    streams = {
        name: capture.batches(name, start_time=start_time, stop_time=stop_time) for name in names
    }
    heads: dict[str, pa.RecordBatch] = {}
    while True:
        for name in names:
            if name in streams and name not in heads:
                batch = next(streams[name], None)
                if batch is None:
                    del streams[name]
                else:
                    heads[name] = batch
        if not heads:
            return
        until = min(int(facts.numbers(batch)[-1]) for batch in heads.values())
        window = {}
        for name, batch in list(heads.items()):
            num = facts.numbers(batch)
            # A crafted capture's numbers may not ascend: a batch that ends here is used up anyway.
            rows = (
                batch.num_rows
                if int(num[-1]) == until
                else int(np.searchsorted(num, np.uint64(until), side="right"))
            )
            if rows:
                window[name] = batch.slice(0, rows)
            if rows == batch.num_rows:
                del heads[name]
            else:
                heads[name] = batch.slice(rows)
        yield window
