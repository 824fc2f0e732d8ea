"""What is read, written and read again is the same."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.events.schema import INITIAL_STATE, EventBatch
from capture.events.state_schema import TABLES
from capture.scap.reader import Limits, ScapReader, Section
from capture.scap.writer import ScapWriter
from tests.conformance.cases import UPSTREAM

from . import blocks
from .blocks import Read, event, i64, section, u32
from .test_events import OPEN
from .test_state import FILES, TAIL, VERSIONS, process


def copy(source: Path, target: Path, *, compress: bool = False, cut: int = 0) -> None:
    with (
        ScapReader(source, Limits(rows=500)) as capture,
        ScapWriter(target, compress=compress) as out,
    ):
        for item in capture:
            if isinstance(item, Section):
                out.section(item)
            elif cut:
                # Slices of a batch are written as they are.
                for row in range(0, item.num_rows, cut):
                    out.events(EventBatch.of(item.batch.slice(row, cut)))
            else:
                out.events(item)


def same(one: Path, other: Path) -> None:
    with ScapReader(one) as first, ScapReader(other) as second:
        for left, right in zip(first, second, strict=True):
            if isinstance(left, Section):
                assert isinstance(right, Section)
                for name in TABLES:
                    assert getattr(left, name).equals(getattr(right, name)), name
            else:
                assert isinstance(right, EventBatch)
                assert left.codes == right.codes
                assert left.batch.equals(right.batch)
        assert second.problems == []
        assert second.progress.dropped == 0


def made(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "made.scap"
    path.write_bytes(data)
    return path


def real() -> list[Any]:
    found = sorted((UPSTREAM / "captures").rglob("*.scap")) if UPSTREAM.is_dir() else []
    if not found:
        skip = pytest.mark.skip(reason=f"no captures at {UPSTREAM} (set FALCOWB_SHARED)")
        return [pytest.param(Path(), id="absent", marks=skip)]
    return [pytest.param(path, id=path.name) for path in found]


@pytest.mark.parametrize("path", real())
def test_real_captures(tmp_path: Path, path: Path) -> None:
    copy(path, tmp_path / "copy.scap")
    same(path, tmp_path / "copy.scap")
    copy(path, tmp_path / "cut.scap.gz", compress=True, cut=77)
    same(path, tmp_path / "cut.scap.gz")


@pytest.mark.parametrize("name", ["ordinary.scap", "intrusion.scap"])
def test_events_of_today_are_written_byte_for_byte(tmp_path: Path, name: str) -> None:
    path = UPSTREAM / "captures" / "live" / name
    if not path.is_file():
        pytest.skip(f"no capture at {path} (set FALCOWB_SHARED)")
    copy(path, tmp_path / "copy.scap")
    assert events_of(gzip.decompress(path.read_bytes())) == events_of(
        (tmp_path / "copy.scap").read_bytes()
    )


def events_of(data: bytes) -> bytes:
    at = 0
    while int.from_bytes(data[at : at + 4], "little") not in (0x216, 0x217, 0x221, 0x222):
        at += int.from_bytes(data[at + 4 : at + 8], "little")
    return data[at:]


@pytest.mark.parametrize("version", VERSIONS)
def test_process_lists(tmp_path: Path, version: int) -> None:
    for fields in range(len(TAIL) + 1) if version == 9 else [0]:
        tail = b"".join(v.to_bytes(width, "little") for _, width, v in TAIL[2 : 2 + fields])
        if fields > 5:
            tail = b"".join(v.to_bytes(width, "little") for _, width, v in TAIL[:fields])
        data = section() + blocks.block(VERSIONS[version], process(version, tail)[0] * 2)
        path = made(tmp_path, data)
        copy(path, tmp_path / "copy.scap")
        same(path, tmp_path / "copy.scap")
        (tmp_path / "copy.scap").unlink()


def test_every_kind_of_file(tmp_path: Path) -> None:
    files = b"".join(i64(5) + i64(1) + bytes([kind]) + body for kind, body, _ in FILES)
    path = made(tmp_path, section() + blocks.block(0x203, i64(41) + files))
    copy(path, tmp_path / "copy.scap")
    same(path, tmp_path / "copy.scap")


def test_every_kind_of_parameter(tmp_path: Path) -> None:
    option = [i64(0), i64(3), b"\1", b"\7"]
    data = [
        event("SYSCALL_OPEN_X", *OPEN, kind=blocks.EVENT_FLAGS_V2, flags=1),
        event("SYSCALL_OPEN_X", i64(3), b"\0", b"", b"", b"", b""),
        event("PROCEXIT_1_E", i64(0)),
        event("SYSCALL_POLL_X", i64(1), b"\2\0" + (i64(3) + b"\1\0") * 2, i64(50)),
        *(
            event("SOCKET_SETSOCKOPT_X", *option, value, u32(4))
            for value in (b"", b"\0raw", b"\1" + i64(-13), b"\2" + u32(7), b"\x09odd", b"\1x")
        ),
        event("SYSCALL_KEYCTL_X", i64(0), u32(0), b"\1name\0", b"\0" + i64(1), b"", b""),
        event("PLUGINEVENT_E", u32(1), b"x" * 70_000, kind=blocks.EVENT_V2_LARGE),
        event("ASYNCEVENT_E", u32(2), b"n\0", b"{}", kind=blocks.EVENT_FLAGS_V2_LARGE, flags=4),
    ]
    path = made(tmp_path, section() + b"".join(data))
    copy(path, tmp_path / "copy.scap")
    same(path, tmp_path / "copy.scap")
    assert events_of((tmp_path / "copy.scap").read_bytes()) == b"".join(data)


def test_the_initial_mark_is_not_written(tmp_path: Path) -> None:
    container = event("CONTAINER_JSON_2_E", b"{}\0", kind=blocks.EVENT_V2_LARGE)
    path = made(tmp_path, section() + container)
    copy(path, tmp_path / "copy.scap")
    assert events_of((tmp_path / "copy.scap").read_bytes()) == container
    assert Read(tmp_path, (tmp_path / "copy.scap").read_bytes()).column("flags") == [INITIAL_STATE]


def test_refusals(tmp_path: Path) -> None:
    path = made(tmp_path, section() + event("SYSCALL_OPEN_X", *OPEN))
    with pytest.raises(CaptureError, match="exists already"):
        ScapWriter(path)
    with pytest.raises(CaptureError, match="cannot be written"):
        ScapWriter(tmp_path / "no" / "folder.scap")
    with ScapReader(path) as capture, ScapWriter(tmp_path / "out.scap") as out:
        batch = next(capture.batches())
        odd = batch.batch.set_column(2, "cpu", pa.array([1], pa.int64()))
        with pytest.raises(ValueError, match="schema"):
            out.events(EventBatch(odd, batch.codes, batch.type_ids, batch.offsets))
    assert (tmp_path / "out.scap").stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(not shutil.which("sysdig"), reason="sysdig is not installed")
@pytest.mark.parametrize("path", real())
def test_sysdig_reads_what_is_written(tmp_path: Path, path: Path) -> None:
    """The same events of all types that this sysdig knows, in the same order."""
    copy(path, tmp_path / "copy.scap", compress=True)
    command = ["sysdig", "-r", str(tmp_path / "copy.scap"), "-p", "%evt.rawtime %evt.type"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    with ScapReader(path) as capture:
        times = {
            time
            for batch in capture.batches()
            for time in batch.batch.column("time").cast(pa.int64()).to_pylist()
        }
    seen = [int(line.split()[0]) for line in done.stdout.splitlines()]
    # sysdig shows no process counters, which are all that this one holds.
    assert seen or path.name == "empty.scap"
    assert set(seen) <= times
