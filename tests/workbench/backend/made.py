"""Captures for tests of the engine process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from capture.scap.reader import Limits, ScapReader, Section
from capture.schema import PLUGIN_EVENTS
from capture.writer import CaptureWriter, FlushPolicy
from tests.conformance.cases import UPSTREAM

INTRUSION = UPSTREAM / "captures/live/intrusion.scap"
RULES = UPSTREAM / "rules/falcosecurity-rules/falco_rules.yaml"
needs_captures = pytest.mark.skipif(
    not INTRUSION.is_file(), reason=f"no captures at {UPSTREAM} (set FALCOWB_SHARED)"
)


def in_small_batches(scap: Path, target: Path, rows: int) -> Path:
    """A ``.scap`` as a capture whose batches hold ``rows`` events at most."""
    policy = FlushPolicy(events=1)
    with ScapReader(scap, Limits(rows=rows)) as reader:
        writer = CaptureWriter(target, ["syscall"], policy=policy)
        with writer:
            for item in reader:
                if isinstance(item, Section):
                    writer.begin_section(item)
                else:
                    writer.write_events(item)
                    writer.flush()
    return target


def of_numbers(target: Path, sources: dict[str, Iterable[Iterable[int]]]) -> Path:
    """A capture of plugin sources with batches of events of these numbers; the payload of each is
    its number."""
    with CaptureWriter(target, list(sources), policy=FlushPolicy(events=1)) as writer:
        for name, batches in sources.items():
            for numbers in batches:
                numbers = list(numbers)
                writer.write(
                    name,
                    pa.RecordBatch.from_arrays(
                        [
                            pa.array(numbers, pa.uint64()),
                            pa.array(np.array(numbers, np.int64) * 1000).cast(
                                PLUGIN_EVENTS.field("time").type
                            ),
                            pa.array([1] * len(numbers), PLUGIN_EVENTS.field("plugin_id").type),
                            pa.array([str(each).encode() for each in numbers], pa.binary()),
                        ],
                        schema=PLUGIN_EVENTS,
                    ),
                )
                writer.flush()
    return target
