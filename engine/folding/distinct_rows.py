"""Distinct rows of some columns, and which of them each event is."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt

from engine.columns import Codes, Rows


class DistinctRows:
    """Rows of ``width`` codes, each kept about once.

    A row is found again by its hash and then compared; where two hash alike (nobody can aim at
    that: the hash is drawn anew for every table), a row may be kept twice, which does no harm.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.count = 0
        self._codes = np.empty((width, 1024), np.int32)
        self._index: dict[int, int] = {}
        self._factors = [secrets.randbits(64) | 1 for _ in range(width + 1)]

    @property
    def codes(self) -> npt.NDArray[np.int32]:
        """The rows, shape (width, count)."""
        return self._codes[:, : self.count]

    @property
    def size(self) -> int:
        """Bytes held, about."""
        return self.count * (4 * self.width + 100)

    def add(self, rows: npt.NDArray[np.int32]) -> tuple[Codes, Rows]:
        """The number of each of ``rows`` (shape (width, n)) among the distinct ones, and the places
        in ``rows`` of those that came to be new, in the order of their numbers."""
        _, first, place = np.unique(self._hash(rows), return_index=True, return_inverse=True)
        hashes = self._hash(rows[:, first]).tolist()
        kept = rows[:, first]
        numbers = np.array([self._index.get(value, -1) for value in hashes], np.int32)
        seen = np.flatnonzero(numbers >= 0)
        other = (self._codes[:, numbers[seen]] != kept[:, seen]).any(axis=0)
        numbers[seen[other]] = -1
        new = np.flatnonzero(numbers < 0)
        numbers[new] = self._append(kept[:, new])
        for at, number in zip(new.tolist(), numbers[new].tolist(), strict=True):
            self._index.setdefault(hashes[at], number)
        ids = numbers[place]
        stray = np.flatnonzero((kept[:, place] != rows).any(axis=0))
        if len(stray):
            ids[stray] = self._append(rows[:, stray])
        return ids, np.concatenate((first[new], stray))

    def _append(self, rows: npt.NDArray[np.int32]) -> Codes:
        start, end = self.count, self.count + rows.shape[1]
        if end > self._codes.shape[1]:
            grown = np.empty((self.width, max(end, 2 * self._codes.shape[1])), np.int32)
            grown[:, :start] = self._codes[:, :start]
            self._codes = grown
        self._codes[:, start:end] = rows
        self.count = end
        return np.arange(start, end, dtype=np.int32)

    def _hash(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint64]:
        hashed = np.full(rows.shape[1], self._factors[-1], np.uint64)
        for codes, factor in zip(rows, self._factors, strict=False):
            hashed ^= codes.view(np.uint32)
            hashed *= np.uint64(factor)
            hashed ^= hashed >> np.uint64(29)
        return hashed
