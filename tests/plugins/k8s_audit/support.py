"""The built plugin, loaded through the host, and small helpers around it."""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from capture.schema import PLUGIN_EVENTS
from plugins.host import Plugin, load_plugin
from plugins.sdk.build import build_plugin

FOLDER = Path(__file__).resolve().parents[3] / "plugins" / "k8s_audit"
LIBRARY = FOLDER / "k8s_audit.so"


def library() -> Path:
    """The plugin's library; built first where it is not there."""
    if not LIBRARY.exists():
        build_plugin(FOLDER)
    return LIBRARY


def new_plugin(config: str | dict[str, Any] | None = None) -> Plugin:
    plugin = load_plugin(library())
    plugin.init(config)
    return plugin


@functools.cache
def shared_plugin() -> Plugin:
    """One for all tests that only read."""
    return new_plugin()


def read_all(plugin: Plugin, params: str) -> pa.RecordBatch:
    """All events of a source that ends, as one batch."""
    with plugin.open(params) as source:
        batches = list(source.batches())
    return (
        pa.Table.from_batches(batches, PLUGIN_EVENTS).combine_chunks().to_batches()[0]
        if any(batch.num_rows for batch in batches)
        else pa.RecordBatch.from_pylist([], PLUGIN_EVENTS)
    )


def one_event(payload: bytes, time: int = 1) -> pa.RecordBatch:
    columns = [
        pa.array([1], pa.uint64()),
        pa.array([time], pa.int64()).cast(pa.timestamp("ns", "UTC")),
        pa.array([1], pa.uint32()),
        pa.array([payload], pa.binary()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=PLUGIN_EVENTS)


def split_name(text: str) -> tuple[str, str | None]:
    """``name[argument]`` as the name and the argument."""
    name, bracket, rest = text.partition("[")
    return name, rest[:-1] if bracket else None


def _text(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, list):
        return [_text(each) for each in value] or None
    return value


def extract(plugin: Plugin, batch: pa.RecordBatch, names: Sequence[str]) -> list[list[Any]]:
    """Columns of values, bytes as text, empty lists as no value."""
    columns = plugin.extract(batch, [split_name(name) for name in names])
    return [[_text(value) for value in column.to_pylist()] for column in columns]


def values(plugin: Plugin, event: Any, *names: str) -> list[Any]:
    """The values of one event, given as a structure or as its text."""
    payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    return [column[0] for column in extract(plugin, one_event(payload), names)]


def audit_event(number: int = 0, **members: Any) -> dict[str, Any]:
    """A small audit event; each number has its own id and time."""
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "auditID": f"id-{number}",
        "stage": "ResponseComplete",
        "stageTimestamp": f"2024-05-01T10:00:{number % 60:02d}.{number:06d}Z",
        **members,
    }


def ids(batch: pa.RecordBatch) -> list[str]:
    return [json.loads(payload)["auditID"] for payload in batch["data"].to_pylist()]
