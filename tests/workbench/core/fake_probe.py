"""A probe that gives the events of a ``.scap`` in place of the kernel's, and its state."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from capture.errors import CaptureError
from capture.events.schema import EventBatch, cut
from capture.events.section import Section
from capture.scap.reader import ScapReader
from workbench.core.call_feed import Loss


@dataclass(frozen=True, slots=True)
class FakeLoss:
    time_ns: int
    count: int
    where: str = "kernel"
    syscall_class: str = "file"
    event: str = "openat"


@dataclass(frozen=True, slots=True)
class FakeState:
    section: Section
    containers: Sequence[bytes] = ()
    notes: Sequence[str] = ()


@dataclass
class FakeProbe:
    """``lost``: what is told as lost, once, after the first batch. ``endless``: when all events
    were given, nothing comes until it is stopped; otherwise ``done`` is called."""

    batches: list[EventBatch]
    lost: list[FakeLoss] = field(default_factory=list)
    done: Callable[[], None] = lambda: None
    started: bool = False
    stopped: bool = False
    closed: bool = False

    def start(self) -> None:
        self.started = True

    def next_batch(
        self, *, max_events: int, max_bytes: int, max_seconds: float
    ) -> EventBatch | None:
        assert self.started and not self.closed
        if self.batches:
            return self.batches.pop(0)
        self.done()
        time.sleep(min(max_seconds, 0.02))
        return None

    def remarks(self) -> Sequence[str]:
        return []

    def last_remarks(self) -> Sequence[str]:
        return []

    def losses(self) -> Sequence[Loss]:
        lost, self.lost = self.lost, []
        return lost

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        self.closed = True


class RefusedProbe(FakeProbe):
    """One that the kernel does not let in."""

    def start(self) -> None:
        raise CaptureError("system calls cannot be recorded here", hint="Be root.")


def read_scap(path: Path, rows: int = 500) -> tuple[FakeState, list[EventBatch]]:
    """The state that a ``.scap`` begins with, and its events in small batches."""
    state: FakeState | None = None
    batches: list[EventBatch] = []
    with ScapReader(path) as reader:
        for item in reader:
            if isinstance(item, Section):
                assert state is None, "one section alone"
                state = FakeState(item)
                continue
            batches += [
                cut(item, start, min(start + rows, item.num_rows))
                for start in range(0, item.num_rows, rows)
            ]
    assert state is not None
    return state, batches
