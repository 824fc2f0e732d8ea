"""Lines of text of several sources, put in the order of event numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Lines:
    """``text[i]`` is the line of the event ``numbers[i]``; numbers ascend."""

    numbers: npt.NDArray[np.uint64]
    text: pa.LargeBinaryArray


def merged_lines(streams: Mapping[str, Iterator[Lines]]) -> Iterator[tuple[int, memoryview]]:
    """The lines of all sources in pieces of output, and how many there are in each. At most one
    batch of each source is in memory."""
    left = dict(streams)
    heads: dict[str, Lines] = {}
    while True:
        for name in [name for name in left if name not in heads]:
            lines = next(left[name], None)
            if lines is None:
                del left[name]
            else:
                heads[name] = lines
        if not heads:
            return
        until = min(int(lines.numbers[-1]) for lines in heads.values())
        numbers, texts = [], []
        for name, lines in list(heads.items()):
            rows = int(np.searchsorted(lines.numbers, np.uint64(until), side="right"))
            if int(lines.numbers[-1]) == until:
                rows = len(lines.numbers)
                del heads[name]
            else:
                heads[name] = Lines(lines.numbers[rows:], lines.text.slice(rows))
            numbers.append(lines.numbers[:rows])
            texts.append(lines.text.slice(0, rows))
        text = texts[0]
        if len(texts) > 1:
            order = np.argsort(np.concatenate(numbers), kind="stable")
            text = pa.concat_arrays(texts).take(pa.array(order))
        yield len(text), _content(text)


def _content(lines: pa.LargeBinaryArray) -> memoryview:
    _, offsets, content = lines.buffers()
    ends = np.frombuffer(offsets, np.int64)[lines.offset : lines.offset + len(lines) + 1]
    whole = memoryview(content) if content is not None else memoryview(b"")
    return whole[int(ends[0]) : int(ends[-1])]
