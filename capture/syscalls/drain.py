"""Batches out of the probe's ring buffers: the Python side of ``capture/syscalls/native``."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow.cffi import ffi as arrow_ffi

from capture.errors import CaptureError
from capture.events.schema import MAX_TYPES, EventBatch, event_schema
from capture.scap import _native as scap_native
from capture.scap.tables import native_tables
from capture.syscalls import _native
from capture.syscalls.calls import recipes
from capture.syscalls.proc_details import ProcDetails

ffi, lib = _native.ffi, _native.lib


class Assembler:
    """Makes batches of records. ``clock_offset`` (ns) is added to the time of a record, which
    counts from boot, to give the time of day."""

    def __init__(self, clock_offset: int) -> None:
        # Kept: the native side holds their addresses.
        self._tables = native_tables()
        address = int(scap_native.ffi.cast("uintptr_t", self._tables))
        made, parameters = recipes()
        self._native = ffi.gc(
            lib.probe_assembler_new(
                address, made, len(made), parameters, len(parameters), clock_offset
            ),
            lib.probe_assembler_free,
        )
        self._details: Any = None
        self._codes = ffi.new("uint16_t[]", MAX_TYPES + 1)

    def ask(self, details: ProcDetails) -> None:
        """Have what the probe did not see of processes filled in from ``/proc``."""
        self._details = ffi.new_handle(details)
        lib.probe_ask(self._native, lib.probe_details_of, self._details)

    @property
    def native(self) -> Any:
        return self._native

    def append(self, record: bytes) -> bool:
        """One record as the probe writes it; False when it is malformed."""
        return bool(lib.probe_append(self._native, record, len(record)))

    def take(self) -> EventBatch | None:
        """What was assembled since the last one; None when that is nothing."""
        if not lib.probe_rows(self._native):
            return None
        count = lib.probe_batch_codes(self._native, self._codes)
        codes = tuple(np.frombuffer(ffi.buffer(self._codes, count * 2), np.uint16).tolist())
        array = arrow_ffi.new("struct ArrowArray *")
        address = int(arrow_ffi.cast("uintptr_t", array))
        lib.probe_batch(self._native, address)
        batch = pa.RecordBatch._import_from_c(address, event_schema(codes))
        return EventBatch.of(batch)

    def counts(self) -> Any:
        """``probe_counts``: events, bytes, malformed, wakeups."""
        counts = ffi.new("probe_counts *")
        lib.probe_count(self._native, counts)
        return counts

    def malformed(self) -> dict[int, int]:
        """Records that could not be read since the last question, by number of the call."""
        found = ((call, int(lib.probe_malformed(self._native, call))) for call in range(lib.CALLS))
        return {call: count for call, count in found if count}


class Drain:
    """The ring buffers of a loaded probe, by file descriptor, each of so many bytes. Raises
    CaptureError when they cannot be mapped. While little comes, they are looked into every
    ``calm_ns`` nanoseconds."""

    def __init__(self, rings: list[int], ring_bytes: int, calm_ns: int = 20_000_000) -> None:
        native = lib.probe_drain_new(rings, len(rings), ring_bytes, calm_ns)
        if native == ffi.NULL:
            raise CaptureError(
                f"the probe's ring buffers cannot be mapped: {os.strerror(ffi.errno)}"
            )
        self._native = ffi.gc(native, lib.probe_drain_free)

    def fill(
        self, to: Assembler, max_events: int, max_bytes: int, max_seconds: float, *, last: bool
    ) -> int:
        """Move records into the assembler until its batch has so many events or bytes of them, or
        so much time went by; ``last``: all there are, without waiting. Gives the rows it has."""
        nanoseconds = max(0, int(max_seconds * 1e9))
        return int(
            lib.probe_fill(self._native, to.native, max_events, max_bytes, nanoseconds, last)
        )

    def close(self) -> None:
        ffi.release(self._native)


def clock_offset() -> int:
    """Nanoseconds from boot to the epoch: what to add to the probe's clock. The best of a few
    readings, as one may be interrupted in between."""
    best = None
    for _ in range(10):
        before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        wall = time.time_ns()
        after = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if best is None or after - before < best[0]:
            best = after - before, wall - (before + after) // 2
    assert best is not None
    return best[1]
