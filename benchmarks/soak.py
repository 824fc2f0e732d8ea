"""Three minutes of recording on a host that is kept busy: memory stays flat, the ring in its size.

``falcowb capture --ring`` records the whole host while shell loops start short processes and
open files. Every few seconds the recorder's memory and the ring's size on disk are looked at.
``FALCOWB_BENCH_SECONDS`` sets the length (180 by default). Needs what ``falcowb capture --check``
asks for.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from capture.reader import open_capture
from capture.syscalls.check import check_host

_FALCOWB = Path(sys.executable).with_name("falcowb")
_RING = 16_000_000
_EVERY = 3.0
#: Each round: a process, a file written, read and removed.
_LOAD = """
cd "$1"
while :; do
  for i in 1 2 3 4 5 6 7 8 9 10; do
    /bin/true; echo $i > f$i; read x < f$i; rm f$i
  done
  : > /dev/null < /etc/passwd
done
"""


def main() -> None:
    why_not = check_host().why_not()
    if why_not is not None:
        print(f"skipped: {why_not}")
        return
    seconds = float(os.environ.get("FALCOWB_BENCH_SECONDS", "180"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "soak.fcap"
        command = [str(_FALCOWB), "capture", "-o", str(path), "--ring", f"{_RING}B"]
        recorder = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        load = subprocess.Popen(["/bin/bash", "-c", _LOAD, "load", folder], start_new_session=True)
        try:
            memory, sizes = _watch(recorder, path, seconds)
        finally:
            os.killpg(load.pid, signal.SIGKILL)
            load.wait()
            recorder.send_signal(signal.SIGINT)
        _, said = recorder.communicate(timeout=60)
        if recorder.returncode or len(memory) < 3:
            print(f"the recorder ended early:\n{said}")
            return
        _tell(path, memory, sizes, seconds, said)


def _watch(
    recorder: subprocess.Popen[str], path: Path, seconds: float
) -> tuple[list[float], list[float]]:
    """MB of memory and of the ring, every few seconds."""
    memory, sizes = [], []
    until = time.monotonic() + seconds
    while time.monotonic() < until and recorder.poll() is None:
        time.sleep(_EVERY)
        status = Path(f"/proc/{recorder.pid}/status").read_text(encoding="ascii")
        found = re.search(r"VmRSS:\s+(\d+)", status)
        memory.append(int(found[1]) / 1e3 if found else 0.0)
        sizes.append(_size(path) / 1e6)
    return memory, sizes


def _size(path: Path) -> int:
    total = 0
    for file in path.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _tell(path: Path, memory: list[float], sizes: list[float], seconds: float, said: str) -> None:
    third = max(len(memory) // 3, 1)
    early, late = max(memory[third : 2 * third]), max(memory[-third:])
    with open_capture(path) as capture:
        kept, drops = capture.count, capture.manifest.drops
    recorded = re.search(r"syscall: ([\d,]+) events", said)
    events = int(recorded[1].replace(",", "")) if recorded else 0
    print(f"{events:,} events in {seconds:.0f} s, {drops:,} lost; {kept:,} kept in the ring")
    print(f"memory: {max(memory):.0f} MB at most; {early:.0f} MB in the middle, {late:.0f} MB late")
    print(f"ring of {_RING / 1e6:.0f} MB: {max(sizes):.1f} MB on disk at most")
