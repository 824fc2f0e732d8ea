"""Event blocks of every kind, one by one."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from capture.events.plugins import plugin_events
from capture.events.schema import INITIAL_STATE, EventBatch, event_schema, widen
from capture.events.table import event_table
from capture.scap.reader import Limits

from . import blocks
from .blocks import Read, event, i64, section, u32

OPEN = (i64(3), b"/etc/passwd\0", u32(1), u32(0), u32(0x2D), struct.pack("<Q", 99))
OPENED = {"fd": 3, "name": b"/etc/passwd", "flags": 1, "mode": 0, "dev": 0x2D, "ino": 99}


@pytest.mark.parametrize(
    "kind",
    [
        blocks.EVENT,
        0x8010ABCD,
        blocks.EVENT_FLAGS,
        blocks.EVENT_V2,
        blocks.EVENT_FLAGS_V2,
        blocks.EVENT_V2_LARGE,
        blocks.EVENT_FLAGS_V2_LARGE,
    ],
)
def test_each_kind_of_block(tmp_path: Path, kind: int) -> None:
    made = event("SYSCALL_OPEN_X", *OPEN, kind=blocks.EVENT if kind > 0x300 else kind, flags=1)
    if kind > 0x300:
        made = struct.pack("<I", kind) + made[4:]
    read = Read(tmp_path, section() + made)
    assert read.events == [(1, "SYSCALL_OPEN_X", OPENED)]
    assert read.problems == []
    flagged = kind in (blocks.EVENT_FLAGS, blocks.EVENT_FLAGS_V2, blocks.EVENT_FLAGS_V2_LARGE)
    assert read.column("flags") == [1 if flagged else 0]
    assert read.column("cpu") == [3]
    assert read.column("tid") == [7]
    assert read.column("present") == [6]
    assert read.batches[0].batch.column("time").cast("int64").to_pylist() == [1_000]
    assert read.batches[0].judged().tolist() == [not flagged]


def test_old_blocks_find_the_number_of_parameters(tmp_path: Path) -> None:
    old = event("SYSCALL_OPEN_X", *OPEN[:4], kind=blocks.EVENT)
    read = Read(tmp_path, section() + old)
    assert read.events == [(1, "SYSCALL_OPEN_X", OPENED | {"dev": None, "ino": None})]


def test_old_notifications_state_three_bytes_too_many(tmp_path: Path) -> None:
    made = bytearray(event("NOTIFICATION_E", b"a\0", b"bc\0", kind=blocks.EVENT))
    at = 8 + 2 + 16
    made[at : at + 4] = u32(struct.unpack_from("<I", made, at)[0] + 3)
    read = Read(tmp_path, section() + bytes(made))
    assert read.events == [(1, "NOTIFICATION_E", {"id": b"a", "desc": b"bc"})]


def test_large_payloads(tmp_path: Path) -> None:
    payload = bytes(range(256)) * 1000
    made = event("PLUGINEVENT_E", u32(1), payload, kind=blocks.EVENT_V2_LARGE)
    made += event("ASYNCEVENT_E", u32(2), b"tick\0", b"{}\0", kind=blocks.EVENT_FLAGS_V2_LARGE)
    read = Read(tmp_path, section() + made)
    assert [values for _, _, values in read.events] == [
        {"plugin_id": 1, "event_data": payload},
        {"plugin_id": 2, "name": b"tick", "data": b"{}\0"},
    ]


def test_plugin_events_on_their_own(tmp_path: Path) -> None:
    made = event("SYSCALL_OPEN_X", *OPEN)
    made += event("PLUGINEVENT_E", u32(9), b"{}", kind=blocks.EVENT_V2_LARGE, time=5)
    made += event("PLUGINEVENT_E", b"", b"", kind=blocks.EVENT_V2_LARGE, time=6)
    batch = plugin_events(Read(tmp_path, section() + made).batches[0])
    batch.validate(full=True)
    assert batch.column("num").to_pylist() == [2, 3]
    assert batch.column("plugin_id").to_pylist() == [9, 0]
    assert batch.column("data").to_pylist() == [b"{}", b""]


def test_empty_absent_and_lone_nul(tmp_path: Path) -> None:
    made = event("SYSCALL_OPEN_X", i64(3), b"\0", b"", u32(0), u32(0), b"")
    made += event("PROCEXIT_1_E", i64(0))
    read = Read(tmp_path, section() + made)
    opened, ended = (values for _, _, values in read.events)
    assert opened["name"] == b""
    assert opened["flags"] is None
    assert opened["ino"] is None
    assert ended == {"status": 0, "ret": None, "sig": None, "core": None, "reaper_tid": None}
    assert read.column("present") == [6, 1]


def test_lists_and_dynamic_parameters(tmp_path: Path) -> None:
    files = struct.pack("<HqhqhH", 2, 5, 1, -1, 0x20, 0)[:22]
    made = event("SYSCALL_POLL_X", i64(1), files, i64(50))
    option = [i64(0), i64(3), b"\1", b"\7"]
    made += event("SOCKET_SETSOCKOPT_X", *option, b"\2" + u32(4_000_000_000), u32(4))
    made += event("SOCKET_SETSOCKOPT_X", *option, b"\1" + i64(-13), u32(4))
    made += event("SOCKET_SETSOCKOPT_X", *option, b"\0raw", u32(4))
    made += event("SOCKET_SETSOCKOPT_X", *option, b"", u32(4))
    key = [b"\1name\0", b"\0" + i64(-2), b"", b""]
    made += event("SYSCALL_KEYCTL_X", i64(0), u32(0), *key)
    read = Read(tmp_path, section() + made)
    values = [values for _, _, values in read.events]
    assert values[0]["fds"] == [{"fd": 5, "flags": 1}, {"fd": -1, "flags": 0x20}]
    assert [value["val"] for value in values[1:5]] == [
        {"kind": 2, "number": 4_000_000_000, "bytes": None},
        {"kind": 1, "number": -13, "bytes": None},
        {"kind": 0, "number": None, "bytes": b"raw"},
        None,
    ]
    assert values[5]["arg2"] == {"kind": 1, "number": None, "bytes": b"name"}
    assert values[5]["arg3"] == {"kind": 0, "number": -2, "bytes": None}


def test_wrong_widths_are_null_and_counted(tmp_path: Path) -> None:
    made = event("SYSCALL_CLOSE_X", b"\0\0\0\0", i64(3))
    made += event("SYSCALL_POLL_X", i64(1), b"\5\0", i64(50))
    read = Read(tmp_path, section() + made)
    assert [values for _, _, values in read.events] == [
        {"res": None, "fd": 3},
        {"res": 1, "fds": None, "timeout": 50},
    ]
    assert read.progress.malformed == 2


def test_newer_events_are_read_as_far_as_known(tmp_path: Path) -> None:
    made = event("SYSCALL_GETUID_X", u32(0), b"something new")
    made += event(5000, b"unheard of")
    made += event("SYSCALL_GETUID_X", u32(1))
    read = Read(tmp_path, section() + made)
    assert [number for number, _, _ in read.events] == [1, 2]
    assert read.progress.unknown == 1
    assert read.problems == []


def test_unknown_blocks_are_passed_over(tmp_path: Path) -> None:
    odd = blocks.block(0x7777, b"whatever")
    made = event("SYSCALL_OPEN_X", *OPEN)
    read = Read(tmp_path, section(options=b"comment!") + odd + made + odd + made)
    assert len(read.events) == 2
    assert read.problems == []


def test_batches_end_by_rows_and_by_bytes(tmp_path: Path) -> None:
    made = section() + event("SYSCALL_OPEN_X", *OPEN) * 10
    assert [b.num_rows for b in Read(tmp_path, made, Limits(rows=4)).batches] == [4, 4, 2]
    assert [b.num_rows for b in Read(tmp_path, made, Limits(bytes=100)).batches] == [3, 3, 3, 1]


def test_more_types_than_a_union_holds(tmp_path: Path) -> None:
    shown = [
        t for t in event_table().types if t.used and not t.old and not t.enter and t.parameters
    ]
    made = section()
    for known in shown:
        made += event(known.code, *[b""] * len(known.parameters))
    read = Read(tmp_path, made)
    assert len(shown) > 127
    assert [len(batch.codes) for batch in read.batches] == [127, len(shown) - 127]
    assert read.keys == [known.key for known in shown]


def test_a_batch_can_be_widened(tmp_path: Path) -> None:
    read = Read(tmp_path, section() + event("SYSCALL_OPEN_X", *OPEN))
    codes = (5, 3, 41)
    wide = widen(read.batches[0], codes)
    wide.batch.validate(full=True)
    assert wide.batch.schema == event_schema(codes)
    assert EventBatch.of(wide.batch).parameters(3).to_pylist() == [OPENED]


@pytest.mark.parametrize("packed", ["plain", "gzip", "members", "zstd"])
def test_packed_captures(tmp_path: Path, packed: str) -> None:
    made = section() + event("SYSCALL_OPEN_X", *OPEN) * 1000
    if packed == "gzip":
        made = gzip.compress(made)
    elif packed == "members":
        made = gzip.compress(made[:5000]) + gzip.compress(made[5000:]) + b"\0" * 100
    elif packed == "zstd":
        import pyarrow as pa

        made = pa.Codec("zstd").compress(made).to_pybytes()
    read = Read(tmp_path, made)
    assert len(read.events) == 1000
    assert read.problems == []
    assert read.progress.compression == ("gzip" if packed == "members" else packed).replace(
        "plain", "none"
    )


def test_sections_begin_anew_and_numbers_go_on(tmp_path: Path) -> None:
    group = blocks.block(0x206, b"\1" + u32(0) + blocks.text(b"root"))
    container = event("CONTAINER_JSON_2_E", b"{}\0", kind=blocks.EVENT_V2_LARGE)
    opened = event("SYSCALL_OPEN_X", *OPEN)
    one = section() + group + container + opened + container
    read = Read(tmp_path, one + one)
    assert [s.number for s in read.sections] == [0, 1]
    assert [s.groups.num_rows for s in read.sections] == [1, 1]
    assert [b.section for b in read.batches] == [0, 1]
    # What opens a later section repeats the number before it, as Falco counts.
    assert read.column("num") == [1, 2, 3, 3, 4, 5]
    flags = np.array(read.column("flags"))
    assert (flags == INITIAL_STATE).tolist() == [True, False, False] * 2
    assert [b.judged().tolist() for b in read.batches] == [[False, True, True]] * 2


def test_a_capture_without_events(tmp_path: Path) -> None:
    read = Read(tmp_path, section())
    assert len(read.sections) == 1
    assert read.batches == []
    assert read.problems == []
