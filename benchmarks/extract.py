"""Batch extraction against calling the same plugin event by event from Python.

Both sides ask the bundled ``k8s_audit`` plugin for the same fields of the same audit events, one
call of ``plugin_extract_fields`` an event, on one core; the values must agree.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.make_audit import lines
from capture.schema import PLUGIN_EVENTS
from plugins.host import Plugin, load_plugin
from tests.plugins.host.peer import Peer

LIBRARY = Path(__file__).resolve().parents[1] / "plugins" / "k8s_audit" / "k8s_audit.so"
_START = 1_767_225_600_000_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds for ``events`` events of ``size`` bytes in all, ``fields`` of each."""

    events: int
    size: int
    fields: int
    batch_seconds: float
    single_seconds: float

    @property
    def ratio(self) -> float:
        return self.single_seconds / self.batch_seconds

    def __str__(self) -> str:
        rate = self.size / self.batch_seconds / 1e6
        return (
            f"extraction of {self.fields} fields of {self.events} audit events: "
            f"{self.ratio:.1f} times as fast in batches as event by event "
            f"({rate:.0f} MB/s, {self.batch_seconds / self.events * 1e6:.2f} against "
            f"{self.single_seconds / self.events * 1e6:.2f} µs an event)"
        )


def audit_batch(count: int) -> pa.RecordBatch:
    """``count`` audit events as the plugin's source would give them."""
    data = [line.rstrip(b"\n") for line in itertools.islice(lines(count), count)]
    return pa.RecordBatch.from_arrays(
        [
            pa.array(range(1, count + 1), pa.uint64()),
            pa.array(range(_START, _START + count), pa.int64()).cast(PLUGIN_EVENTS.field(1).type),
            pa.array([1] * count, pa.uint32()),
            pa.array(data, pa.binary()),
        ],
        schema=PLUGIN_EVENTS,
    )


def wanted_fields(plugin: Plugin) -> list[tuple[str, str | None]]:
    """Every field of Kubernetes audit events that needs no argument."""
    return [
        (field.name, None)
        for field in plugin.fields
        if field.name.startswith("ka.") and not (field.argument and field.argument.required)
    ]


def measure(library: Path = LIBRARY, count: int = 20_000, repeats: int = 3) -> Result:
    batch = audit_batch(count)
    with load_plugin(library) as plugin:
        plugin.init()
        requests = wanted_fields(plugin)
        batch_seconds = float("inf")
        for _ in range(repeats):
            start = time.perf_counter()
            columns = plugin.extract(batch, requests)
            batch_seconds = min(batch_seconds, time.perf_counter() - start)
        fields = [(plugin.field(name), argument) for name, argument in requests]
        source = plugin.event_source
    peer = Peer(library)
    few = batch.slice(0, max(1, count // 10))  # the slow side's time is proportional to events
    try:
        start = time.perf_counter()
        values = peer.extract(few, fields, source)
        single_seconds = (time.perf_counter() - start) * batch.num_rows / few.num_rows
    finally:
        peer.close()
    for name, column, expected in zip(requests, columns, values, strict=True):
        if column.slice(0, len(few)).to_pylist() != expected:
            raise AssertionError(f"batch and single extraction disagree about {name[0]}")
    size = sum(len(payload.as_buffer()) for payload in batch.column("data"))
    return Result(count, size, len(requests), batch_seconds, single_seconds)


def main() -> None:
    print(measure())


if __name__ == "__main__":
    main()
