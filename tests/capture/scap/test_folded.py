"""What conversion folds away of old captures is kept, and an export gives it back to the byte."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from capture.reader import open_capture
from capture.scap.exporter import Exported, export_scap
from capture.scap.importer import import_scap
from capture.scap.reader import Limits, ScapReader
from capture.validate import validate

from .blocks import EVENT, EVENT_FLAGS, EVENT_FLAGS_V2, code, event, i64, section, u32

OPENED = (i64(3), b"/etc/passwd\0", u32(1), u32(0))


def close(tid: int, time: int, *, kind: int = EVENT_FLAGS_V2) -> list[bytes]:
    """An enter event and its exit, at another time and CPU."""
    return [
        event("SYSCALL_CLOSE_E", i64(3), tid=tid, time=time, cpu=tid % 2, kind=kind, flags=1),
        event("SYSCALL_CLOSE_X", i64(0), tid=tid, time=time + 50, cpu=1, kind=kind, flags=2),
    ]


#: Calls that overlap, that do not return, that never began, in the forms of several versions.
OLD = [
    *close(7, 100)[1:],
    event("SYSCALL_OPEN_E", tid=7, time=110),
    event("SYSCALL_CLOSE_E", i64(4), tid=8, time=120),
    event("SYSCALL_OPEN_X", *OPENED, tid=7, time=130),
    event("GENERIC_E", tid=9, time=131),
    event("SYSCALL_CLOSE_X", i64(0), tid=8, time=140),
    event("SYSCALL_CLOSE_X", i64(0), i64(4), tid=8, time=150),
    event("SYSCALL_OPEN_X", *OPENED, u32(0), tid=7, time=160),
    event("SYSCALL_OPEN_X", i64(3), b"/no/end", u32(1), u32(0), tid=7, time=170),
    event("SYSCALL_CLONE_11_E", tid=7, time=180),
    event("SYSCALL_OPEN_X", i64(3)[:4], b"/wrong\0", u32(1), u32(0), tid=7, time=190),
    *close(12, 200),
    event("SYSCALL_POLL_E", struct.pack("<Hqh", 1, 5, 1), i64(9), tid=7, time=300),
]


def through(tmp_path: Path, data: bytes) -> tuple[bytes, Exported]:
    """The file after an import and an export."""
    (tmp_path / "a.scap").write_bytes(data)
    import_scap(tmp_path / "a.scap", tmp_path / "a.fcap")
    assert not [each for each in validate(tmp_path / "a.fcap") if "folded" in str(each)]
    with open_capture(tmp_path / "a.fcap") as capture:
        done = export_scap(capture, tmp_path / "b.scap", compress=False)
    return (tmp_path / "b.scap").read_bytes(), done


def test_every_block_comes_back_in_its_place(tmp_path: Path) -> None:
    data = section() + b"".join(OLD)
    again, done = through(tmp_path, data)
    assert again == data
    assert done.events + done.enters == len(OLD)


def test_sections_keep_what_is_under_way_at_their_end(tmp_path: Path) -> None:
    first, second = [*OLD, *close(5, 400)[:1]], [*close(5, 500), *close(6, 600)[:1]]
    data = section() + b"".join(first) + section() + b"".join(second)
    again, _ = through(tmp_path, data)
    assert again == data


@pytest.mark.parametrize("kind", [EVENT, EVENT_FLAGS])
def test_the_first_kinds_of_blocks(tmp_path: Path, kind: int) -> None:
    data = section() + b"".join(close(5, 500, kind=kind))
    again, _ = through(tmp_path, data)
    with ScapReader(tmp_path / "a.scap") as old, ScapReader(tmp_path / "b.scap") as new:
        assert [batch.batch for batch in old.batches()] == [batch.batch for batch in new.batches()]
    assert again.startswith(section() + close(5, 500, kind=kind)[0])


def test_what_never_had_enter_events_gets_none(tmp_path: Path) -> None:
    data = section() + event("SYSCALL_CLOSE_X", i64(0), i64(3))
    again, done = through(tmp_path, data)
    assert (again, done.enters) == (data, 0)
    assert not (tmp_path / "a.fcap/syscall/folded.arrow").exists()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert export_scap(capture, tmp_path / "c.scap", enters=True).enters == 1


def test_without_enter_events_they_stay_away(tmp_path: Path) -> None:
    through(tmp_path, section() + b"".join(OLD))
    with open_capture(tmp_path / "a.fcap") as capture:
        export_scap(capture, tmp_path / "c.scap", enters=False)
    with ScapReader(tmp_path / "c.scap") as reader:
        types = {number for batch in reader.batches() for number in batch.codes}
    assert code("SYSCALL_CLOSE_E") not in types


def test_a_capture_that_lost_them_says_so(tmp_path: Path) -> None:
    through(tmp_path, section() + b"".join(OLD))
    file = tmp_path / "a.fcap/syscall/folded.arrow"
    whole = file.read_bytes()
    for left in (whole[: len(whole) // 2], b"", b"\xff" * 100):
        file.write_bytes(left)
        assert any("folded.arrow" in str(finding) for finding in validate(tmp_path / "a.fcap"))
        with open_capture(tmp_path / "a.fcap") as capture:
            done = export_scap(capture, tmp_path / "c.scap")
        assert any("folded.arrow" in note for note in done.notes)
        (tmp_path / "c.scap").unlink()


def test_one_that_was_cut_short_gives_back_what_is_there(tmp_path: Path) -> None:
    data = section() + b"".join(OLD)
    through(tmp_path, data)
    file = tmp_path / "a.fcap/syscall/folded.arrow"
    file.write_bytes(file.read_bytes()[:-8])  # no end mark, as of an import that was killed
    (tmp_path / "a.fcap/manifest.json").unlink()
    with open_capture(tmp_path / "a.fcap") as capture:
        export_scap(capture, tmp_path / "c.scap", compress=False)
    assert (tmp_path / "c.scap").read_bytes() == data


def test_what_stood_before_events_that_are_lost_is_left_out(tmp_path: Path) -> None:
    """As of an import that was killed after it had written what was folded, and not the events."""
    through(tmp_path, section() + b"".join(OLD))
    (tmp_path / "a.fcap/syscall/events-00000.arrow").unlink()
    with open_capture(tmp_path / "a.fcap") as capture:
        done = export_scap(capture, tmp_path / "c.scap", compress=False)
    assert (done.events, done.enters) == (0, 0)
    assert (tmp_path / "c.scap").read_bytes() == section()


def test_a_long_run_of_them_is_given_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "a.scap").write_bytes(section() + b"".join(close(5, 1)[:1] * 10 + close(5, 2)))
    given: list[tuple[int, int]] = []
    with ScapReader(
        tmp_path / "a.scap",
        Limits(rows=4),
        folded=lambda batch, section: given.append((batch.num_rows, section)),
    ) as reader:
        assert sum(batch.num_rows for batch in reader.batches()) == 1
    assert sum(rows for rows, _ in given) == 12  # and the form of the exit
    assert max(rows for rows, _ in given) <= 5
