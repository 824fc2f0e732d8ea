"""System calls in the store: written, read back, cut short, damaged, crafted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.events.schema import MAX_TYPES, EventBatch
from capture.events.section import Section
from capture.events.shapes import build
from capture.events.table import event_table
from capture.reader import open_capture
from capture.state_tables import SECTIONS_FILE
from capture.validate import validate
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.calls import CLOSE, OPEN, POLL, START, calls, plain, section
from tests.capture.support import batch

SEGMENT = Path("syscall") / "events-00000.arrow"
FILES = {"fds": [{"tid": 7, "fd": 3, "ino": 9, "type": 1, "name": b"/etc/passwd"}]}


def written(path: Path, items: list[Section | EventBatch], **policy: int) -> Path:
    with CaptureWriter(path, ["syscall"], policy=FlushPolicy(**policy)) as writer:
        for item in items:
            if isinstance(item, Section):
                writer.begin_section(item)
            else:
                writer.write_events(item)
    return path


def read(path: Path) -> list[Section | EventBatch]:
    with open_capture(path) as capture:
        return list(capture.system_calls())


def texts(path: Path) -> str:
    return "\n".join(str(finding) for finding in validate(path))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    given = [
        section(0, **FILES),
        calls(1, [OPEN, CLOSE, CLOSE]),
        calls(4, [POLL, OPEN]),
        section(1, (3,)),
        calls(6, [CLOSE], 1),
    ]
    path = written(tmp_path / "a.fcap", given)
    assert plain(read(path)) == plain(given)
    with open_capture(path) as capture:
        assert capture.complete and capture.count == 6
        assert capture.syscall_counts() == {"close": 3, "open": 2, "poll": 1}
        assert capture.state_count("threads") == 3
        assert capture.state_count("sections") == 2
    assert validate(path) == []
    # Batches of a section are joined: one frame each, of one schema.
    assert [item.num_rows for item in read(path) if isinstance(item, EventBatch)] == [5, 1]


def test_plain_arrow_reads_the_segments(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fcap", [section(), calls(1, [OPEN, CLOSE])])
    table = pa.ipc.open_stream(path / SEGMENT).read_all()
    assert table["event"].to_pylist()[1] == {"res": 0, "fd": 3}
    threads = pa.ipc.open_stream(path / "syscall" / "threads.arrow").read_all()
    assert threads["section"].to_pylist() == [0, 0] and threads["tid"].to_pylist() == [1, 7]


def test_a_new_type_begins_a_segment(tmp_path: Path) -> None:
    given = [section(), calls(1, [OPEN]), calls(2, [CLOSE]), calls(3, [OPEN])]
    path = written(tmp_path / "a.fcap", given, events=1)
    assert plain(read(path)) == plain(given)
    with open_capture(path) as capture:
        assert [part.events for part in capture.source().segments] == [1, 2]


def test_more_types_than_a_batch_can_have(tmp_path: Path) -> None:
    keys = [event.key for event in event_table().types if event.used and event.kind == "syscall"]
    assert len(keys) > 2 * MAX_TYPES
    given: list[Section | EventBatch] = [section()]
    given += [calls(1 + place, [(key, {})]) for place, key in enumerate(keys)]
    path = written(tmp_path / "a.fcap", given)
    assert plain(read(path)) == plain(given)
    assert validate(path) == []
    with open_capture(path) as capture:
        assert len(capture.source().segments) == -(-len(keys) // MAX_TYPES)


def test_large_batches_are_split(tmp_path: Path) -> None:
    name = b"/" + b"x" * 1000
    events = [("SYSCALL_OPEN_X", {"fd": n, "name": name, "flags": 0}) for n in range(100)]
    given = [section(), calls(1, events)]
    path = written(tmp_path / "a.fcap", given, bytes=20_000)
    assert plain(read(path)) == plain(given)
    assert all(item.batch.nbytes <= 20_000 for item in read(path) if isinstance(item, EventBatch))


def test_drops_and_other_sources_beside(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    with CaptureWriter(path, ["syscall"]) as writer:
        writer.begin_section(section())
        writer.write_events(calls(1, [OPEN]))
        writer.drop("syscall", 5, "the ring buffer was full")
        writer.add_source("k8s_audit")
        writer.write("k8s_audit", batch(2, 1))
        writer.write_events(calls(3, [CLOSE]))
        with pytest.raises(CaptureError, match="cannot be added"):
            writer.add_source("k8s_audit")
    with open_capture(path) as capture:
        assert [(gap.after_num, gap.count) for gap in capture.gaps("syscall")] == [(1, 5)]
        assert capture.manifest.source("syscall").drops == 5
        assert next(capture.batches("k8s_audit")).column("num").to_pylist() == [2]
        with pytest.raises(CaptureError, match="no plugin's"):
            capture.batches("syscall")
    assert validate(path) == []


def test_what_the_writer_refuses(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.fcap", ["syscall", "k8s_audit"]) as writer:
        with pytest.raises(CaptureError, match="section 0 in section -1"):
            writer.write_events(calls(1, [OPEN]))
        writer.begin_section(section(2))
        with pytest.raises(CaptureError, match="section 2 after section 2"):
            writer.begin_section(section(2))
        writer.write_events(calls(5, [OPEN], 2))
        with pytest.raises(CaptureError, match="do not ascend after 5"):
            writer.write_events(calls(4, [OPEN], 2))
        with pytest.raises(CaptureError, match="takes system calls"):
            writer.write("syscall", batch(9, 1))
        # The state that opens a section repeats the number before it.
        writer.write_events(calls(5, [OPEN], 2))


def test_batches_after_a_time_are_left_out(tmp_path: Path) -> None:
    given = [section(), calls(1, [OPEN]), calls(2, [OPEN]), calls(3, [OPEN])]
    path = written(tmp_path / "a.fcap", given, events=1)
    with open_capture(path) as capture:
        items = list(capture.system_calls(stop_time=START + 3000))
    assert plain(items) == plain(given[:3])


def test_a_killed_recorder_loses_no_more_than_the_batch_in_flight(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    code = """
        import sys, time
        from pathlib import Path
        from capture.writer import CaptureWriter, FlushPolicy
        from tests.capture.calls import CLOSE, OPEN, calls, section
        writer = CaptureWriter(Path(sys.argv[1]), ["syscall"], policy=FlushPolicy(events=10))
        writer.begin_section(section())
        for start in range(1, 96, 5):
            writer.write_events(calls(start, [OPEN, CLOSE, OPEN, CLOSE, CLOSE]))
        print("written", flush=True)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout and process.stdout.readline() == b"written\n"
        os.kill(process.pid, signal.SIGKILL)
    with open_capture(path) as capture:
        assert capture.count == 90 and not capture.complete
        assert "no end mark" in capture.missing[0]
        items = list(capture.system_calls())
        assert len(capture.missing) == 1
    assert isinstance(items[0], Section) and items[0].threads.num_rows == 2
    assert plain(items)[-1][1] == 90


@pytest.mark.parametrize("cut", [1, 7, 100, 1000])
def test_a_cut_segment_is_read_up_to_the_cut(tmp_path: Path, cut: int) -> None:
    given = [section(), *(calls(n, [OPEN, CLOSE]) for n in range(1, 21, 2))]
    path = written(tmp_path / "a.fcap", given, events=1)
    whole = (path / SEGMENT).read_bytes()
    (path / SEGMENT).write_bytes(whole[:-cut])
    items = read(path)
    assert plain(items) == plain(given)[: len(plain(items))]
    with open_capture(path) as capture:
        assert capture.missing and not capture.complete


def test_lost_state_is_told_and_events_are_read(tmp_path: Path) -> None:
    given = [section(0, **FILES), calls(1, [OPEN]), section(1), calls(2, [CLOSE], 1)]
    path = written(tmp_path / "a.fcap", given)
    (path / "syscall" / "fds.arrow").write_bytes(b"\xff\xff\xff\xff nonsense")
    with open_capture(path) as capture:
        items = list(capture.system_calls())
        assert any("fds.arrow" in text for text in capture.missing)
    assert isinstance(items[0], Section) and items[0].fds.num_rows == 0
    assert items[0].threads.num_rows == 2
    (path / "syscall" / SECTIONS_FILE).unlink()
    with open_capture(path) as capture:
        items = list(capture.system_calls())
        assert any("is missing" in text for text in capture.missing)
    assert [item.number for item in items if isinstance(item, Section)] == [0, 1]
    assert [item.num_rows for item in items if isinstance(item, EventBatch)] == [1, 1]
    assert "missing" in texts(path)


def test_without_a_manifest(tmp_path: Path) -> None:
    given = [section(), calls(1, [OPEN, CLOSE])]
    path = written(tmp_path / "a.fcap", given)
    (path / "manifest.json").unlink()
    assert plain(read(path)) == plain(given)


def test_notes_and_where_it_comes_from_are_kept(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.fcap", ["syscall"]) as writer:
        writer.begin_section(section())
        writer.note("3 events are odd")
        writer.note("x" * 100_000)
    with open_capture(tmp_path / "a.fcap") as capture:
        assert capture.manifest.notes[0] == "3 events are odd"
        assert len(capture.manifest.notes[1]) == 1000
        assert capture.missing[:1] == ["3 events are odd"]


def rewritten(path: Path, made: EventBatch) -> str:
    """What is found once the segment holds this batch, which reading then leaves out."""
    schema = made.batch.schema
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(path / SEGMENT, schema, options=options) as stream:
        stream.write_batch(made.batch)
    assert [item for item in read(path) if isinstance(item, EventBatch)] == []
    return texts(path)


def test_crafted_batches_are_refused(tmp_path: Path) -> None:
    good = calls(1, [OPEN, CLOSE, CLOSE])
    path = written(tmp_path / "a.fcap", [section(), good])
    head, children = good.batch.columns[:-1], good.children

    def made(**changes: pa.Array) -> EventBatch:
        columns = [
            changes.get(name, column)
            for name, column in zip(good.batch.schema.names, head, strict=False)
        ]
        return build(columns, good.codes, good.type_ids, good.offsets, children, 0)

    assert "is not that of its parameters" in rewritten(
        path, made(type=pa.array([5, 5, 5], pa.uint16()))
    )
    assert "more parameters" in rewritten(path, made(present=pa.array([200, 1, 1], pa.uint8())))
    assert "ascend" in rewritten(path, made(num=pa.array([3, 2, 1], pa.uint64())))
    places = np.array([0, 1, 0], np.int32)
    swapped = build(list(head), good.codes, good.type_ids[::-1].copy(), places, children, 0)
    assert "error" in rewritten(path, swapped)
    null = pa.array([None, {"res": 0, "fd": 3}], children[0].type)
    holed = build(list(head), good.codes, good.type_ids, good.offsets, [null, children[1]], 0)
    assert "nulls" in rewritten(path, holed)


def test_unused_parameters_are_no_hiding_place(tmp_path: Path) -> None:
    good = calls(1, [OPEN, CLOSE])
    path = written(tmp_path / "a.fcap", [section(), good])
    child = good.children[0]
    more = [pa.concat_arrays([child, child]), good.children[1]]
    wide = build(good.batch.columns[:-1], good.codes, good.type_ids, good.offsets, more, 0)
    assert "its parts are not its rows" in rewritten(path, wide)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fcap", [section(), calls(1, [CLOSE])])
    bomb = calls(1, [("SYSCALL_OPEN_X", {"fd": 1, "name": b"\0" * (150 << 20), "flags": 0})])
    assert "is refused" in rewritten(path, bomb)


@pytest.mark.parametrize(
    "rows",
    [
        [{"tid": 1, "fd": 1, "ino": 1, "type": 3, "source_ip": b"123"}],
        [{"tid": 1, "fd": 1, "ino": 1, "type": 6, "source_ip": b"1234", "source_port": 1}],
        [{"tid": 1, "fd": 1, "ino": None, "type": 1}],
        [{"tid": 1, "fd": 1, "ino": 1, "type": None}],
    ],
)
def test_crafted_files_of_a_process_are_refused(
    tmp_path: Path, rows: list[dict[str, object]]
) -> None:
    path = written(tmp_path / "a.fcap", [section(0, fds=rows), calls(1, [CLOSE])])
    items = read(path)
    assert isinstance(items[0], Section) and items[0].fds.num_rows == 0
    assert "fds.arrow" in texts(path)


FUZZ = """
    import random, resource, sys
    from pathlib import Path
    from capture.errors import CaptureError
    from capture.reader import open_capture
    from capture.validate import validate
    from engine.state.machine import StateEngine
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    path, target, seed = Path(sys.argv[1]), Path(sys.argv[1]) / sys.argv[2], int(sys.argv[3])
    rng = random.Random(seed)
    whole = target.read_bytes()
    engine, seen = StateEngine(), 0
    for _ in range(100):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            kind, at = rng.random(), rng.randrange(len(data))
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
            data = data or bytearray(b"x")
        target.write_bytes(data)
        try:
            validate(path)
            with open_capture(path) as capture:
                capture.syscall_counts(), capture.state_count("threads")
                for item in capture.system_calls():
                    if hasattr(item, "batch"):
                        engine.feed(item)
                        [item.parameters(code).to_pylist() for code in item.codes]
                        seen += item.num_rows
                    else:
                        engine.begin(item)
                        item.threads.to_pylist(), item.fds.to_pylist()
        except CaptureError:
            pass
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
    print("survived", peak, seen)
"""


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("file", ["events-00000.arrow", "fds.arrow", "sections.arrow"])
def test_flipped_bytes_never_crash(tmp_path: Path, file: str, seed: int) -> None:
    socket = {
        "tid": 7, "fd": 4, "ino": 1, "type": 3, "source_ip": b"1234", "dest_ip": b"5678",
        "source_port": 1, "dest_port": 2, "l4proto": 1,
    }  # fmt: skip
    path = tmp_path / "a.fcap"
    # Seed 2 leaves buffers as they are, so that flips reach the values themselves.
    with CaptureWriter(
        path,
        ["syscall"],
        policy=FlushPolicy(events=6),
        compression="zstd" if seed < 2 else "uncompressed",
    ) as writer:
        writer.begin_section(section(0, fds=[*FILES["fds"], socket]))
        for start in range(1, 40, 3):
            writer.write_events(calls(start, [OPEN, POLL, CLOSE]))
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FUZZ), str(path), f"syscall/{file}", str(seed)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.returncode}\n{done.stderr[-2000:]}"
    word, memory, seen = done.stdout.split()
    assert word == "survived" and int(memory) < 600_000
    assert int(seen) > 100
