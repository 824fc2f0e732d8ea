"""What a source in Python works with: batches of events, input cut into events, a log.

Events never pass through Python one by one unless a source makes them one by one: a
:class:`Splitter` takes bytes as they come and puts the events it finds into a :class:`Batch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

#: "Now" as an event's time: the host fills in its clock.
NOW = 2**64 - 1


class EndOfSource(Exception):
    """The source has given all it has."""


@dataclass(frozen=True, slots=True)
class Log:
    """Messages to the host's log."""

    write: Callable[[int, str], None]

    def error(self, message: str) -> None:
        self.write(3, message)

    def warning(self, message: str) -> None:
        self.write(4, message)

    def info(self, message: str) -> None:
        self.write(6, message)


@dataclass(frozen=True, slots=True)
class Problem:
    """What was wrong with the input, and the line (from 1) where it began."""

    line: int
    text: str


class Native:
    """The native runtime's functions (``bridge.h``) as the embedding mode hands them over."""

    def __init__(self, ffi: Any, functions: Any) -> None:
        self.ffi = ffi
        self.functions = functions

    def batch(self) -> Batch:
        return Batch(self)

    def splitter(self, most_event_bytes: int, most_document_bytes: int) -> Splitter:
        return Splitter(self, most_event_bytes, most_document_bytes)


class Batch:
    """Events for the host, in native memory. Given away whole; never used after that."""

    def __init__(self, native: Native) -> None:
        self._native = native
        handle = native.functions.batch_new()
        if handle == native.ffi.NULL:
            raise MemoryError
        self._handle = native.ffi.gc(handle, native.functions.batch_free)

    def __len__(self) -> int:
        return int(self._native.functions.batch_count(self._handle))

    @property
    def nbytes(self) -> int:
        """Bytes of payload."""
        return int(self._native.functions.batch_bytes(self._handle))

    def add(self, payload: bytes, time: int = NOW) -> None:
        """Adds an event; ``time`` is nanoseconds since the epoch."""
        self._native.functions.batch_add(self._handle, time, payload, len(payload))

    @property
    def handle(self) -> Any:
        return self._handle

    def release(self) -> Any:
        """Hands the native batch to the caller, who frees it."""
        self._native.ffi.gc(self._handle, None)
        return self._handle


class Splitter:
    """A stream of bytes cut into JSON values, and those into the plugin's events.

    Values may be one a line, spread over lines, back to back, or elements of arrays. Events above
    ``most_event_bytes`` and values above ``most_document_bytes`` are problems.
    """

    def __init__(self, native: Native, most_event_bytes: int, most_document_bytes: int) -> None:
        self._native = native
        handle = native.functions.splitter_new(most_event_bytes, most_document_bytes)
        if handle == native.ffi.NULL:
            raise MemoryError
        self._handle = native.ffi.gc(handle, native.functions.splitter_free)

    def feed(
        self, data: bytes | bytearray | memoryview, batch: Batch, *, last: bool = False
    ) -> int:
        """Takes bytes, puts events into ``batch``; returns the number of problems so far.

        ``last`` ends the stream: what is incomplete is a problem, and the next begins at line 1.
        """
        pointer = self._native.ffi.from_buffer(data)
        return int(
            self._native.functions.splitter_feed(
                self._handle, pointer, len(data), int(last), batch.handle
            )
        )

    @property
    def held(self) -> int:
        """Bytes kept back because the value they belong to is not complete yet."""
        return int(self._native.functions.splitter_held(self._handle))

    def problems(self) -> Iterator[Problem]:
        """Takes the problems that have not been taken yet (at most 1000 are kept)."""
        ffi = self._native.ffi
        line = ffi.new("uint64_t *")
        while True:
            text = self._native.functions.splitter_problem(self._handle, line)
            if text == ffi.NULL:
                return
            yield Problem(int(line[0]), ffi.string(text).decode("utf-8", "replace"))


class Source(Protocol):
    """An open source. Calls come from one thread at a time, not always the same."""

    def next_batch(self) -> Batch | None:
        """The next events. None: nothing for now (return soon, within some 30 ms). Raises
        EndOfSource when there will be no more, a FalcowbError when reading fails."""
        ...

    def progress(self) -> tuple[float, str]:
        """How much has been read, 0 to 1 (below 0: unknown), and the same in words."""
        ...

    def close(self) -> None: ...
