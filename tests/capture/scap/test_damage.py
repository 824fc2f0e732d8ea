"""Files that are cut short, damaged, or no capture at all."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import pyarrow as pa
import pytest

from capture.errors import CaptureError
from capture.scap.reader import Limits, ScapReader

from .blocks import EVENT, EVENT_V2_LARGE, Read, block, event, section, text, u32

UID = event("SYSCALL_GETUID_X", u32(5))
GOOD = section() + UID * 20


def refusal(tmp_path: Path, data: bytes) -> str:
    with pytest.raises(CaptureError) as raised:
        Read(tmp_path, data)
    assert raised.value.place is not None
    return raised.value.message


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"abc", "too short"),
        (b"hello, this is no capture", "does not begin"),
        (UID, "does not begin"),
        (section()[:20], "cut short"),
        (section(magic=0x4D3C2B1A), "big-endian"),
        (section(magic=1), "not that of a .scap"),
        (section(major=2), "version 2.2"),
        (gzip.compress(b"not a capture", mtime=0), "does not begin"),
        (gzip.compress(GOOD, mtime=0)[:12], "gzip data ends too early"),
        (b"\x1f\x8b garbage all the way", "gzip data is damaged"),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "zstd data is damaged"),
    ],
)
def test_what_is_no_capture(tmp_path: Path, data: bytes, words: str) -> None:
    assert words in refusal(tmp_path, data)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="cannot be opened"):
        ScapReader(tmp_path / "absent.scap")
    with pytest.raises(CaptureError, match="folder"):
        ScapReader(tmp_path)


def test_cut_at_every_byte(tmp_path: Path) -> None:
    data = section() + block(0x206, b"\1" + u32(4) + text(b"adm")) + UID * 4
    start = len(data) - 4 * len(UID)
    for cut in range(len(section()), len(data)):
        read = Read(tmp_path, data[:cut])
        whole = max(0, cut - start) // len(UID)
        assert len(read.events) == whole
        complete = cut == len(section()) or (cut >= start and (cut - start) % len(UID) == 0)
        assert read.progress.damaged is not complete
        assert [p.text[:27] for p in read.problems] == (
            [] if complete else ["the capture is cut short: a"[:27]]
        ) or "cut short" in read.problems[0].text
        if not complete:
            assert read.problems[-1].events == whole


@pytest.mark.parametrize("pack", ["gzip", "zstd"])
def test_packed_data_cut_and_damaged(tmp_path: Path, pack: str) -> None:
    import random

    data = section() + b"".join(
        event("SYSCALL_OPEN_X", b"\0" * 8, random.Random(i).randbytes(30) + b"\0", u32(0), u32(0))
        for i in range(20_000)
    )
    packed = (
        gzip.compress(data, mtime=0)
        if pack == "gzip"
        else pa.Codec("zstd").compress(data).to_pybytes()
    )
    cut = Read(tmp_path, packed[: len(packed) // 2])
    assert 0 < len(cut.events) < 20_000
    assert cut.progress.damaged
    assert "too early" in cut.problems[-1].text
    spoiled = bytearray(packed)
    for at in range(len(packed) // 2, len(packed) // 2 + 40):
        spoiled[at] ^= 0xFF
    try:
        bad = Read(tmp_path, bytes(spoiled))
    except CaptureError as error:
        assert pack == "zstd" and "damaged" in error.message
    else:
        # A zstd frame need not carry a checksum: then only the events themselves are spoiled.
        assert bad.problems or pack == "zstd"


def test_blocks_that_lie_about_their_length(tmp_path: Path) -> None:
    for stated in (0, 4, 11):
        bad = UID[:4] + u32(stated) + UID[8:]
        read = Read(tmp_path, section() + UID * 3 + bad + UID)
        assert len(read.events) == 3
        assert "less than any block" in read.problems[-1].text
        assert read.progress.damaged
    for stated in (1 << 20, 2**31, 2**32 - 1):
        bad = UID[:4] + u32(stated) + UID[8:]
        read = Read(tmp_path, section() + UID * 3 + bad + UID)
        assert len(read.events) == 3
        assert read.progress.damaged
        read = Read(tmp_path, section() + UID * 3 + struct.pack("<II", 0x9999, stated) + UID * 3)
        assert len(read.events) == 3
        assert read.progress.damaged


def test_a_wrong_length_at_the_end_of_a_block(tmp_path: Path) -> None:
    bad = UID[:-4] + u32(17)
    read = Read(tmp_path, section() + UID + bad + UID)
    assert len(read.events) == 3
    assert "at its head" in read.problems[0].text
    assert not read.progress.damaged
    longer = UID[:4] + u32(len(UID) + 5) + UID[8:]
    read = Read(tmp_path, section() + UID + longer + UID)
    assert read.progress.damaged
    assert len(read.events) == 2


def test_events_that_do_not_fit_their_block(tmp_path: Path) -> None:
    def patched(at: int, value: bytes, kind: int = 0x216) -> bytes:
        made = bytearray(event("SYSCALL_GETUID_X", u32(5), kind=kind))
        made[10 + at : 10 + at + len(value)] = value
        return bytes(made)

    bad = [
        patched(16, u32(0)), patched(16, u32(25)), patched(16, u32(2**32 - 1)),
        patched(22, u32(3)), patched(22, u32(2**32 - 1)), patched(22, u32(2**31)),
        patched(26, b"\xff\xff"), patched(26, b"\5\0"),
        patched(16, u32(0), EVENT), patched(16, u32(2**32 - 1), EVENT),
        patched(22, b"\xff\xff", EVENT), patched(22, b"\1\0", EVENT),
        block(0x216, b""), block(EVENT, b"x" * 23), block(0x222, b"x" * 27),
    ]  # fmt: skip
    read = Read(tmp_path, section() + b"".join(UID + one for one in bad) + UID)
    assert len(read.events) == len(bad) + 1
    assert len(read.problems) == len(bad)
    assert [p.events for p in read.problems] == list(range(1, len(bad) + 1))
    assert not read.progress.damaged


def test_an_event_larger_than_is_read(tmp_path: Path) -> None:
    large = event("PLUGINEVENT_E", u32(1), b"x" * 5000, kind=EVENT_V2_LARGE)
    read = Read(tmp_path, section() + UID + large + UID, Limits(event=4096))
    assert len(read.events) == 2
    assert "larger than the 4096" in read.problems[0].text


def test_a_damaged_second_section_keeps_the_first(tmp_path: Path) -> None:
    for bad in (section(magic=1), section(major=9), section()[:12]):
        read = Read(tmp_path, GOOD + bad)
        assert len(read.events) == 20
        assert read.progress.damaged
        assert read.problems


def test_notes_say_all_there_is_to_say(tmp_path: Path) -> None:
    path = tmp_path / "made.scap"
    odd = event(5000, b"unheard of") + event("SYSCALL_CLOSE_X", b"\0", b"\0")
    path.write_bytes(section() + odd + block(0x216, b"") * 1001 + UID[:-8])
    with ScapReader(path) as capture:
        list(capture)
        notes = capture.notes()
    assert len(notes) == 1003
    assert notes[0].startswith("at byte ")
    assert [note.split()[0] for note in notes[-3:]] == ["and", "1", "2"]
    with pytest.raises(ValueError, match="2 GiB"):
        ScapReader(path, Limits(bytes=1 << 31))


def test_problems_are_kept_within_bounds(tmp_path: Path) -> None:
    bad = block(0x216, b"")
    read = Read(tmp_path, section() + bad * 3000 + UID)
    assert len(read.problems) == 1000
    assert read.progress.problems == 3000
    assert len(read.events) == 1
