"""Batches and captures for the tests of the store."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa

from capture.reader import open_capture
from capture.schema import PLUGIN_EVENTS
from capture.writer import CaptureWriter, FlushPolicy

START = 1_700_000_000_000_000_000
MS = 1_000_000


def batch(first: int, count: int, step: int = 1, payload: bytes | None = None) -> pa.RecordBatch:
    """Events ``first``, ``first + step`` …, a millisecond apart by number."""
    nums = range(first, first + count * step, step)
    return pa.record_batch(
        [
            pa.array(nums, pa.uint64()),
            pa.array([START + n * MS for n in nums], PLUGIN_EVENTS.field("time").type),
            pa.array([1] * count, pa.uint32()),
            pa.array(
                [payload or json.dumps({"auditID": str(n)}).encode() for n in nums], pa.binary()
            ),
        ],
        schema=PLUGIN_EVENTS,
    )


def small(path: Path, batches: int = 5, rows: int = 10, **policy: int) -> Path:
    """A complete capture of one source, one frame for each batch."""
    with CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(events=1, **policy)) as writer:
        for index in range(batches):
            writer.write("k8s_audit", batch(1 + index * rows, rows))
    return path


def nums(path: Path, **options: object) -> list[int]:
    with open_capture(path) as capture:
        return [
            n
            for part in capture.batches(**options)  # type: ignore[arg-type]  # the tests name them right
            for n in part.column("num").to_pylist()
        ]


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777
