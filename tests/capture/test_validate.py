"""Captures from elsewhere: nothing they hold crashes, escapes or exhausts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.manifest_reading import read_manifest
from capture.reader import open_capture
from capture.schema import PLUGIN_EVENTS
from capture.validate import Level, validate
from tests.capture.support import batch, nums, small

SEGMENT = Path("k8s_audit") / "events-00000.arrow"


def edit(path: Path, **changes: Any) -> None:
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest.update(changes)
    (path / "manifest.json").write_text(json.dumps(manifest))


def texts(path: Path) -> str:
    return "\n".join(str(finding) for finding in validate(path))


def test_links_are_not_followed(tmp_path: Path) -> None:
    other = small(tmp_path / "other.fcap")
    path = small(tmp_path / "a.fcap")
    (path / SEGMENT).unlink()
    (path / SEGMENT).symlink_to(other / SEGMENT)
    assert nums(path) == []
    assert "not an ordinary file" in texts(path)
    (path / SEGMENT).unlink()
    (path / "k8s_audit").rmdir()
    (path / "k8s_audit").symlink_to(other / "k8s_audit")
    assert nums(path) == []
    assert "refused" in texts(path)
    (path / "manifest.json").unlink()
    (path / "manifest.json").symlink_to("/etc/passwd")
    with pytest.raises(CaptureError):
        open_capture(path)


def test_a_pipe_does_not_hang(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    (path / SEGMENT).unlink()
    os.mkfifo(path / SEGMENT)
    assert nums(path) == []
    assert "not an ordinary file" in texts(path)


@pytest.mark.parametrize(
    "changes",
    [
        {"folder": ".."},
        {"folder": "../other", "name": "../other"},
        {"folder": "%2E%2E", "name": "x"},
        {"folder": "/etc", "name": "/etc"},
        {"segments": [{"file": "../events-00000.arrow"}]},
        {"segments": [{"file": "events-00000.arrow", "events": -1}]},
        {"segments": [{"file": "events-00000.arrow", "events": 1 << 63}]},
        {"segments": [{"file": "events-00000.arrow"}] * 2},
        {"segments": [{"file": "events-00000.arrow", "closed": "yes"}]},
        {"segments": 5},
        {"drops": True},
        {"plugin": {"id": 1 << 32}},
        {"plugin": []},
        {"name": 7},
    ],
)
def test_a_crafted_manifest_is_not_believed(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = small(tmp_path / "a.fcap")
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["sources"][0].update(changes)
    text = json.dumps(manifest).encode()
    with pytest.raises(CaptureError, match="unreadable manifest"):
        read_manifest(text)
    # The segments that are there still serve.
    (path / "manifest.json").write_bytes(text)
    with open_capture(path) as capture:
        assert capture.count == 50
        assert capture.sources == ("k8s_audit",)


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"null",
        b"[" * 100_000,
        b'{"format": "falcowb capture", "version": 1' + b"0" * 5000 + b"}",
        b'{"format": "falcowb capture", "version": true}',
        b'{"format": "falcowb capture", "version": 1, "host": 3}',
        b'{"format": "falcowb capture", "version": 1, "sources": [1]}',
        b'{"format": "falcowb capture", "version": 1, "end": {"complete": 1}}',
    ],
)
def test_what_is_no_manifest(text: bytes) -> None:
    with pytest.raises(CaptureError):
        read_manifest(text)


def test_counts_are_compared_with_the_file(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    manifest = json.loads((path / "manifest.json").read_bytes())
    manifest["sources"][0]["segments"][0]["events"] = 10**15
    manifest["sources"][0]["drops"] = 3
    (path / "manifest.json").write_text(json.dumps(manifest))
    found = texts(path)
    assert "50 events can be read, 1000000000000000 are stated" in found
    assert "0 dropped events are marked, 3 are stated" in found


def write_stream(path: Path, table: pa.RecordBatch, compression: str | None = "zstd") -> None:
    with pa.ipc.new_stream(
        path, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)
    ) as stream:
        stream.write_batch(table)


@pytest.mark.parametrize("compression", ["zstd", "lz4", None])
def test_other_writers_streams_are_read(tmp_path: Path, compression: str | None) -> None:
    path = small(tmp_path / "a.fcap")
    write_stream(path / SEGMENT, batch(1, 77).slice(3, 50), compression)
    assert nums(path) == list(range(4, 54))


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    write_stream(path / SEGMENT, batch(1, 3, payload=b"\0" * (60 << 20)))
    assert (path / SEGMENT).stat().st_size < 1 << 20
    assert nums(path) == []
    assert "is refused" in texts(path)


def test_another_schema_is_not_read(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    table = batch(1, 10)
    columns = [table.column("num"), table.column("num"), *table.columns[2:]]
    other = pa.record_batch(columns, names=PLUGIN_EVENTS.names)
    write_stream(path / SEGMENT, other)
    assert nums(path) == []
    assert "another schema" in texts(path)


def test_nulls_and_numbers_that_do_not_ascend(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    table = batch(1, 3)
    nulls = pa.record_batch(
        [pa.array([1, None, 3], pa.uint64()), *table.columns[1:]], schema=PLUGIN_EVENTS
    )
    write_stream(path / SEGMENT, nulls)
    assert nums(path) == []
    assert "nulls" in texts(path)
    down = pa.record_batch(
        [pa.array([3, 2, 4], pa.uint64()), *table.columns[1:]], schema=PLUGIN_EVENTS
    )
    write_stream(path / SEGMENT, down)
    assert "do not ascend" in texts(path)


def test_crafted_offsets_are_refused(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    offsets = pa.array([0, 1 << 30, 5, 7], pa.int32()).buffers()[1]
    data = pa.Array.from_buffers(pa.binary(), 3, [None, offsets, pa.py_buffer(b"x" * 7)])
    bad = pa.record_batch([*batch(1, 3).columns[:3], data], schema=PLUGIN_EVENTS)
    write_stream(path / SEGMENT, bad, None)
    assert nums(path) == []


def test_open_permissions_and_strangers_are_warned_of(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    path.chmod(0o755)
    (path / SEGMENT).chmod(0o644)
    (path / "note.txt").write_text("x")
    (path / "k8s_audit" / "x.sh").write_text("x")
    found = validate(path)
    assert len(found) == 4 and {finding.level for finding in found} == {Level.WARNING}


FUZZ = """
    import random, resource, sys
    from pathlib import Path
    from capture.errors import CaptureError
    from capture.reader import open_capture
    from capture.validate import validate
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    path, target, seed = Path(sys.argv[1]), Path(sys.argv[1]) / sys.argv[2], int(sys.argv[3])
    rng = random.Random(seed)
    whole = target.read_bytes()
    for round in range(400):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            kind = rng.random()
            at = rng.randrange(len(data))
            if kind < 0.5:
                data[at] ^= 1 << rng.randrange(8)
            elif kind < 0.8:
                at -= at % 4
                data[at : at + 4] = rng.choice(
                    (b"\\xff" * 4, b"\\0\\0\\0\\x80", b"\\xff\\xff\\xff\\x7f", b"\\0" * 4)
                )
            elif kind < 0.9:
                del data[at : at + rng.randrange(64)]
            else:
                data[at:at] = rng.randbytes(8)
            if not data:
                data = bytearray(b"x")
        target.write_bytes(data)
        try:
            validate(path)
            with open_capture(path) as capture:
                for part in capture.batches("k8s_audit"):
                    part.column("data").to_pylist()
                list(capture.gaps("k8s_audit"))
        except CaptureError:
            pass
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print("survived", peak)
"""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("file", [str(SEGMENT), "k8s_audit/gaps.arrow", "manifest.json"])
def test_flipped_bytes_never_crash(tmp_path: Path, file: str, seed: int) -> None:
    path = tmp_path / "a.fcap"
    from capture.writer import CaptureWriter, FlushPolicy

    with CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(events=1)) as writer:
        writer.write("k8s_audit", batch(1, 20))
        writer.drop("k8s_audit", 3, "queue full")
        writer.write("k8s_audit", batch(21, 20))
    if seed == 2 and file == str(SEGMENT):
        write_stream(path / file, batch(1, 40), None)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FUZZ), str(path), file, str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stderr[-2000:]}"
    word, memory = done.stdout.split()
    assert word == "survived" and int(memory) < 600_000
