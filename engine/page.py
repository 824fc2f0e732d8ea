"""Lines of many alerts, put together from pieces: one gathering of bytes makes them all.

Every text that a line may hold (a rule's own words, a value) has a code. A line is a row of codes;
gathering the texts of all codes, line after line, gives the bytes to be written.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import Codes, Rows
from engine.text_columns import Texts

#: Lines come in buffers of about this many bytes, so that long ones take no more memory.
_PIECE = 32 << 20


class Vocabulary:
    """Fixed texts, each with its code, from 0 on. It only grows."""

    def __init__(self) -> None:
        self._codes: dict[bytes, int] = {}
        self._array = pa.array([], pa.binary())

    def code(self, text: bytes) -> int:
        return self._codes.setdefault(text, len(self._codes))

    def array(self) -> pa.BinaryArray:
        """All texts by code."""
        if len(self._array) < len(self._codes):
            self._array = pa.array(list(self._codes), pa.binary())
        return self._array


class Page:
    """``count`` lines, in the order of their places, of fixed texts and of values."""

    def __init__(self, count: int, fixed: pa.BinaryArray) -> None:
        self._count = count
        self._texts: list[pa.Array] = [fixed]
        self._codes = len(fixed)
        self._lines: list[tuple[Rows, Codes]] = []

    def codes(self, texts: Texts, missing: int) -> Codes:
        """A code for each row; ``missing`` is the code for no value."""
        codes = texts.codes + np.int32(self._add(texts.values))
        absent = texts.codes < 0
        if absent.any():
            codes[absent] = missing
        return codes

    def put(self, places: Rows, codes: Codes) -> None:
        """The lines at ``places``, each a row of ``codes``."""
        self._lines.append((places, codes))

    def put_whole(self, places: Rows, lines: list[bytes]) -> None:
        """The lines at ``places``, as they are."""
        first = self._add(pa.array(lines, pa.binary()))
        self._lines.append((places, np.arange(first, first + len(lines), dtype=np.int32)[:, None]))

    def content(self) -> Iterator[pa.Buffer]:
        """The bytes of all lines, in pieces."""
        if not self._lines:
            return
        # 64-bit offsets: no number of bytes is too large.
        texts = pa.concat_arrays([text.cast(pa.large_binary()) for text in self._texts])
        codes = self._in_order()
        sizes = np.diff(np.frombuffer(texts.buffers()[1], np.int64)[: len(texts) + 1])
        ends = np.cumsum(sizes[codes.astype(np.intp)])
        start = 0
        while start < len(codes):
            before = ends[start - 1] if start else 0
            stop = max(int(np.searchsorted(ends, before + _PIECE)), start + 1)
            gathered = texts.take(pa.array(codes[start:stop]))
            if (content := gathered.buffers()[2]) is not None:
                yield content.slice(0, int(ends[stop - 1] - before))
            start = stop

    def _in_order(self) -> Codes:
        """The codes of all lines, one line after the other."""
        lengths = np.zeros(self._count, np.int64)
        for places, codes in self._lines:
            lengths[places] = codes.shape[1]
        starts: npt.NDArray[np.int64] = np.cumsum(lengths) - lengths
        ordered = np.empty(int(lengths.sum()), np.int32)
        for places, codes in self._lines:
            ordered[starts[places][:, None] + np.arange(codes.shape[1])] = codes
        return ordered

    def _add(self, texts: pa.Array) -> int:
        first = self._codes
        self._texts.append(texts)
        self._codes += len(texts)
        return first
