"""Two processes call openat, close and getpid as fast as they can, recorded by ``falcowb capture``.

Said are: whether what was recorded and what is told as lost add up to what the program made;
events recorded a second of the recorder's CPU time (with writing the capture); and what one such
process keeps of its rate while it is recorded, beside what ``strace -f`` leaves it.
``FALCOWB_BENCH_SECONDS`` sets the length (20 by default). Needs root and a C compiler.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from capture.reader import open_capture
from capture.syscalls.check import check_host

_FALCOWB = Path(sys.executable).with_name("falcowb")
_SOURCE = Path(__file__).with_suffix(".c")
#: Calls of a round that the default set records, and that all of them are.
_RECORDED, _MADE = 2, 3
#: Turns without and with a recorder, one after the other: other load passes over both.
_TURNS = 4


def main() -> None:
    why_not = check_host().why_not()
    compiler = shutil.which("cc") or shutil.which("gcc")
    if why_not is not None or compiler is None:
        print(f"skipped: {why_not or 'no C compiler is installed'}")
        return
    seconds = float(os.environ.get("FALCOWB_BENCH_SECONDS", "20"))
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "storm"
        # Static: starting it then makes none of the calls that are counted.
        subprocess.run([compiler, "-O2", "-static", "-o", program, _SOURCE], check=True)
        _two(program, Path(folder) / "two.fcap", seconds)
        _kept(program, Path(folder), seconds / _TURNS)
        _strace(program, seconds / _TURNS)


class _Storm:
    """A process that waits to be told to begin, ``before`` it a tracer."""

    def __init__(self, program: Path, seconds: float, *before: str) -> None:
        self._process = subprocess.Popen(
            [*before, str(program), str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self._process.pid

    def begin(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(b"x")
        self._process.stdin.flush()

    def end(self) -> tuple[int, float, float]:
        """Rounds, rounds a second, and rounds a second of its CPU time."""
        rounds, seconds, used = self._process.communicate()[0].split()
        return int(rounds), int(rounds) / float(seconds), int(rounds) / float(used)


class _Recorder:
    """``falcowb capture`` of some processes, once it records."""

    def __init__(self, path: Path, pids: list[int]) -> None:
        words = [word for pid in pids for word in ("--pid", str(pid))]
        self._path = path
        self._process = subprocess.Popen(
            [str(_FALCOWB), "capture", "-o", str(path), *words],
            stderr=subprocess.PIPE,
            text=True,
        )
        while not (path / "manifest.json").is_file():
            if self._process.poll() is not None:
                assert self._process.stderr is not None
                sys.exit(f"falcowb capture: {self._process.stderr.read()}")
            time.sleep(0.05)
        time.sleep(2)
        self._begun = self._cpu()

    def _cpu(self) -> float:
        """Seconds of CPU time so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> float:
        """Ends it; seconds of CPU time that recording took, to the last byte."""
        time.sleep(2)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        _, _, used = os.wait4(self._process.pid, 0)
        self._process.returncode = 0
        return used.ru_utime + used.ru_stime - self._begun


def _two(program: Path, path: Path, seconds: float) -> None:
    storms = [_Storm(program, seconds) for _ in range(2)]
    pids = [storm.pid for storm in storms]
    recorder = _Recorder(path, pids)
    for storm in storms:
        storm.begin()
    made = sum(storm.end()[0] for storm in storms) * _RECORDED
    cpu = recorder.end()
    with open_capture(path) as capture:
        recorded, lost = capture.count, capture.manifest.drops
    print(
        f"two processes, {seconds:.0f} s: {made:,} calls made, {recorded:,} events recorded, "
        f"{lost:,} lost: {'they add up' if recorded + lost - made in range(10) else 'THEY DO NOT'}"
    )
    print(f"{recorded / cpu:,.0f} events recorded a second of the recorder's CPU time")


def _kept(program: Path, folder: Path, seconds: float) -> None:
    free, free_cpu, observed, observed_cpu = 0.0, 0.0, 0.0, 0.0
    for turn in range(_TURNS):
        storm = _Storm(program, seconds)
        storm.begin()
        _, rate, by_cpu = storm.end()
        free, free_cpu = free + rate, free_cpu + by_cpu
        storm = _Storm(program, seconds)
        recorder = _Recorder(folder / f"one-{turn}.fcap", [storm.pid])
        storm.begin()
        _, rate, by_cpu = storm.end()
        observed, observed_cpu = observed + rate, observed_cpu + by_cpu
        recorder.end()
        shutil.rmtree(folder / f"one-{turn}.fcap")
    print(
        f"one process alone makes {free * _MADE / _TURNS:,.0f} calls a second; "
        f"recorded it keeps {observed / free:.2f} of that "
        f"({observed_cpu / free_cpu:.2f} a second of its CPU time: what else runs counts less)"
    )


def _strace(program: Path, seconds: float) -> None:
    strace = shutil.which("strace")
    if strace is None:
        print("strace, the peer, is not installed")
        return
    storm = _Storm(program, seconds)
    storm.begin()
    free = storm.end()[1]
    traced = _Storm(program, seconds, strace, "-f", "-o", os.devnull)
    traced.begin()
    print(f"under strace -f it keeps {traced.end()[1] / free:.2f}")


if __name__ == "__main__":
    main()
