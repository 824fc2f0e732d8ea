"""Walks the state of large .scap files, beside reading them and ``sysdig -r FILE evt.num=0``.

Two captures: one that mostly reads, writes and polls, and one of many short processes.
``FALCOWB_BENCH_EVENTS`` sets the length (3,000,000 by default).
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from time import process_time

from benchmarks import make_scap
from capture.scap.reader import ScapReader, Section
from engine.state.machine import StateEngine

_NEW = make_scap.SHARED / "upstream/captures/live/ordinary.scap"


def main() -> None:
    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "3000000"))
    if not make_scap.DEFAULT.is_file():
        print(f"no captures to repeat at {make_scap.SHARED} (set FALCOWB_SHARED)")
        return
    sysdig = shutil.which("sysdig")
    with tempfile.TemporaryDirectory() as folder:
        for name, source in (("few processes", make_scap.DEFAULT), ("many processes", _NEW)):
            path = Path(folder) / "made.scap"
            make_scap.make(count, path, source)
            events, reading, walking, counts = walk(path)
            line = f"{name}: {events:,} events, walk {walking / events * 1e9:,.0f} ns an event"
            line += f" (reading them {reading / events * 1e9:,.0f} ns), held at the end: {counts}"
            if sysdig:
                peer = _children()
                subprocess.run([sysdig, "-r", path, "evt.num=0"], capture_output=True, check=True)
                peer = _children() - peer
                line += f"; reading and walking {(reading + walking) / peer:.2f} x sysdig's scan"
            print(line)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")
    if not sysdig:
        print("sysdig, the peer, is not installed", file=sys.stderr)


def walk(path: Path) -> tuple[int, float, float, str]:
    """Events, CPU seconds of reading and of walking, and what the engine holds at the end."""
    events, reading, walking = 0, 0.0, 0.0
    engine = StateEngine()
    with ScapReader(path) as capture:
        items = iter(capture)
        while True:
            before = process_time()
            item = next(items, None)
            reading += process_time() - before
            if item is None:
                return events, reading, walking, str(engine.counts)
            if isinstance(item, Section):
                engine.begin(item)
                continue
            before = process_time()
            events += len(engine.feed(item))
            walking += process_time() - before


def _children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
