"""A reader that is closed: what it read is still told of, and nobody meets memory that is gone."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.scap.reader import Limits, ScapReader

from .blocks import UNKNOWN_AND_CUT, event, i64, section


def test_what_was_read_is_told_of_after_closing(tmp_path: Path) -> None:
    path = tmp_path / "made.scap"
    path.write_bytes(section() + UNKNOWN_AND_CUT)
    capture = ScapReader(path)
    list(capture)
    progress, problems, notes = capture.progress, capture.problems, capture.notes()
    assert progress.unknown == 1
    assert "cut short" in problems[0].text
    capture.close()
    # Memory that was the native reader's is used for something else.
    other = [bytearray(size) for size in range(64, 4096, 8) for _ in range(20)]
    assert capture.progress == progress
    assert capture.problems == problems
    assert capture.notes() == notes
    assert capture.fraction() is None
    assert list(capture) == []
    capture.close()
    assert len(other) == 10080


def test_refused_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "made.scap"
    path.write_bytes(b"this is no capture")
    with ScapReader(path) as capture, pytest.raises(CaptureError, match="does not begin"):
        list(capture)
    assert capture.progress.events == 0
    assert capture.notes() == []


def test_closing_while_others_read_and_ask(tmp_path: Path) -> None:
    path = tmp_path / "made.scap"
    path.write_bytes(section() + event("SYSCALL_CLOSE_X", i64(0), i64(3)) * 20_000)
    for turn in range(25):
        capture = ScapReader(path, Limits(rows=1 + 40 * turn))
        begun = threading.Event()
        seen: list[int] = []

        threads = [
            threading.Thread(target=_read, args=(capture, begun, seen)),
            threading.Thread(target=_ask, args=(capture,)),
        ]
        for thread in threads:
            thread.start()
        assert begun.wait(60)
        capture.close()
        for thread in threads:
            thread.join()
        assert seen
        assert capture.progress.events <= 20_000


def _read(capture: ScapReader, begun: threading.Event, seen: list[int]) -> None:
    for _ in capture:
        seen.append(capture.progress.events)
        begun.set()


def _ask(capture: ScapReader) -> None:
    while capture.progress.events < 20_000 and capture.fraction() is not None:
        capture.notes()
