"""Recording, and what is on disk at every moment of it."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.events.section import Section
from capture.manifest import PluginInfo, ProbeInfo, SourceInfo
from capture.reader import open_capture
from capture.schema import PLUGIN_EVENTS
from capture.validate import validate
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.support import batch, mode, nums, small


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    given = [batch(1, 100), batch(101, 50)]
    info = SourceInfo("k8s_audit", plugin=PluginInfo("k8s_audit", "0.1.0", "3.0.0", 1))
    with CaptureWriter(path, [info]) as writer:
        assert writer.record("k8s_audit", given) == 150
        assert writer.counts == {"k8s_audit": (150, 0)}
    with open_capture(path) as capture:
        assert pa.Table.from_batches(capture.batches()) == pa.Table.from_batches(given)
        assert capture.complete and not capture.missing and capture.count == 150
        source = capture.source()
        assert source.plugin.version == "0.1.0"
        assert source.span and (source.span.first_num, source.span.last_num) == (1, 150)
        assert capture.manifest.host.kernel == os.uname().release
    assert validate(path) == []


def test_plain_arrow_reads_the_segments(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    table = pa.ipc.open_stream(path / "k8s_audit" / "events-00000.arrow").read_all()
    assert table.num_rows == 50
    assert table.schema.equals(PLUGIN_EVENTS)


def test_only_the_owner_may_look(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        path = tmp_path / "a.fcap"
        with CaptureWriter(path, ["k8s_audit"]) as writer:
            writer.write("k8s_audit", batch(1, 1))
            writer.drop("k8s_audit", 1, "queue full")
    finally:
        os.umask(old)
    assert mode(path) == mode(path / "k8s_audit") == 0o700
    files = [p for p in path.rglob("*") if p.is_file()]
    assert len(files) == 3
    assert {mode(p) for p in files} == {0o600}


def test_an_existing_capture_is_kept_unless_told(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    with pytest.raises(CaptureError, match="exists already"):
        CaptureWriter(path, ["k8s_audit"])
    assert len(nums(path)) == 50
    with CaptureWriter(path, ["other"], overwrite=True) as writer:
        writer.write("other", batch(1, 1))
    assert nums(path) == [1]


def test_overwriting_never_removes_what_is_no_capture(tmp_path: Path) -> None:
    keep = tmp_path / "home" / "precious"
    keep.parent.mkdir()
    keep.write_text("x")
    with pytest.raises(CaptureError, match="not a capture"):
        CaptureWriter(tmp_path / "home", ["k8s_audit"], overwrite=True)
    assert keep.read_text() == "x"
    (tmp_path / "link").symlink_to(keep.parent)
    with pytest.raises(CaptureError, match="link"):
        CaptureWriter(tmp_path / "link", ["k8s_audit"], overwrite=True)


def test_a_running_recording_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["k8s_audit"]) as writer:
        writer.write("k8s_audit", batch(1, 3))
        writer.flush()
        with pytest.raises(CaptureError, match="being recorded"):
            CaptureWriter(path, ["k8s_audit"], overwrite=True)
        with open_capture(path) as capture:
            assert capture.recording and not capture.complete and not capture.missing
            assert capture.count == 3
    with open_capture(path) as capture:
        assert not capture.recording and capture.complete


def test_segments_rotate_and_keep_order(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap", batches=30, segment_bytes=3000)
    files = sorted((path / "k8s_audit").iterdir())
    assert len(files) > 3
    assert nums(path) == list(range(1, 301))
    assert validate(path) == []


def test_large_batches_are_split_and_small_ones_joined(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    policy = FlushPolicy(events=1000, bytes=1000, seconds=1e9)
    with CaptureWriter(path, ["k8s_audit"], policy=policy) as writer:
        writer.write("k8s_audit", batch(1, 10, payload=b"x" * 300))
        writer.write("k8s_audit", batch(11, 2, payload=b"y"))
        writer.write("k8s_audit", batch(13, 2, payload=b"z" * 5000))
    with open_capture(path) as capture:
        rows = [part.num_rows for part in capture.batches()]
    assert sum(rows) == 14
    assert rows == [3, 3, 3, 3, 1, 1]


def test_time_flushes_a_quiet_source(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(seconds=0)) as writer:
        writer.write("k8s_audit", batch(1, 1))
        writer.write("k8s_audit", batch(2, 0))
        assert nums(path) == [1]


def test_refusals_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="at least one source"):
        CaptureWriter(tmp_path / "b.fcap", [])
    with pytest.raises(CaptureError, match="No such file"):
        CaptureWriter(tmp_path / "none" / "b.fcap", ["x"])
    writer = CaptureWriter(tmp_path / "a.fcap", ["k8s_audit"])
    with pytest.raises(CaptureError, match="not a source of this capture"):
        writer.write("other", batch(1, 1))
    with pytest.raises(CaptureError, match="another schema"):
        writer.write("k8s_audit", pa.record_batch({"num": [1]}))
    writer.write("k8s_audit", batch(5, 1))
    with pytest.raises(CaptureError, match="ascend"):
        writer.write("k8s_audit", batch(5, 1))
    writer.close()
    with pytest.raises(CaptureError, match="has ended"):
        writer.write("k8s_audit", batch(6, 1))


def test_drops_leave_marked_gaps(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["k8s_audit"]) as writer:
        writer.write("k8s_audit", batch(1, 3))
        writer.drop("k8s_audit", 2, "queue full")
        writer.drop("k8s_audit", 5, "queue full")
        writer.write("k8s_audit", batch(4, 3))
        writer.drop("k8s_audit", 1, "not JSON")
    with open_capture(path) as capture:
        assert capture.manifest.drops == 8
        gaps = [(gap.after_num, gap.count, gap.reason) for gap in capture.gaps()]
    assert gaps == [(3, 7, "queue full"), (6, 1, "not JSON")]
    assert validate(path) == []


def test_an_oversized_event_is_counted_as_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("capture.recording.MAX_EVENT_BYTES", 1000)
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(bytes=500)) as writer:
        writer.write("k8s_audit", batch(1, 2, payload=b"x" * 900))
        writer.write("k8s_audit", batch(3, 1, payload=b"x" * 1001))
        writer.write("k8s_audit", batch(4, 1))
    assert nums(path) == [1, 2, 4]
    with open_capture(path) as capture:
        assert [(gap.after_num, gap.count) for gap in capture.gaps()] == [(2, 1)]


def test_leaving_by_an_error_is_recorded(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with pytest.raises(ValueError, match="boom"), CaptureWriter(path, ["k8s_audit"]) as writer:
        writer.write("k8s_audit", batch(1, 3))
        raise ValueError("boom")
    with open_capture(path) as capture:
        assert not capture.complete
        assert "boom" in capture.missing[0]
        assert capture.count == 3
    with pytest.raises(KeyboardInterrupt), CaptureWriter(path, ["x"], overwrite=True) as writer:
        raise KeyboardInterrupt
    with open_capture(path) as capture:
        assert capture.complete


RECORDER = """
    import os, sys, time
    from capture.writer import CaptureWriter, FlushPolicy
    from tests.capture.support import batch
    writer = CaptureWriter(sys.argv[1], ["k8s_audit"], policy=FlushPolicy(events=10))
    for index in range(10**9):
        writer.write("k8s_audit", batch(1 + index * 10, 10, payload=os.urandom(2000)))
        print((index + 1) * 10, flush=True)
"""


def test_kill_loses_at_most_the_batch_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    code = textwrap.dedent(RECORDER)
    recorder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True
    )
    assert recorder.stdout
    told = 0
    while told < 500:
        told = int(recorder.stdout.readline())
    recorder.send_signal(signal.SIGKILL)
    told = max([told, *(int(line) for line in recorder.stdout.read().split())])
    recorder.wait()
    with open_capture(path) as capture:
        assert not capture.complete and not capture.recording
        assert "cut short" in capture.missing[0]
        assert capture.count >= told
        held = [n for part in capture.batches() for n in part.column("num").to_pylist()]
    assert held == list(range(1, capture.count + 1))


def test_a_full_disk_ends_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.fcap"
    writer = CaptureWriter(path, ["k8s_audit"], policy=FlushPolicy(events=10, seconds=1e9))
    writer.write("k8s_audit", batch(1, 10))
    real = os.write

    def full(fd: int, data: bytes) -> int:
        # What a disk does: some of it fits, then nothing; small things still fit later, because
        # the reserve was given up.
        if len(data) > 300:
            return real(fd, bytes(data)[:100])
        if len(data) > 40 and not (path / "manifest.json.new").exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(CaptureError, match="disk is full") as caught:
        writer.write("k8s_audit", batch(11, 10))
    monkeypatch.undo()
    assert "10 events in hand were lost" in str(caught.value)
    writer.close()
    with open_capture(path) as capture:
        assert not capture.complete
        assert "disk is full" in capture.missing[0] and len(capture.missing) == 1
    assert nums(path) == list(range(1, 11))
    assert len(validate(path)) == 1


LIMITED = """
    import os, resource, sys
    from capture.errors import CaptureError
    from capture.writer import CaptureWriter, FlushPolicy
    from tests.capture.support import batch
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    writer = CaptureWriter(sys.argv[1], ["k8s_audit"], policy=FlushPolicy(events=10))
    try:
        for index in range(1000):
            payload = os.urandom(2000)
            writer.write("k8s_audit", batch(1 + index * 10, 10, payload=payload))
    except CaptureError as error:
        print(index * 10, error.message)
"""


def test_the_system_refusing_for_real(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    code = textwrap.dedent(LIMITED)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    told, _, message = done.stdout.partition(" ")
    assert "writing failed: File too large" in message
    assert nums(path) == list(range(1, int(told) + 1))
    with open_capture(path) as capture:
        assert len(capture.missing) == 1 and "File too large" in capture.missing[0]


def test_what_a_probe_was_told_and_lost_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    probe = ProbeInfo(
        syscalls=("close", "openat"),
        snaplen=80,
        pids=(7,),
        uids=(0,),
        command=("curl", "https://me:hunter2@example.org"),
    )
    with CaptureWriter(path, [SourceInfo("syscall", probe=probe)]) as writer:
        writer.begin_section(Section.of(0))
        writer.drop("syscall", 5, "kernel buffer full: open", 1_700_000_000_000_000_000)
        writer.drop("syscall", 2, "kernel buffer full: open", 1_700_000_000_500_000_000)
    with open_capture(path) as capture:
        found = capture.source().probe
        assert found == replace(probe, command=("curl", "https://***@example.org"))
        (gap,) = capture.gaps()
        assert (gap.count, gap.time) == (7, 1_700_000_000_000_000_000)
        assert gap.reason == "kernel buffer full: open"
    assert validate(path) == []
