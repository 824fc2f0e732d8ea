"""Old events in today's form."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from capture.events.schema import UNJUDGED
from capture.events.table import event_table, rows
from capture.scap import tables
from capture.scap.reader import Limits

from .blocks import EVENT_V2_LARGE, Read, event, i64, section, u32

CONVERSIONS = list(rows(Path(tables.__file__).with_name("conversions.tsv")))
READ_E = (i64(3), u32(100))
READ_X = (i64(2), b"hi")


def read(tmp_path: Path, *events: bytes, limits: Limits | None = None) -> Read:
    return Read(tmp_path, section() + b"".join(events), limits)


def test_an_exit_takes_the_parameters_of_its_enter(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        event("SYSCALL_READ_E", *READ_E, tid=1),
        event("SYSCALL_READ_E", i64(9), u32(7), tid=2),
        event("SYSCALL_READ_X", *READ_X, tid=1),
        event("SYSCALL_READ_X", *READ_X, tid=2),
    )
    one = {"res": 2, "data": b"hi", "fd": 3, "size": 100}
    assert got.events == [
        (1, "SYSCALL_READ_X", one),
        (2, "SYSCALL_READ_X", one | {"fd": 9, "size": 7}),
    ]
    assert got.progress.dropped == 2
    assert got.problems == []


def test_an_enter_serves_once(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        event("SYSCALL_READ_E", *READ_E),
        event("SYSCALL_READ_X", *READ_X),
        event("SYSCALL_READ_X", *READ_X),
    )
    assert [values["fd"] for _, _, values in got.events] == [3, 0]


def test_without_an_enter_there_are_defaults_or_nothing(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        event("SYSCALL_READ_X", *READ_X),
        event("SYSCALL_UNLINK_X", i64(0)),
        event("SYSCALL_SETUID_X", i64(0)),
    )
    assert [(key, values) for _, key, values in got.events] == [
        ("SYSCALL_READ_X", {"res": 2, "data": b"hi", "fd": 0, "size": 0}),
        ("SYSCALL_UNLINK_2_X", {"res": 0, "path": None}),
        ("SYSCALL_SETUID_X", {"res": 0, "uid": None}),
    ]
    assert got.problems == []


def test_a_wrong_enter_is_told_and_reading_goes_on(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        event("SYSCALL_WRITE_E", *READ_E),
        event("SYSCALL_READ_X", *READ_X),
        event("SYSCALL_READ_E", *READ_E),
        event("SYSCALL_READ_X", *READ_X),
    )
    assert [values["fd"] for _, _, values in got.events] == [0, 3]
    assert "not 6 as its exit needs" in got.problems[0].text
    assert (got.problems[0].events, len(got.problems)) == (0, 1)


def test_kept_enter_events_are_numbered_but_not_judged(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        event("SYSCALL_OPEN_E"),
        event("SOCKET_CONNECT_E", i64(4), b"\2\x7f\0\0\1\0P"),
        event("SOCKET_CONNECT_X", i64(0), b"tuple", i64(4)),
        event("SOCKET_CONNECT_X", i64(0), b"tuple"),
    )
    assert got.events == [
        (1, "SYSCALL_OPEN_E", {"name": None, "flags": None, "mode": None}),
        (2, "SOCKET_CONNECT_E", {"fd": 4, "addr": b"\2\x7f\0\0\1\0P"}),
        (3, "SOCKET_CONNECT_X",
         {"res": 0, "tuple": b"tuple", "fd": 4, "addr": b"\2\x7f\0\0\1\0P"}),
        (4, "SOCKET_CONNECT_X", {"res": 0, "tuple": b"tuple", "fd": 0, "addr": None}),
    ]  # fmt: skip
    assert got.batches[0].judged().tolist() == [False, False, True, True]


def test_chains_of_versions(tmp_path: Path) -> None:
    old = [i64(0), b"/bin/ls\0", b"-l\0", i64(7), i64(7), i64(1), b"/\0", struct.pack("<Q", 1024)]
    got = read(tmp_path, event("SYSCALL_EXECVE_8_E"), event("SYSCALL_EXECVE_8_X", *old))
    assert got.keys == ["SYSCALL_EXECVE_19_E", "SYSCALL_EXECVE_19_X"]
    values = got.events[1][2]
    assert (values["exe"], values["args"], values["ptid"]) == (b"/bin/ls", b"-l\0", 1)
    assert values["comm"] is None
    assert got.problems == []
    assert got.column("present") == [1, len(event_table().by_key["SYSCALL_EXECVE_19_X"].parameters)]


def test_numbers_cut_to_their_new_width(tmp_path: Path) -> None:
    got = read(tmp_path, event("SYSCALL_BPF_E", i64(5)), event("SYSCALL_BPF_X", i64(3)))
    assert got.events[-1] == (1, "SYSCALL_BPF_2_X", {"fd": 3, "cmd": 5})


def test_container_events_become_json(tmp_path: Path) -> None:
    made = event("CONTAINER_E", b"abc\0", u32(1), b"web\0", b"nginx\0")
    got = read(tmp_path, made)
    json = b'{"id":"abc","type":1,"name":"web","image":"nginx"}'
    assert got.events == [(1, "CONTAINER_JSON_2_E", {"json": json})]
    bad = read(tmp_path, event("CONTAINER_E", b"", u32(1), b"web\0", b"nginx\0"))
    assert bad.events == [(1, "CONTAINER_JSON_2_E", {"json": None})]


def test_old_enters_without_use_are_dropped(tmp_path: Path) -> None:
    got = read(tmp_path, event("SYSCALL_GETUID_E"), event("SYSCALL_GETUID_X", u32(5)))
    assert got.events == [(1, "SYSCALL_GETUID_X", {"uid": 5})]


def test_a_shape_nobody_converts_is_kept_and_told(tmp_path: Path) -> None:
    got = read(
        tmp_path,
        event("SYSCALL_READ_X", i64(1)),
        event("SYSCALL_READ_X", *READ_X, i64(1), u32(2), b"more"),
        event("SYSCALL_UNLINK_X"),
        event("SYSCALL_GETUID_X", u32(5)),
    )
    assert got.keys == ["SYSCALL_READ_X", "SYSCALL_READ_X", "SYSCALL_GETUID_X"]
    assert got.events[0][2] == {"res": 1, "data": None, "fd": None, "size": None}
    assert got.events[1][2] == {"res": 1 + 1, "data": b"hi", "fd": 1, "size": 2}
    assert len(got.problems) == 3


@pytest.mark.parametrize("row", CONVERSIONS, ids=lambda r: f"{r['key']}-{r['parameters']}")
def test_every_row_ends_in_a_type_of_today(tmp_path: Path, row: dict[str, str]) -> None:
    known = event_table().by_key[row["key"]]
    kind = EVENT_V2_LARGE if "large_payload" in known.flags else 0x216
    made = event(known.code, *[b""] * int(row["parameters"]), kind=kind)
    enter = event_table()[known.code - 1] if not known.enter else None
    before = b""
    if enter is not None and row["steps"].count("enter:"):
        before = event(enter.code, *[b""] * len(enter.parameters))
    got = read(tmp_path, before, made)
    assert got.problems == []
    for key in got.keys:
        assert not event_table().by_key[key].old or key in UNJUDGED
    if row["action"] == "store" or row["key"] == "SYSCALL_SECCOMP_E":
        assert got.events == []
    else:
        final = event_table().by_key[got.keys[-1]]
        assert got.column("present")[-1] == len(final.parameters)


def test_waiting_enters_are_bounded(tmp_path: Path) -> None:
    many = [event("SYSCALL_MKDIR_E", b"x" * 1000, u32(0), tid=tid) for tid in range(500)]
    got = read(tmp_path, *many, event("SYSCALL_GETUID_X", u32(5)), limits=Limits(pending=50_000))
    assert len(got.events) == 1
    assert "too many enter events" in got.problems[0].text
