"""Export to a .scap: sources by number, enter events for old readers, refusals."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.reader import open_capture
from capture.scap.exporter import export_scap
from capture.scap.importer import import_scap
from capture.scap.reader import ScapReader
from capture.writer import CaptureWriter, FlushPolicy
from tests.capture.calls import CLOSE, OPEN, POLL, Call, calls, plain, section
from tests.capture.support import batch

from .blocks import code


def written(path: Path) -> list[tuple[int, list[int]]]:
    """The codes of the event blocks as they stand in the file, and the sizes of parameters."""
    data, at, found = gzip.decompress(path.read_bytes()), 0, []
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        if kind in (0x216, 0x217, 0x221, 0x222):
            lead = 14 if kind in (0x217, 0x222) else 10
            type_, count = struct.unpack_from("<HI", data, at + lead + 20)
            width = "I" if kind in (0x221, 0x222) else "H"
            found.append((type_, [*struct.unpack_from(f"<{count}{width}", data, at + lead + 26)]))
        at += size
    return found


def types(path: Path) -> list[int]:
    return [type_ for type_, _ in written(path)]


def test_sources_come_back_by_number(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.fcap", ["syscall", "a", "b"]) as writer:
        writer.begin_section(section())
        writer.write_events(calls(1, [OPEN, CLOSE]))
        writer.write("b", batch(4, 3, step=2, payload=b"b"))
        writer.write("a", batch(3, 3, step=2, payload=b"a"))
        writer.write_events(calls(9, [POLL]))
        writer.write("a", batch(10, 1))
        writer.drop("a", 2, "too fast")
    with open_capture(tmp_path / "a.fcap") as capture:
        done = export_scap(capture, tmp_path / "a.scap")
    assert (done.events, done.enters) == (10, 2)
    assert "2 events were dropped" in done.notes[0]
    with ScapReader(tmp_path / "a.scap") as reader:
        rows = plain(list(reader))[1:]
    assert [row[1] for row in rows] == list(range(1, 11))
    payloads = [row[-1].get("event_data", b"")[:1] for row in rows]
    assert payloads == [b"", b"", b"a", b"b", b"a", b"b", b"a", b"b", b"", b"{"]


def test_a_plugin_alone_gets_a_section(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.fcap", ["k8s_audit"], policy=FlushPolicy(events=1)) as writer:
        for first in (1, 4, 7):
            writer.write("k8s_audit", batch(first, 3))
    with open_capture(tmp_path / "a.fcap") as capture:
        given = [row for part in capture.batches() for row in part.column("data").to_pylist()]
        export_scap(capture, tmp_path / "a.scap")
    import_scap(tmp_path / "a.scap", tmp_path / "b.fcap")
    with open_capture(tmp_path / "b.fcap") as capture:
        assert capture.sources == ("k8s_audit",)
        again = [row for part in capture.batches() for row in part.column("data").to_pylist()]
    assert again == given


def exported(tmp_path: Path, events: list[Call], enters: bool | None = None) -> list[int]:
    with CaptureWriter(tmp_path / "a.fcap", ["syscall"]) as writer:
        writer.begin_section(section())
        writer.write_events(calls(1, events))
    with open_capture(tmp_path / "a.fcap") as capture:
        before = plain(list(capture.system_calls()))
        export_scap(capture, tmp_path / "a.scap", enters=enters)
    with ScapReader(tmp_path / "a.scap") as reader:
        assert plain(list(reader))[1:] == before[1:]
        assert reader.problems == []
    return types(tmp_path / "a.scap")


def test_enter_events_stand_before_their_exits(tmp_path: Path) -> None:
    close, poll = code("SYSCALL_CLOSE_X"), code("SYSCALL_POLL_X")
    found = exported(tmp_path, [CLOSE, POLL, CLOSE])
    assert found == [close - 1, close, poll - 1, poll, close - 1, close]


def test_what_is_not_known_of_an_enter_event_has_its_width(tmp_path: Path) -> None:
    dup = ("SYSCALL_DUP_1_X", {"res": 5, "oldfd": 4})
    sendfile = ("SYSCALL_SENDFILE_X", {"res": 5, "offset": 9, "out_fd": 3, "in_fd": 4, "size": 7})
    polled = ("SYSCALL_POLL_X", {**POLL[1], "timeout": 9})
    exported(tmp_path, [polled, dup, sendfile])
    enters = written(tmp_path / "a.scap")[::2]
    # A list of no files is their number, 0; a reader of old takes an empty one's from what follows.
    assert [sizes for _, sizes in enters] == [[2, 8], [8], [8, 8, 8, 8]]


def test_an_exit_without_an_enter_event_gets_none(tmp_path: Path) -> None:
    generic = code("GENERIC_X")
    whole = ("GENERIC_X", {"ID": 7, "nativeID": 70})
    assert exported(tmp_path, [whole, ("GENERIC_X", {"ID": 7}), CLOSE], enters=True)[:3] == [
        generic - 1, generic, generic,
    ]  # fmt: skip


def test_without_enter_events(tmp_path: Path) -> None:
    assert exported(tmp_path, [CLOSE, OPEN], enters=False) == [
        code("SYSCALL_CLOSE_X"), code("SYSCALL_OPEN_X"),
    ]  # fmt: skip


def test_a_new_process_has_entered_no_clone(tmp_path: Path) -> None:
    clone = code("SYSCALL_CLONE_20_X")
    found = exported(
        tmp_path,
        [
            ("SYSCALL_CLONE_20_X", {"res": 9, "tid": 7}),
            ("SYSCALL_CLONE_20_X", {"res": 0, "tid": 9}),
        ],
    )
    assert found == [clone - 1, clone, clone]


def test_an_enter_event_that_is_kept_gives_no_parameter_twice(tmp_path: Path) -> None:
    enter, leave = code("SOCKET_CONNECT_E"), code("SOCKET_CONNECT_X")
    address = b"\2\0\0\0\0\0\1"
    found = exported(
        tmp_path,
        [
            ("SOCKET_CONNECT_E", {"fd": 3, "addr": address}),
            ("SOCKET_CONNECT_X", {"res": 0, "fd": 3}),
        ],
    )
    assert found == [enter, leave]


def test_what_is_there_is_kept_and_a_stop_leaves_nothing(tmp_path: Path) -> None:
    with CaptureWriter(tmp_path / "a.fcap", ["syscall"]) as writer:
        writer.begin_section(section())
        writer.write_events(calls(1, [CLOSE]))

    def stop(_events: int) -> None:
        raise KeyboardInterrupt

    with open_capture(tmp_path / "a.fcap") as capture:
        (tmp_path / "a.scap").write_bytes(b"precious")
        with pytest.raises(CaptureError, match="exists already"):
            export_scap(capture, tmp_path / "a.scap")
        assert (tmp_path / "a.scap").read_bytes() == b"precious"
        with pytest.raises(KeyboardInterrupt):
            export_scap(capture, tmp_path / "b.scap", progress=stop)
        assert not (tmp_path / "b.scap").exists()
