"""How columns are made of the states of threads: a value once a distinct state.

From sinsp_filtercheck_thread.cpp and threadinfo.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, Column, Mask, NumberColumn
from engine.syscalls.assemble import gathered, gathered_numbers

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment
    from engine.syscalls.state import State, Versions

Make = Callable[["SyscallSegment", str | None], Column]
#: Whose state a field tells: versions of threads, one an event.
Whose = Callable[["State"], Codes]


def own(state: State) -> Codes:
    return state.thread


def main(state: State) -> Codes:
    return state.main_thread


def parent(state: State) -> Codes:
    """The process that is the parent of the event's process."""
    return state.ancestor(1)


def text(name: str, whose: Whose = own) -> Make:
    """A text of a thread's state."""
    return lambda segment, arg: gathered(segment.state.threads.text(name), whose(segment.state))


def derived(make: Callable[[Versions], BytesColumn], name: str, whose: Whose = own) -> Make:
    """A text that is made of a thread's state, once a version."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        table = segment.state.threads.derived(name, make)
        return gathered(table, whose(segment.state))

    return column


def number(name: str, whose: Whose = own, *, nothing: int | None = None) -> Make:
    """A number of a thread's state; ``nothing`` stands for no value."""

    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        ids = whose(segment.state)
        values = gathered_numbers(segment.state.threads.number(name), ids)
        valid = np.asarray(ids >= 0)
        if nothing is not None:
            valid &= values != np.array(nothing).astype(values.dtype)
        return wide(values, valid)

    return column


def wide(values: npt.NDArray[Any], valid: Mask) -> NumberColumn:
    """Numbers in 64 bits, signed or not as they were."""
    kind = {"i": np.int64, "u": np.uint64, "b": np.bool_, "f": np.float64}[values.dtype.kind]
    return NumberColumn(values.astype(kind), None if valid.all() else valid)


def flag(name: str) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        ids = segment.state.thread
        return wide(gathered_numbers(segment.state.threads.number(name), ids) != 0, ids >= 0)

    return column


def same(one: str, two: str) -> Make:
    """Whether two numbers of a thread are one."""

    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        ids, threads = segment.state.thread, segment.state.threads
        equal = np.equal(threads.number(one), threads.number(two))
        return wide(gathered_numbers(equal, ids), ids >= 0)

    return column


def pid_of(whose: Whose) -> Make:
    """A process id; numbers that no kernel gives have no value."""

    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        ids = whose(segment.state)
        values = gathered_numbers(segment.state.threads.number("pid"), ids).astype(np.int64)
        return wide(values, (ids >= 0) & (values >= -1) & (values <= 0xFFFFFFFF))

    return column


def split(packed: bytes) -> list[bytes]:
    """Words that are separated by NUL."""
    return packed.split(b"\0") if packed else []


def joined(packed: bytes) -> bytes:
    return b" ".join(split(packed))


def each(name: str, change: Callable[[bytes], bytes]) -> Callable[[Versions], BytesColumn]:
    """A text of every version, changed; a distinct one once."""

    def make(threads: Versions) -> BytesColumn:
        column = threads.text(name)
        return BytesColumn(
            column.codes, pa.array(map(change, column.values.to_pylist()), pa.binary())
        )

    return make


def words(first: str) -> Callable[[Versions], BytesColumn]:
    """A text of every version followed by its arguments."""

    def make(threads: Versions) -> BytesColumn:
        heads, args = threads.text(first), threads.text("args")
        both = heads.codes.astype(np.int64) * (len(args.values) + 1) + args.codes
        pairs, codes = np.unique(both, return_inverse=True)
        head_texts = [*heads.values.to_pylist(), b""]
        arg_texts = [*(split(packed) for packed in args.values.to_pylist()), []]
        texts = []
        for pair in pairs.tolist():
            head, arg = divmod(pair + 1, len(args.values) + 1)
            texts.append(_line(head_texts[head], arg_texts[arg - 1], first == "exe"))
        return BytesColumn(codes.astype(np.int32), pa.array(texts, pa.binary()))

    return make


def _line(head: bytes, args: list[bytes], always_blank: bool) -> bytes:
    """libs puts a blank after ``exe`` even where nothing follows."""
    return head + b" " + b" ".join(args) if args or always_blank else head


def memory(name: str, *, main_only: bool = False, bytes_a_unit: int = 1) -> Make:
    """Memory as the event's thread last told it."""

    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        state = segment.state
        values = gathered_numbers(state.memory.number(name), state.memory_row).astype(np.uint64)
        if main_only:
            values = np.where(state.is_main, values, np.uint64(0))
        return wide(values * np.uint64(bytes_a_unit), state.known())

    return column
