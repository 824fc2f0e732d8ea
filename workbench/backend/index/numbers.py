"""Numbers and times of all events by row: an array that grows, or a file mapped into memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


class Growing:
    """int64 values, more and more of them. Views given before stay as they were."""

    def __init__(self) -> None:
        self._held = np.empty(1 << 16, np.int64)
        self._count = 0

    def extend(self, values: Ints) -> None:
        need = self._count + len(values)
        if need > len(self._held):
            held = np.empty(max(need, 2 * len(self._held)), np.int64)
            held[: self._count] = self._held[: self._count]
            self._held = held
        self._held[self._count : need] = values
        self._count = need

    @property
    def values(self) -> Ints:
        return self._held[: self._count]


def mapped(path: Path, count: int) -> Ints:
    """The file that ``tofile`` wrote. Raises OSError, ValueError where it is not of that length."""
    if path.stat().st_size != 8 * count:
        raise ValueError(f"{path}: of another length")
    if not count:
        return np.zeros(0, np.int64)
    return np.memmap(path, np.int64, "r")
