"""Texts of parameter values: the plain one, and the one in brackets that says what it means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import Codes
from engine.syscalls.assemble import coded

#: A value's plain text and its meaning, empty for none.
Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Rendered:
    """Texts of one parameter of a group: ``plain`` and ``resolved`` (empty: none) are of the
    distinct values that ``codes`` stand for; every row has one."""

    codes: Codes
    plain: pa.BinaryArray
    resolved: pa.BinaryArray

    def chosen(self) -> pa.BinaryArray:
        """What ``evt.arg`` gives: the meaning where there is one."""
        has = pc.greater(pc.binary_length(self.resolved), 0)
        return pc.if_else(has, self.resolved, self.plain)

    def whole(self) -> pa.BinaryArray:
        """What ``evt.args`` gives: the plain text, then the meaning in brackets."""
        none = pa.scalar(b"", pa.binary())
        has = pc.greater(pc.binary_length(self.resolved), 0)
        brackets = pc.binary_join_element_wise(
            self.plain, pa.scalar(b"(", pa.binary()), self.resolved, pa.scalar(b")", pa.binary()),
            none,
        )  # fmt: skip
        return pc.if_else(has, brackets, self.plain)


def by_value(array: pa.Array, missing: bytes, text: Callable[[pa.Array], Rendered]) -> Rendered:
    """Render the distinct values of ``array`` with ``text``; nulls read ``missing``."""
    codes, values = coded(array)
    done = text(values)
    codes = np.append(done.codes, np.int32(len(done.plain)))[codes].astype(np.int32)
    return Rendered(
        codes,
        pa.concat_arrays([done.plain, pa.array([missing], pa.binary())]),
        pa.concat_arrays([done.resolved, pa.array([b""], pa.binary())]),
    )


def of_pairs(pairs: Iterable[Pair]) -> Rendered:
    """One text pair a row."""
    done = list(pairs)
    return Rendered(
        np.arange(len(done), dtype=np.int32),
        pa.array([plain for plain, _ in done], pa.binary()),
        pa.array([resolved for _, resolved in done], pa.binary()),
    )


def of_plain(texts: pa.BinaryArray) -> Rendered:
    """One text a row, without a meaning."""
    empty = pa.array([b""], pa.binary()).take(pa.array(np.zeros(len(texts), np.int32)))
    return Rendered(np.arange(len(texts), dtype=np.int32), texts, empty)


def constant(rows: int, text: bytes) -> Rendered:
    return Rendered(
        np.zeros(rows, np.int32), pa.array([text], pa.binary()), pa.array([b""], pa.binary())
    )
