"""Damage: everything before it is used, and what is missing is said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.reader import open_capture
from capture.validate import validate
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.support import batch, nums, small

SEGMENT = Path("k8s_audit") / "events-00000.arrow"


def test_a_segment_cut_at_any_byte(tmp_path: Path) -> None:
    whole = small(tmp_path / "whole.fcap", batches=3)
    data = (whole / SEGMENT).read_bytes()
    path = tmp_path / "cut.fcap"
    shutil.copytree(whole, path)
    counts = []
    for size in range(0, len(data), 7):
        (path / SEGMENT).write_bytes(data[:size])
        with open_capture(path) as capture:
            assert capture.count % 10 == 0
            assert not capture.complete
            if capture.count < 30:
                assert f"{30 - capture.count} events are lost" in " ".join(capture.missing)
            else:
                assert "no end mark" in capture.missing[0] or "cut" in capture.missing[0]
            counts.append(capture.count)
        assert nums(path) == list(range(1, counts[-1] + 1))
    assert counts == sorted(counts) and set(counts) == {0, 10, 20, 30}


def test_a_recording_cut_in_a_batch_says_how_much_it_held(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    writer = CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(events=1, seconds=2))
    writer.write("k8s_audit", batch(1, 10))
    writer.write("k8s_audit", batch(11, 7))
    copy = tmp_path / "copy.fcap"
    shutil.copytree(path, copy)
    writer.close()
    data = (copy / SEGMENT).read_bytes()
    with open_capture(copy) as capture:
        assert capture.count == 17
        assert len(capture.missing) == 1
        assert "cut short" in capture.missing[0] and "2 s" in capture.missing[0]
    (copy / SEGMENT).write_bytes(data[:-5])
    with open_capture(copy) as capture:
        assert capture.count == 10
        assert "7 events are lost" in capture.missing[1]


@pytest.mark.parametrize("damage", ["missing", "empty", "garbage", "huge"])
def test_a_damaged_manifest(tmp_path: Path, damage: str) -> None:
    path = small(tmp_path / "a.fcap", batches=30, segment_bytes=3000)
    manifest = path / "manifest.json"
    if damage == "missing":
        manifest.unlink()
    else:
        text = {"empty": b"", "garbage": b"\xff\x00{", "huge": b"[" * (17 << 20)}[damage]
        manifest.write_bytes(text)
    with open_capture(path) as capture:
        assert capture.count == 300 and not capture.complete
        assert "manifest.json" in " ".join(capture.missing)
    assert nums(path) == list(range(1, 301))


def test_a_missing_or_empty_segment_loses_only_itself(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap", batches=30, segment_bytes=3000)
    segments = sorted((path / "k8s_audit").iterdir())
    stated = json.loads((path / "manifest.json").read_bytes())["sources"][0]["segments"]
    segments[1].unlink()
    segments[2].write_bytes(b"")
    lost = [stated[1]["events"], stated[2]["events"]]
    with open_capture(path) as capture:
        assert capture.count == 300 - sum(lost)
        assert f"missing, with {lost[0]} events" in capture.missing[0]
        assert f"empty: {lost[1]} events are lost" in capture.missing[1]
        assert sum(part.num_rows for part in capture.batches()) == capture.count


def test_a_batch_of_garbage_loses_only_itself(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    data = bytearray((path / SEGMENT).read_bytes())
    from capture.ipc import frames, read_schema

    with (path / SEGMENT).open("rb") as file:
        _, offset = read_schema(file.fileno(), len(data))
        third = list(frames(file.fileno(), len(data), offset))[2]
    start = third.body_offset
    data[start : start + third.body_size] = b"\xa5" * third.body_size
    (path / SEGMENT).write_bytes(data)
    with open_capture(path) as capture:
        held = [n for part in capture.batches() for n in part.column("num").to_pylist()]
        assert held == [n for n in range(1, 51) if not 21 <= n <= 30]
        assert "10 events are lost" in capture.missing[-1]
    assert any("cannot be read" in finding.text for finding in validate(path))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["version"] = 2
    (path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(CaptureError, match="format version 2; this falcowb reads up to 1"):
        open_capture(path)
    with pytest.raises(CaptureError):
        validate(path)


def test_a_recorder_killed_before_its_first_flush(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    writer = CaptureWriter(path, ["k8s_audit"])
    copy = tmp_path / "copy.fcap"
    shutil.copytree(path, copy)
    writer.close()
    with open_capture(copy) as capture:
        assert capture.count == 0 and "cut short" in capture.missing[0]
