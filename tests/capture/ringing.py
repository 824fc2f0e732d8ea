"""Events for tests of rings, and a recorder that is made to die.

python -m tests.capture.ringing steps FOLDER     dies at each of its file operations in turn
python -m tests.capture.ringing kill FOLDER N    is killed N times, at random moments
"""

from __future__ import annotations

import contextlib
import os
import random
import select
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.ring import Ring, RingLimits
from capture.writer import FlushPolicy
from engine.state.machine import StateEngine
from tests.capture.support import batch as plugin_batch
from tests.engine.state.support import clone, execve
from tests.engine.syscalls.made import BASE, CAT, Made, batch

_FILES = [row | {"open_flags": 1} for row in CAT.fds.to_pylist()]
START = Section.of(
    0,
    (0, 0),
    {
        "threads": CAT.threads,
        "fds": pa.RecordBatch.from_pylist(_FILES, CAT.fds.schema),
        "users": CAT.users,
    },
)
#: Events of one batch, and what they do: processes come, read and go.
ROWS = 60
#: Nanoseconds from one event to the next.
STEP = 1_000_000


def _events(turn: int) -> list[Made]:
    rng = random.Random(turn)
    events: list[Made] = []
    while len(events) < ROWS:
        tid = 1000 + rng.randrange(400)
        name = b"/tmp/" + rng.randbytes(40).hex().encode()
        events += [
            clone(tid, 0, ptid=100, exe=b"/bin/sh"),
            execve(tid, b"/bin/p%d" % (tid % 7), args=rng.randbytes(30).hex().encode() + b"\0"),
            Made("SYSCALL_OPENAT_2_X", tid, {"fd": rng.randrange(3, 9), "dirfd": -100,
                                             "name": name, "flags": 1, "mode": 0}),
            Made("SYSCALL_OPENAT_2_X", 100, {"fd": rng.randrange(3, 40), "dirfd": -100,
                                             "name": name, "flags": 1, "mode": 0}),
            Made("SYSCALL_CHDIR_X", 100, {"res": 0, "path": name}),
            Made("PROCEXIT_1_E", tid, {"status": 0}),
        ]  # fmt: skip
    return events[:ROWS]


_MADE: list[EventBatch] = []


def calls(first: int) -> EventBatch:
    """System calls from number ``first`` on, a millisecond apart; a story that goes round."""
    if not _MADE:
        _MADE.extend(batch(_events(turn)) for turn in range(12))
    made = _MADE[(first // ROWS) % len(_MADE)]
    nums = np.arange(first, first + made.num_rows, dtype=np.uint64)
    times = pa.array(BASE + nums.astype(np.int64) * STEP).cast(pa.timestamp("ns", tz="UTC"))
    columns = [pa.array(nums), times, *made.batch.columns[2:]]
    whole = pa.RecordBatch.from_arrays(columns, schema=made.batch.schema)
    return EventBatch(whole, made.codes, made.type_ids, made.offsets, 0)


def story(count: int, first: int = 1) -> Iterator[EventBatch]:
    for turn in range(count):
        yield calls(first + turn * ROWS)


def ring(path: Path, **options: Any) -> Ring:
    """A ring that is turned by hand, each batch on disk at once, segments of a few batches."""
    settings: dict[str, Any] = {
        "limits": RingLimits(bytes=1 << 20),
        "policy": FlushPolicy(events=1),
        "background": False,
        **options,
    }
    made = Ring(path, ["syscall", "k8s_audit"], roller=StateEngine, **settings)
    made.begin_section(START)
    return made


def record(path: Path, batches: int, each: Callable[[], None] = lambda: None) -> None:
    """Record system calls and a plugin's events, the ring turning all the time."""
    made = ring(path)
    for turn in range(batches):
        made.write_events(calls(1 + turn * ROWS))
        made.write("k8s_audit", plugin_batch(1 + turn * ROWS, 3, payload=os.urandom(60_000)))
        if turn % 3 == 2:
            made.rotate()
        made.turn(0)
        each()
    made.close()


class _Dying:
    """Ends the process, as kill -9 would, before the file operation of a number. Of those of which
    there are many alike, one in so many counts."""

    def __init__(self, number: int) -> None:
        self.left = number
        self._seen: Counter[str] = Counter()

    def wrap(self, name: str, one_in: int) -> Callable[..., Any]:
        call = getattr(os, name)

        def called(*args: Any, **options: Any) -> Any:
            self._seen[name] += 1
            if self._seen[name] % one_in == 0:
                self.left -= 1
                if self.left == 0:
                    os._exit(9)
            return call(*args, **options)

        return called


_OPERATIONS = {"open": 4, "mkdir": 1, "write": 8, "fsync": 4, "rename": 1, "unlink": 1, "rmdir": 1}


def die_at_every_step(folder: Path, batches: int = 12, after: int = 10) -> None:
    """A child for each file operation after so many batches, which dies there."""
    number = 0
    while True:
        number += 1
        pid = os.fork()
        if pid == 0:
            dying = _Dying(number)
            turns = iter(range(batches))

            def each(dying: _Dying = dying, turns: Iterator[int] = turns) -> None:
                if next(turns) == after:
                    for name, one_in in _OPERATIONS.items():
                        setattr(os, name, dying.wrap(name, one_in))

            record(folder / f"{number}.fcap", batches, each)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        if os.waitstatus_to_exitcode(status) != 9:
            assert status == 0, status
            return


def kill_at_random(folder: Path, times: int) -> None:
    """Recorders with their ring turning in a thread of its own, killed at random moments: of two,
    one once it has let something go."""
    rng = random.Random(5)
    for number in range(times):
        told, tell = os.pipe2(os.O_NONBLOCK)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(CaptureError):
                made = ring(folder / f"{number}.fcap", background=True)
                turn = 0
                while True:
                    made.write_events(calls(1 + turn * ROWS))
                    made.write(
                        "k8s_audit", plugin_batch(1 + turn * ROWS, 3, payload=os.urandom(12000))
                    )
                    turn += 1
                    time.sleep(0.005)  # What is there is walked by the test: not too much.
                    if made.infos[0].let_go is not None:
                        with contextlib.suppress(BlockingIOError):
                            os.write(tell, b"x")
            os._exit(1)
        if number % 2:
            select.select([told], [], [], 60)
        time.sleep(rng.random() ** 2 * 0.4)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(told)
        os.close(tell)


if __name__ == "__main__":
    where = Path(sys.argv[2])
    if sys.argv[1] == "steps":
        die_at_every_step(where)
    else:
        kill_at_random(where, int(sys.argv[3]))
