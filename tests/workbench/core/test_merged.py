"""Sources side by side, in the order of event numbers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from capture.reader import Capture, open_capture
from capture.schema import PLUGIN_EVENTS
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.calls import CLOSE, OPEN, calls, section
from tests.capture.support import batch, small
from workbench.core.events import CaptureEvents
from workbench.core.pieces import Piece


def windows(capture: Capture) -> Iterator[dict[str, Piece]]:
    return CaptureEvents(capture, None, None).windows()  # type: ignore[return-value]


def test_windows_keep_the_order_of_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["a", "b", "c"], policy=FlushPolicy(events=1)) as writer:
        for index in range(10):
            writer.write("a", batch(1 + 12 * index, 4, step=3))
        for index in range(4):
            writer.write("b", batch(2 + 30 * index, 10, step=3))
    seen: dict[str, list[int]] = {"a": [], "b": []}
    before = 0
    with open_capture(path) as capture:
        for window in windows(capture):
            here = [n for part in window.values() for n in part.numbers.tolist()]
            assert min(here) > before
            before = max(here)
            for name, part in window.items():
                seen[name] += part.numbers.tolist()
    assert seen["a"] == list(range(1, 121, 3))
    assert seen["b"] == list(range(2, 122, 3))


def test_windows_end_whatever_the_numbers(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    table = pa.Table.from_batches([batch(1, 6)])
    shuffled = table.take([5, 4, 0, 3, 1, 2]).combine_chunks().to_batches()[0]
    with pa.ipc.new_stream(path / "k8s_audit" / "events-00000.arrow", PLUGIN_EVENTS) as stream:
        stream.write_batch(shuffled)
    with open_capture(path) as capture:
        assert sum(len(w["k8s_audit"]) for w in windows(capture)) == 6


def test_system_calls_between_the_events_of_a_plugin(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["syscall", "a"], policy=FlushPolicy(events=1)) as writer:
        writer.begin_section(section())
        numbers = []
        for first in range(1, 60, 6):
            writer.write_events(calls(first, [OPEN, CLOSE]))
            writer.write("a", batch(first + 2, 2))
            writer.write_events(calls(first + 4, [CLOSE]))
            numbers += [first, first + 1, first + 4]
    seen: dict[str, list[int]] = {"syscall": [], "a": []}
    before = 0
    with open_capture(path) as capture:
        for window in windows(capture):
            here = [n for part in window.values() for n in part.numbers.tolist()]
            assert min(here) > before
            before = max(here)
            for name, part in window.items():
                seen[name] += part.numbers.tolist()
    assert seen["syscall"] == numbers and len(seen["a"]) == 20
