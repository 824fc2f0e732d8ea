"""Batch extraction against calling the same plugin event by event from Python.

Both sides ask the bundled ``k8s_audit`` plugin for the fields that our Kubernetes rules read, of
the same audit events, on one core; the values must agree. The Python side asks as Falco does, one
``plugin_extract_fields`` for each field of an event, and also as cheaply as it can, all fields of
an event in one call.
"""

from __future__ import annotations

import itertools
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from benchmarks.make_audit import lines
from capture.schema import PLUGIN_EVENTS
from plugins.host import Plugin, load_plugin
from tests.plugins.host.peer import Peer

_ROOT = Path(__file__).resolve().parents[1]
LIBRARY = _ROOT / "plugins" / "k8s_audit" / "k8s_audit.so"
RULES = _ROOT / "rules" / "k8s_audit_rules.yaml"
_START = 1_767_225_600_000_000_000


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds for ``events`` events of ``size`` bytes in all, ``fields`` of each."""

    events: int
    size: int
    fields: int
    batch_seconds: float
    by_field_seconds: float
    at_once_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as fast as asking as Falco does, from Python."""
        return self.by_field_seconds / self.batch_seconds

    @property
    def ratio_at_once(self) -> float:
        """How many times as fast as one call an event from Python."""
        return self.at_once_seconds / self.batch_seconds

    def __str__(self) -> str:
        rate = self.size / self.batch_seconds / 1e6
        batch, by_field, at_once = (
            f"{seconds / self.events * 1e6:.1f} µs"
            for seconds in (self.batch_seconds, self.by_field_seconds, self.at_once_seconds)
        )
        return (
            f"extraction of {self.fields} fields of {self.events} audit events: "
            f"{rate:.0f} MB/s, {batch} an event; from Python, event by event, "
            f"{by_field} field by field ({self.ratio:.1f} times), "
            f"{at_once} in one call ({self.ratio_at_once:.1f} times)"
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
    """The fields that our Kubernetes rules name and that need no argument."""
    named = set(re.findall(r"\bka(?:\.[a-z_]+)+", RULES.read_text(encoding="utf-8")))
    return [
        (field.name, None)
        for field in plugin.fields
        if field.name in named and not (field.argument and field.argument.required)
    ]


def measure(library: Path = LIBRARY, count: int = 20_000, repeats: int = 5) -> Result:
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
    few = batch.slice(0, max(1, count // 10))  # the slow side's time is proportional to events
    peer = Peer(library)
    slow = []
    try:
        for at_once in (False, True):
            start = time.perf_counter()
            values = peer.extract(few, fields, source, at_once=at_once)
            slow.append((time.perf_counter() - start) * batch.num_rows / few.num_rows)
            for name, column, expected in zip(requests, columns, values, strict=True):
                if column.slice(0, len(few)).to_pylist() != expected:
                    raise AssertionError(f"batch and single extraction disagree about {name[0]}")
    finally:
        peer.close()
    size = sum(len(payload.as_buffer()) for payload in batch.column("data"))
    return Result(count, size, len(requests), batch_seconds, *slow)


def main() -> None:
    print(measure())


if __name__ == "__main__":
    main()
