"""Spoiled captures never crash the reader, nor make it slow or large."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.cases import ROOT, UPSTREAM

from .blocks import EVENT, EVENT_V2_LARGE, block, event, i64, section, text, u32
from .test_state import FILES, process

ROUNDS = 400


def fuzz(rounds: int, seed: int, *captures: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.capture.scap.fuzz", str(rounds), str(seed),
         *map(str, captures)],
        cwd=ROOT, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_made_captures(tmp_path: Path) -> None:
    files = b"".join(i64(5) + i64(1) + bytes([kind]) + body for kind, body, _ in FILES)
    data = section() + block(0x203, i64(41) + files)
    data += b"".join(block(kind, process(version)[0] * 3)
                     for version, kind in ((1, 0x202), (4, 0x210), (9, 0x215)))  # fmt: skip
    data += block(0x206, b"\1" + u32(4) + text(b"adm"))
    data += event("SYSCALL_READ_E", i64(3), u32(100), kind=EVENT)
    data += event("SYSCALL_READ_X", i64(2), b"hi", kind=EVENT)
    data += event("SYSCALL_POLL_X", i64(1), b"\1\0" + i64(3) + b"\1\0", i64(50))
    data += event("PLUGINEVENT_E", u32(1), b"x" * 500, kind=EVENT_V2_LARGE) * 3
    path = tmp_path / "made.scap"
    path.write_bytes(data + data)
    fuzz(ROUNDS, 1, path)


def test_real_captures() -> None:
    found = sorted((UPSTREAM / "captures").rglob("*.scap"))
    if not found:
        pytest.skip(f"no captures at {UPSTREAM} (set FALCOWB_SHARED)")
    fuzz(ROUNDS, 2, *found)
