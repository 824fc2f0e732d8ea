"""Makes a large .scap by repeating a real capture's event blocks with shifted times.

    python -m benchmarks.make_scap EVENTS OUT [CAPTURE]

The state at the head is kept as it is. OUT ending in ``.gz`` is packed. Without CAPTURE a public
capture of the conformance data is repeated (``FALCOWB_SHARED`` or ``shared/`` beside the checkout).
"""

from __future__ import annotations

import gzip
import os
import struct
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("FALCOWB_SHARED") or ROOT.parent / "shared")
DEFAULT = SHARED / "upstream/captures/falco/test/trace_files/psp/run_as_user_0_container.scap"

#: Event blocks, and whether flags stand before the event (userspace/libscap/scap_savefile.h).
EVENT_BLOCKS = {0x204: False, 0x208: True, 0x216: False, 0x217: True, 0x221: False, 0x222: True}


def split(data: bytes) -> tuple[bytes, bytes, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """Blocks before the first event, all event blocks, and where in the latter the times stand."""
    at, head_end, times = 0, None, []
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind in EVENT_BLOCKS:
            if head_end is None:
                head_end = at
            times.append(at - head_end + 8 + (6 if EVENT_BLOCKS[kind] else 2))
        elif head_end is not None:
            raise SystemExit("a block that is no event stands among the events")
        at += length
    if head_end is None:
        raise SystemExit("the capture has no events")
    return data[:head_end], data[head_end:at], np.array(times)


def make(events: int, out: Path, capture: Path = DEFAULT) -> int:
    """Write the capture; returns the number of events written (whole repetitions)."""
    raw = capture.read_bytes()
    head, body, places = split(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    block = np.frombuffer(body, np.uint8).copy()
    bytes_of_times = places[:, None] + np.arange(8)
    first = block[bytes_of_times].copy().view(np.uint64).ravel()
    span = int(first.max() - first.min()) + 1000
    repetitions = -(-events // len(places))
    with gzip.open(out, "wb", 1) if out.suffix == ".gz" else out.open("wb") as file:
        file.write(head)
        for turn in range(repetitions):
            shifted = first + np.uint64(turn * span)
            block[bytes_of_times] = shifted[:, None].view(np.uint8).reshape(-1, 8)
            file.write(block.data)
    return repetitions * len(places)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    print(make(int(sys.argv[1]), Path(sys.argv[2]), *map(Path, sys.argv[3:])))
