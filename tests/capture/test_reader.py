"""Reading: columns, spans of time, bounded memory, several sources."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.reader import open_capture
from capture.schema import PLUGIN_EVENTS
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.support import MS, START, batch, nums, small


def test_columns_are_read_alone(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    with open_capture(path) as capture:
        table = pa.Table.from_batches(capture.batches(columns=["data", "num"]))
        assert table.column_names == ["num", "data"]
        timed = list(capture.batches(columns=["num"], start_time=START + 12 * MS))
        assert timed[0].schema.names == ["num"]
        with pytest.raises(CaptureError, match="unknown column"):
            capture.batches(columns=["nim"])


@pytest.mark.parametrize(("start", "stop"), [(12, 17), (None, 3), (49, None), (0, 99), (60, 70)])
def test_a_span_of_time_includes_its_start_only(
    tmp_path: Path, start: int | None, stop: int | None
) -> None:
    path = small(tmp_path / "a.fcap", segment_bytes=1500)
    found = nums(
        path,
        start_time=None if start is None else START + start * MS,
        stop_time=None if stop is None else START + stop * MS,
    )
    assert found == [n for n in range(1, 51) if (start or 0) <= n < (stop or 1000)]


def test_sources_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["one", "t/w.o"]) as writer:
        writer.write("one", batch(1, 10, step=2))
        writer.write("t/w.o", batch(2, 10, step=2))
    with open_capture(path) as capture:
        assert capture.sources == ("one", "t/w.o")
        assert (path / "t%2Fw%2Eo").is_dir()
        with pytest.raises(CaptureError, match="2 sources"):
            capture.batches()
        with pytest.raises(CaptureError, match="no source 'three'"):
            capture.batches("three")


def test_an_empty_recording(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["k8s_audit"]):
        pass
    with open_capture(path) as capture:
        assert capture.complete and capture.count == 0
        assert list(capture.batches()) == list(capture.gaps()) == []


def test_what_is_no_capture(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="No such file"):
        open_capture(tmp_path / "none.fcap")
    with pytest.raises(CaptureError, match="no manifest"):
        open_capture(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(CaptureError, match="a capture is a folder"):
        open_capture(tmp_path / "file")


# VmHWM, not ru_maxrss: that one is inherited from the process that started this one.
READER = """
    import sys
    from capture.reader import open_capture
    total = 0
    for part in open_capture(sys.argv[1]).batches():
        total += part.num_rows
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print(total, peak)
"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    used = []
    for name, batches in (("short", 2), ("long", 40)):
        path = tmp_path / name
        with CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(bytes=8 << 20)) as writer:
            for index in range(batches):
                writer.write("k8s_audit", batch(1 + 4000 * index, 4000, payload=b"x" * 2000))
        code = textwrap.dedent(READER)
        out = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        ).stdout.split()
        assert int(out[0]) == 4000 * batches
        used.append(int(out[1]))
    assert used[1] - used[0] < 40_000, "320 MB read took more than 40 MB above 16 MB read"


def test_schema_is_the_stated_one(tmp_path: Path) -> None:
    with open_capture(small(tmp_path / "a.fcap")) as capture:
        assert all(part.schema.equals(PLUGIN_EVENTS) for part in capture.batches())
