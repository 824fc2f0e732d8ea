"""Reads spoiled captures, as a program of its own: ``python -m tests.capture.scap.fuzz``.

    ROUNDS SEED CAPTURE…

Each round spoils one capture (bits flipped, bytes cut out or put in, lengths and counts made huge,
blocks repeated) and reads it whole. Memory and time are bounded by the caller and here. Prints one
line of totals; a crash, or any error but CaptureError, ends it with another code than 0.
"""

from __future__ import annotations

import gzip
import random
import resource
import struct
import sys
import tempfile
import time
from pathlib import Path

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.scap.reader import ScapReader

HUGE = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
MEMORY = 1 << 30
#: Seconds of processor time for one capture; the caller bounds what waits.
SLOWEST = 10.0


def spoil(data: bytes, dice: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(dice.choice([1, 1, 2, 8, 64])):
        at = dice.randrange(len(made))
        match dice.randrange(7):
            case 0:
                made[at] ^= 1 << dice.randrange(8)
            case 1:
                made[at] = dice.randrange(256)
            case 2:
                value = dice.choice(HUGE)
                made[at : at + 4] = struct.pack("<I", value)
            case 3:
                made[at : at + 2] = struct.pack("<H", dice.choice(HUGE) & 0xFFFF)
            case 4:
                del made[at : at + dice.randrange(1, 64)]
            case 5:
                made[at:at] = dice.randbytes(dice.randrange(1, 64))
            case _:
                end = min(len(made), at + dice.randrange(1, 4096))
                made[at:at] = made[at:end]
        if not made:
            return b""
    if dice.randrange(4) == 0:
        del made[dice.randrange(len(made)) :]
    return bytes(made)


def main() -> int:
    rounds, seed = int(sys.argv[1]), int(sys.argv[2])
    captures = [Path(name).read_bytes() for name in sys.argv[3:]]
    plain = [gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw for raw in captures]
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    dice = random.Random(seed)
    events = refused = damaged = problems = 0
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "spoiled.scap"
        for turn in range(rounds):
            packed = dice.randrange(8) == 0
            path.write_bytes(spoil(dice.choice(captures if packed else plain), dice))
            began = time.process_time()
            try:
                with ScapReader(path) as capture:
                    for item in capture:
                        if isinstance(item, EventBatch):
                            item.batch.validate(full=True)
                            events += item.num_rows
                        else:
                            item.threads.validate(full=True)
                            item.fds.validate(full=True)
                    problems += capture.progress.problems
                    damaged += capture.progress.damaged
            except CaptureError:
                refused += 1
            if time.process_time() - began > SLOWEST:
                print(f"round {turn} of seed {seed} took too long")
                return 1
    print(f"{rounds} rounds: {events} events, {refused} refused, {damaged} damaged, "
          f"{problems} problems")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
