"""What a command took, from start to end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds by the clock and of CPU time, and the most MB of memory."""

    clock: float
    cpu: float
    memory: float


def run(command: Sequence[str], environment: Mapping[str, str]) -> Took:
    """Run a command, its output thrown away. Ends the program where it fails."""
    with Path(os.devnull).open("wb") as nowhere:
        started = time.perf_counter()
        pid = os.posix_spawn(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1),
                (os.POSIX_SPAWN_DUP2, nowhere.fileno(), 2),
            ],
        )
        _, status, usage = os.wait4(pid, 0)
        clock = time.perf_counter() - started
    if status:
        sys.exit(f"{' '.join(command)}: ended with status {status}")
    return Took(clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
