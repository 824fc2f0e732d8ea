"""Reads large .scap files into Arrow batches, beside ``sysdig -r FILE evt.num=0`` in the same run.

Three captures: one of an old driver (its enter events must be folded into their exits), one of
today's, and that one packed with gzip; the last twice as long, for the memory.
``FALCOWB_BENCH_EVENTS`` sets the length (3,000,000 by default).
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from benchmarks import make_scap

_NEW = make_scap.SHARED / "upstream/captures/live/ordinary.scap"
_READ = """
import sys
from capture.scap.reader import ScapReader
with ScapReader(sys.argv[1]) as capture:
    for batch in capture.batches():
        pass
"""


def main() -> None:
    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "3000000"))
    if not make_scap.DEFAULT.is_file():
        print(f"no captures to repeat at {make_scap.SHARED} (set FALCOWB_SHARED)")
        return
    sysdig = shutil.which("sysdig")
    with tempfile.TemporaryDirectory() as folder:
        for name, source, ending, times in (
            ("old driver", make_scap.DEFAULT, "", 1),
            ("today's driver", _NEW, "", 1),
            ("today's driver, gzip", _NEW, ".gz", 1),
            ("today's driver, twice as long", _NEW, "", 2),
        ):
            path = Path(folder) / f"made.scap{ending}"
            events = make_scap.make(count * times, path, source)
            ours, memory = run([sys.executable, "-c", _READ, str(path)])
            line = f"{name}: {events:,} events, {events / ours:,.0f} a second of CPU time, "
            line += f"peak memory {memory:,.0f} MB"
            if sysdig:
                peer, _ = run([sysdig, "-r", str(path), "evt.num=0"])
                line += f", {ours / peer:.2f} x sysdig's time"
            print(line)
            path.unlink()
        if not sysdig:
            print("sysdig, the peer, is not installed")


def run(command: list[str]) -> tuple[float, float]:
    """Seconds of CPU time, the better of two, and the most MB of memory."""
    best, memory = float("inf"), 0.0
    for _ in range(2):
        with Path(os.devnull).open("wb") as nowhere:
            pid = os.posix_spawn(
                command[0],
                command,
                {**os.environ, "PYTHONPATH": str(make_scap.ROOT), "OPENBLAS_NUM_THREADS": "1"},
                file_actions=[(os.POSIX_SPAWN_DUP2, nowhere.fileno(), 1)],
            )
            _, status, usage = os.wait4(pid, 0)
        if status:
            sys.exit(f"{' '.join(command)}: ended with status {status}")
        best = min(best, usage.ru_utime + usage.ru_stime)
        memory = max(memory, usage.ru_maxrss / 1024)
    return best, memory


if __name__ == "__main__":
    main()
