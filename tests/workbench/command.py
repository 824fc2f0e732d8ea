"""Runs ``falcowb`` as a user does: a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "samples"
FALCOWB = Path(sys.executable).with_name("falcowb")


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


def falcowb(*arguments: str | Path, env: dict[str, str] | None = None, timeout: int = 60) -> Ran:
    """Runs to the end; fails the test where a traceback is printed."""
    done = subprocess.run(
        [FALCOWB, *map(str, arguments)],
        capture_output=True,
        env={**os.environ, "NO_COLOR": "1", **(env or {})},
        timeout=timeout,
        check=False,
    )
    ran = Ran(done.returncode, done.stdout.decode(), done.stderr.decode())
    assert "Traceback" not in ran.err, ran.err
    return ran


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    """Runs beside the test; to be ended by it."""
    return subprocess.Popen(
        [FALCOWB, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
