"""Records as the probe writes them, made up; and what a live probe saw of some processes."""

from __future__ import annotations

import struct
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from capture.events.schema import EventBatch
from capture.events.table import event_table
from capture.syscalls.calls import Call, calls
from capture.syscalls.check import check_host
from capture.syscalls.drain import Assembler
from capture.syscalls.options import ProbeOptions
from capture.syscalls.probe import LiveProbe, Loss

_why_not = check_host().why_not()
needs_probe = pytest.mark.skipif(_why_not is not None, reason=f"no live capture here: {_why_not}")

NONE = 0xFFFF
NUMBERS = {call.name: number for number, call in calls().items()}


def record(
    name: str,
    result: int = 0,
    arguments: Sequence[int] = (),
    pieces: Sequence[bytes | None] = (),
    *,
    time_ns: int = 1_000,
    tid: int = 42,
) -> bytes:
    """A record of a call by name: its arguments from the first on, and its pieces in order."""
    call = calls()[NUMBERS[name]]
    kept = [*arguments, *[0] * 6][: call.arguments]
    assert len(pieces) == call.pieces, f"{name} has {call.pieces} pieces"
    head = struct.pack("<QIHHq", time_ns, tid, call.number, 3, result)
    words = b"".join(struct.pack("<Q", value % 2**64) for value in kept)
    return head + words + b"".join(piece(content) for content in pieces)


def piece(content: bytes | None) -> bytes:
    if content is None:
        return struct.pack("<H", NONE)
    return struct.pack("<H", len(content)) + content


def parameters(name: str, *given: Any, **named: Any) -> dict[str, Any]:
    """Parameters of the event that a record gives."""
    assembler = Assembler(0)
    assert assembler.append(record(name, *given, **named))
    batch = assembler.take()
    assert batch is not None and batch.num_rows == 1
    row: dict[str, Any] = batch.parameters(batch.codes[0]).to_pylist()[0]
    return row


def call_named(name: str) -> Call:
    return calls()[NUMBERS[name]]


@dataclass(frozen=True, slots=True)
class Seen:
    """An event: the key of its type, its thread, number, time and parameters."""

    key: str
    tid: int
    num: int
    time: int
    args: dict[str, Any]


@dataclass(slots=True)
class Recording:
    """Everything a probe gave."""

    batches: list[EventBatch] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    @property
    def count(self) -> int:
        return sum(batch.num_rows for batch in self.batches)

    @property
    def lost(self) -> int:
        return sum(loss.count for loss in self.losses)

    def events(self) -> list[Seen]:
        table = event_table()
        found = []
        for batch in self.batches:
            children = [child.to_pylist() for child in batch.children]
            times = batch.batch.column("time").cast("int64").to_pylist()
            for row in range(batch.num_rows):
                child = batch.type_ids[row]
                found.append(
                    Seen(
                        table[batch.codes[child]].key,
                        batch.batch.column("tid")[row].as_py(),
                        batch.batch.column("num")[row].as_py(),
                        times[row],
                        children[child][batch.offsets[row]],
                    )
                )
        return found

    def of(self, key: str) -> list[Seen]:
        return [event for event in self.events() if event.key == key]


def waiting(argv: Sequence[str]) -> subprocess.Popen[bytes]:
    """A program that waits for a byte on its input before it does anything of interest; it is
    started, and waits."""
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    own = Path("/proc/self/exe").readlink()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        folder = Path(f"/proc/{process.pid}")
        state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        started = (folder / "exe").readlink() != own or Path(argv[0]).resolve() == own
        if started and state == "S" and (folder / "wchan").read_text() != "0":
            break
        time.sleep(0.01)
    return process


def shell(script: str) -> list[str]:
    """A shell that waits for a line, then runs the script."""
    return ["/bin/sh", "-c", f"read go; {script}"]


def record_while(
    options: ProbeOptions,
    act: Callable[[LiveProbe], list[subprocess.Popen[bytes]]],
    *,
    slowly: bool = False,
) -> Recording:
    """What a probe sees until the processes that ``act`` gives have ended. ``slowly``: nothing is
    read meanwhile."""
    found = Recording()
    with LiveProbe(options) as probe:
        probe.start()
        processes = act(probe)
        deadline = time.monotonic() + 120
        while any(process.poll() is None for process in processes):
            assert time.monotonic() < deadline, "the processes do not end"
            if slowly:
                time.sleep(0.05)
            elif (batch := probe.next_batch(max_seconds=0.1)) is not None:
                found.batches.append(batch)
        probe.stop()
        while (batch := probe.next_batch()) is not None:
            found.batches.append(batch)
        found.losses = probe.losses()
    return found


def go(process: subprocess.Popen[bytes]) -> None:
    """Lets a waiting program run."""
    assert process.stdin is not None
    process.stdin.write(b"\n")
    process.stdin.close()
