"""Reads a ``.scap`` capture: sections, their state, and their events as Arrow batches.

    with ScapReader(path) as capture:
        for item in capture:
            if isinstance(item, Section): ...      # state tables, before its events
            else: ...                              # an EventBatch

The walk is native (``capture/scap/native``), streams, and trusts nothing in the file. What cannot
be read is left out and told in ``problems``; a damaged file is read up to the damage.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import pyarrow as pa
from pyarrow.cffi import ffi as arrow_ffi

from capture.errors import CaptureError, Place
from capture.events.schema import MAX_TYPES, EventBatch, event_schema
from capture.events.section import Section as Section
from capture.events.state_schema import TABLES
from capture.scap import _native
from capture.scap.tables import native_tables
from capture.schema import FOLDED

ffi, lib = _native.ffi, _native.lib

_COMPRESSION = ("none", "gzip", "zstd")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what is held at once; a file can not make the reader go beyond them.

    ``rows`` and ``bytes`` end a batch; the first has ``first_rows`` (None: ``rows``) at most, and
    every next one twice as many, so that there is something soon. An event block larger than
    ``event`` bytes is left out; ``state`` bounds the lists of one section and ``pending`` the enter
    events that wait for their exit, both in bytes.
    """

    rows: int = 65_536
    bytes: int = 32 << 20
    event: int = 64 << 20
    state: int = 256 << 20
    pending: int = 64 << 20
    first_rows: int | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the file that could not be read: what, at which offset of the uncompressed
    data, and how many events had been read before."""

    text: str
    offset: int
    events: int

    def __str__(self) -> str:
        return f"at byte {self.offset:,}, after event {self.events:,}: {self.text}"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the reader stands. ``offset`` is in the uncompressed data; ``dropped`` counts enter
    events folded into their exits (and types no longer in use), ``unknown`` events of types that
    the table does not have, ``malformed`` parameters whose length does not fit their type (read as
    null). ``damaged``: reading ended before the file did."""

    events: int
    offset: int
    dropped: int
    unknown: int
    malformed: int
    problems: int
    compression: str
    damaged: bool


class ScapReader:
    """An open ``.scap``, plain or gzip or zstd, read once from front to end.

    Iterating gives each ``Section`` and then its batches (``EventBatch``). Raises CaptureError when
    the file cannot be opened or is no ``.scap``. One thread may read while others ask how far it is
    or close it: what was read is told of after closing too.

    ``folded`` is given what conversion folds away (``capture.schema.FOLDED``) with the number of
    its section, before the events that it belongs to.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        limits: Limits | None = None,
        *,
        folded: Callable[[pa.RecordBatch, int], None] | None = None,
    ) -> None:
        self.path = Path(path)
        bounds = limits or Limits()
        if max(bounds.bytes + bounds.event, bounds.state) >= 1 << 31:
            raise ValueError("the limits of a batch and of the state must stay below 2 GiB")
        try:
            self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise CaptureError(
                f"the capture cannot be opened: {error.strerror}", place=Place(str(self.path))
            ) from error
        if self.path.is_dir():
            os.close(self._fd)
            raise CaptureError(
                "this is a folder, not a .scap capture",
                place=Place(str(self.path)),
                hint="give the .scap file itself",
            )
        self._tables = native_tables()
        first = bounds.rows if bounds.first_rows is None else max(bounds.first_rows, 1)
        native = ffi.new(
            "scap_limits *",
            (bounds.rows, first, bounds.bytes, bounds.event, bounds.state, bounds.pending,
             folded is not None),
        )  # fmt: skip
        self._folded = folded
        self._reader = ffi.gc(lib.scap_open(self._fd, self._tables, native), lib.scap_close)
        self._codes = ffi.new("uint16_t[]", MAX_TYPES + 1)
        # Held while anybody is in the native reader, which is gone once ``_closed`` is there.
        self._lock = threading.Lock()
        self._closed: tuple[Progress, list[Problem]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file, after the batch that is being read. Batches already given stay good."""
        with self._lock:
            if self._closed is None:
                self._closed = self._progress(), self._problems()
                ffi.release(self._reader)
                fd, self._fd = self._fd, -1
                os.close(fd)

    def __iter__(self) -> Iterator[Section | EventBatch]:
        while True:
            with self._lock:
                item = self._next() if self._closed is None else None
            if item is None:
                return
            yield item

    def _next(self) -> Section | EventBatch | None:
        # Python's lock is let go meanwhile: cffi releases it around every call.
        what = lib.scap_next(self._reader)
        while what == lib.SCAP_FOLDED:
            self._give_folded()
            what = lib.scap_next(self._reader)
        if what == lib.SCAP_BATCH:
            self._give_folded()
        if what == lib.SCAP_END:
            return None
        if what == lib.SCAP_REFUSED:
            raise CaptureError(
                f"this cannot be read as a .scap capture: "
                f"{ffi.string(lib.scap_refusal(self._reader)).decode(errors='replace')}",
                place=Place(str(self.path)),
            )
        return self._section() if what == lib.SCAP_STATE else self._batch()

    def batches(self) -> Iterator[EventBatch]:
        """The events alone."""
        return (item for item in self if isinstance(item, EventBatch))

    @property
    def progress(self) -> Progress:
        """Where reading stands; after the last batch, what the whole file held."""
        with self._lock:
            return self._progress() if self._closed is None else self._closed[0]

    def _progress(self) -> Progress:
        at = self._where()
        return Progress(
            at.events,
            at.offset,
            at.dropped,
            at.unknown,
            at.malformed,
            at.problems,
            _COMPRESSION[at.compression],
            bool(at.damaged),
        )

    def fraction(self) -> float | None:
        """How much of the file has been read, from 0 to 1; None for what is no ordinary file."""
        try:
            size = os.fstat(self._fd).st_size
            return os.lseek(self._fd, 0, os.SEEK_CUR) / size if size else None
        except OSError:
            return None

    @property
    def problems(self) -> list[Problem]:
        """The first 1000 problems found so far, in file order; ``progress`` counts all."""
        with self._lock:
            return self._problems() if self._closed is None else list(self._closed[1])

    def _problems(self) -> list[Problem]:
        found: list[Problem] = []
        offset, events = ffi.new("uint64_t *"), ffi.new("uint64_t *")
        while (text := lib.scap_problem(self._reader, len(found), offset, events)) != ffi.NULL:
            words = ffi.string(text).decode(errors="replace")
            found.append(Problem(words, int(offset[0]), int(events[0])))
        return found

    def notes(self) -> list[str]:
        """All that is to be said of the file, in words: the problems, then what was left out."""
        at, found = self.progress, self.problems
        words = [str(problem) for problem in found]
        if at.problems > len(found):
            words.append(f"and {at.problems - len(found):,} more problems of this kind")
        if at.unknown:
            words.append(f"{at.unknown:,} events of types newer than the event table were left out")
        if at.malformed:
            words.append(f"{at.malformed:,} parameters of a wrong length were read as missing")
        return words

    def _where(self) -> Any:
        at = ffi.new("scap_progress *")
        lib.scap_where(self._reader, at)
        return at

    def _batch(self) -> EventBatch:
        count = lib.scap_batch_codes(self._reader, self._codes)
        codes = tuple(np.frombuffer(ffi.buffer(self._codes, count * 2), np.uint16).tolist())
        section = self._where().section
        array = arrow_ffi.new("struct ArrowArray *")
        address = int(arrow_ffi.cast("uintptr_t", array))
        lib.scap_batch(self._reader, address)
        batch = pa.RecordBatch._import_from_c(address, event_schema(codes))
        return EventBatch.of(batch, section)

    def _give_folded(self) -> None:
        if self._folded is None or not lib.scap_folded_rows(self._reader):
            return
        array = arrow_ffi.new("struct ArrowArray *")
        address = int(arrow_ffi.cast("uintptr_t", array))
        lib.scap_folded(self._reader, address)
        self._folded(pa.RecordBatch._import_from_c(address, FOLDED), int(self._where().section))

    def _section(self) -> Section:
        tables = {}
        for number, (name, schema) in enumerate(TABLES.items()):
            array = arrow_ffi.new("struct ArrowArray *")
            address = int(arrow_ffi.cast("uintptr_t", array))
            lib.scap_state(self._reader, number, address)
            tables[name] = pa.RecordBatch._import_from_c(address, schema)
        at = self._where()
        return Section(int(at.section), (int(at.major_version), int(at.minor_version)), **tables)
