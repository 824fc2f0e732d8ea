"""Builds .scap bytes by hand, after the layouts in falcosecurity/libs (scap_savefile.h)."""

from __future__ import annotations

import struct
from pathlib import Path

from capture.events.schema import EventBatch
from capture.events.table import event_table
from capture.scap.reader import Limits, Problem, Progress, ScapReader, Section

EVENT, EVENT_FLAGS, EVENT_V2, EVENT_FLAGS_V2 = 0x204, 0x208, 0x216, 0x217
EVENT_V2_LARGE, EVENT_FLAGS_V2_LARGE = 0x221, 0x222


def block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def section(major: int = 1, minor: int = 2, magic: int = 0x1A2B3C4D, options: bytes = b"") -> bytes:
    return block(0x0A0D0D0A, struct.pack("<IHHQ", magic, major, minor, 2**64 - 1) + options)


def text(value: bytes) -> bytes:
    return struct.pack("<H", len(value)) + value


def code(key: str) -> int:
    return event_table().by_key[key].code


def event(
    key: str | int,
    *parameters: bytes,
    kind: int = EVENT_V2,
    tid: int = 7,
    time: int = 1_000,
    cpu: int = 3,
    flags: int = 0,
) -> bytes:
    """An event block of any kind; the old kinds do not store the number of parameters."""
    number = key if isinstance(key, int) else code(key)
    large = number < len(event_table()) and "large_payload" in event_table()[number].flags
    lengths = b"".join(struct.pack("<I" if large else "<H", len(p)) for p in parameters)
    data = lengths + b"".join(parameters)
    old = kind in (EVENT, EVENT_FLAGS)
    header = 22 if old else 26
    head = struct.pack("<QQIH", time, tid & (2**64 - 1), header + len(data), number)
    head += b"" if old else struct.pack("<I", len(parameters))
    lead = struct.pack("<H", cpu)
    if kind in (EVENT_FLAGS, EVENT_FLAGS_V2, EVENT_FLAGS_V2_LARGE):
        lead += struct.pack("<I", flags)
    return block(kind, lead + head + data)


def i64(value: int) -> bytes:
    return struct.pack("<q", value)


def u32(value: int) -> bytes:
    return struct.pack("<I", value)


#: An event of a type that nobody knows, and half a block.
UNKNOWN_AND_CUT = event(5000, b"unheard of") + event("SYSCALL_CLOSE_X", i64(0), i64(3))[:-8]


class Read:
    """Everything a capture gives."""

    def __init__(self, path: Path, data: bytes, limits: Limits | None = None) -> None:
        path = path / "made.scap"
        path.write_bytes(data)
        with ScapReader(path, limits) as capture:
            items = list(capture)
            self.problems: list[Problem] = capture.problems
            self.progress: Progress = capture.progress
        self.sections = [item for item in items if isinstance(item, Section)]
        self.batches = [item for item in items if isinstance(item, EventBatch)]
        for batch in self.batches:
            batch.batch.validate(full=True)

    @property
    def events(self) -> list[tuple[int, str, dict[str, object]]]:
        """(number, key, parameters) of every event."""
        found = []
        for batch in self.batches:
            numbers = batch.batch.column("num").to_pylist()
            for row, child in enumerate(batch.type_ids.tolist()):
                values = batch.children[child][int(batch.offsets[row])].as_py()
                found.append((numbers[row], event_table()[batch.codes[child]].key, values))
        return found

    @property
    def keys(self) -> list[str]:
        return [key for _, key, _ in self.events]

    def column(self, name: str) -> list[object]:
        return [value for batch in self.batches for value in batch.batch.column(name).to_pylist()]
