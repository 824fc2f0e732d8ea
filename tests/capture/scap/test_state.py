"""Process, file, user, interface and machine lists of every version."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from capture.events.state_schema import TABLES
from capture.scap.reader import Limits, Section

from .blocks import Read, block, event, i64, section, text, u32

VERSIONS = {
    1: 0x202, 2: 0x207, 3: 0x209, 4: 0x210, 5: 0x211, 6: 0x212, 7: 0x213, 8: 0x214, 9: 0x215,
}  # fmt: skip
OLD_NUMBERS = {1: 0x8000ABCD, 2: 0x8013ABCD, 3: 0x8014ABCD}
TAIL = [
    ("pidns_init_start_ts", 8, 11), ("tty", 4, 12), ("loginuid", 4, 1000), ("exe_writable", 1, 1),
    ("cap_inheritable", 8, 14), ("cap_permitted", 8, 15), ("cap_effective", 8, 16),
    ("exe_upper_layer", 1, 1), ("exe_ino", 8, 18), ("exe_ino_ctime", 8, 19),
    ("exe_ino_mtime", 8, 20), ("exe_from_memfd", 1, 0), ("exe_lower_layer", 1, 1), ("pgid", 8, 23),
]  # fmt: skip


def process(version: int, tail: bytes = b"", tid: int = 41) -> tuple[bytes, dict[str, object]]:
    """An entry of a process list, and what is expected of it."""
    row: dict[str, object] = dict.fromkeys(TABLES["threads"].names)
    made = b""

    def number(name: str, value: int, form: str = "<q") -> None:
        nonlocal made
        made += struct.pack(form, value)
        row[name] = value

    def words(name: str, value: bytes, shown: bytes | None = None) -> None:
        nonlocal made
        made += text(value)
        row[name] = value if shown is None else shown

    number("tid", tid)
    number("pid", 42)
    number("ptid", 1)
    if version >= 6:
        number("sid", 40)
    if version >= 8:
        number("vpgid", 39)
    words("comm", b"cat\0junk", b"cat")
    words("exe", b"cat")
    if version >= 7:
        words("exepath", b"/bin/\xffcat")
    words("args", b"-n\0x\0")
    words("cwd", b"/")
    number("fdlimit", 1024)
    number("flags", 5, "<I")
    number("uid", 1000, "<I")
    number("gid", 100, "<I")
    if version >= 2:
        number("vmsize_kb", 1, "<I")
        number("vmrss_kb", 2, "<I")
        number("vmswap_kb", 3, "<I")
        number("pfmajor", 4)
        number("pfminor", 5)
    if version >= 3:
        words("env", b"A=1\0B=2\0")
    if version >= 4:
        number("vtid", 7)
        number("vpid", 8)
        words("cgroups", b"cpu=/a\0")
    if version >= 5:
        words("root", b"/root")
    if version >= 9:
        made += tail
        made = u32(len(made) + 4) + made
    return made, row


def only(data: Read) -> Section:
    assert data.problems == []
    assert len(data.sections) == 1
    for name in TABLES:
        getattr(data.sections[0], name).validate(full=True)
    return data.sections[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_process_lists(tmp_path: Path, version: int) -> None:
    first, row = process(version)
    second, other = process(version, tid=50)
    for kind in (VERSIONS[version], OLD_NUMBERS.get(version, VERSIONS[version])):
        state = only(Read(tmp_path, section() + block(kind, first + second)))
        assert state.threads.to_pylist() == [row, other]


@pytest.mark.parametrize("fields", range(len(TAIL) + 1))
def test_processes_with_more_and_more_fields(tmp_path: Path, fields: int) -> None:
    """From libs 0.10 on two fields stand before the five older ones; what tells is the size."""
    tail = b"".join(value.to_bytes(width, "little") for _, width, value in TAIL[:fields])
    entry, row = process(9, tail)
    for name, _, value in TAIL[:fields]:
        row[name] = value
    if len(tail) <= 29:
        row.update(dict.fromkeys(("pidns_init_start_ts", "tty"), None))
        row.update(older_layout(tail))
    state = only(Read(tmp_path, section() + block(0x215, entry * 2)))
    assert state.threads.to_pylist() == [row, row]


def older_layout(tail: bytes) -> dict[str, object]:
    found: dict[str, object] = {}
    at = 0
    for name, width, _ in TAIL[2:]:
        if at + width <= len(tail):
            found[name] = int.from_bytes(tail[at : at + width], "little")
            at += width
        else:
            found[name] = None
    return found


def test_processes_of_a_later_version_are_read_as_far_as_known(tmp_path: Path) -> None:
    tail = b"".join(value.to_bytes(width, "little") for _, width, value in TAIL) + b"more to come"
    entry, row = process(9, tail)
    row.update({name: value for name, _, value in TAIL})
    state = only(Read(tmp_path, section() + block(0x215, entry * 3)))
    assert state.threads.to_pylist() == [row] * 3


V4, V6 = bytes([10, 0, 0, 1]), bytes(range(16))
PORTS = struct.pack("<HH", 1234, 80)
FILES: list[tuple[int, bytes, dict[str, object]]] = [
    (1, text(b"/etc/hosts"), {"name": b"/etc/hosts"}),
    (2, text(b"/etc"), {"name": b"/etc"}),
    (3, V4 + V4[::-1] + PORTS + b"\2", {
        "source_ip": V4, "dest_ip": V4[::-1], "source_port": 1234, "dest_port": 80, "l4proto": 2,
    }),
    (4, V6 + V6[::-1] + PORTS + b"\2", {
        "source_ip": V6, "dest_ip": V6[::-1], "source_port": 1234, "dest_port": 80, "l4proto": 2,
    }),
    (5, V4 + PORTS[:2] + b"\3", {"source_ip": V4, "source_port": 1234, "l4proto": 3}),
    (6, V6 + PORTS[:2] + b"\3", {"source_ip": V6, "source_port": 1234, "l4proto": 3}),
    (8, i64(77) + i64(78) + text(b"/run/x\0"),
     {"source": 77, "destination": 78, "name": b"/run/x"}),
    (16, u32(2) + text(b"/tmp/f"), {"open_flags": 2, "name": b"/tmp/f"}),
    (0, b"", {}),
    *((kind, text(b"n"), {"name": b"n"}) for kind in (7, *range(9, 16), *range(17, 22))),
]  # fmt: skip


def number(value: object) -> str:
    """The name of a case: its kind."""
    return str(value) if isinstance(value, int) else ""


@pytest.mark.parametrize("sized", [False, True])
@pytest.mark.parametrize(("kind", "body", "fields"), FILES, ids=number)
def test_file_lists(
    tmp_path: Path, sized: bool, kind: int, body: bytes, fields: dict[str, object]
) -> None:
    entry = i64(5) + i64(4711) + bytes([kind]) + body
    if sized:
        entry = u32(len(entry) + 4) + entry
    row = dict.fromkeys(TABLES["fds"].names)
    row |= {"tid": 41, "fd": 5, "ino": 4711, "type": kind} | fields
    number = 0x218 if sized else 0x203
    state = only(Read(tmp_path, section() + block(number, i64(41) + entry * 2)))
    assert state.fds.to_pylist() == [row, row]


def test_files_with_a_device_and_of_types_to_come(tmp_path: Path) -> None:
    with_device = i64(5) + i64(1) + bytes([16]) + u32(2) + text(b"/f") + u32(0x801)
    future = i64(6) + i64(2) + bytes([99]) + b"who knows"
    entries = b"".join(u32(len(entry) + 4) + entry for entry in (with_device, future))
    state = only(Read(tmp_path, section() + block(0x218, i64(41) + entries)))
    assert state.fds["dev"].to_pylist() == [0x801, None]
    assert state.fds["type"].to_pylist() == [16, 99]


@pytest.mark.parametrize("number", [0x206, 0x8012ABCD, 0x220])
def test_user_lists(tmp_path: Path, number: int) -> None:
    user = b"\0" + u32(0) + u32(0) + text(b"root") + text(b"/root") + text(b"/bin/sh")
    group = b"\1" + u32(4) + text(b"adm")
    entries = [user, group, user]
    if number == 0x220:
        entries = [u32(len(e) + 4) + e for e in entries]
    earlier = block(0x206, b"\1" + u32(9) + text(b"gone"))
    state = only(Read(tmp_path, section() + earlier + block(number, b"".join(entries))))
    root = {"uid": 0, "gid": 0, "name": b"root", "homedir": b"/root", "shell": b"/bin/sh"}
    assert state.users.to_pylist() == [root, root]
    assert state.groups.to_pylist() == [{"gid": 4, "name": b"adm"}]


@pytest.mark.parametrize("number", [0x205, 0x8011ABCD, 0x219])
def test_interface_lists(tmp_path: Path, number: int) -> None:
    entries = []
    for kind, address, speed in ((1, V4, 10), (2, V6, 20), (3, V4, None), (4, V6, None)):
        entry = struct.pack("<HH", kind, 5) + address * 3
        entry += b"" if speed is None else i64(speed)
        entry += b"eth0\0"
        entries.append((u32(len(entry)) if number == 0x219 else b"") + entry)
    state = only(Read(tmp_path, section() + block(number, b"".join(entries))))
    assert state.interfaces["linkspeed"].to_pylist() == [10, 20, None, None]
    assert state.interfaces["address"].to_pylist() == [V4, V6, V4, V6]
    assert state.interfaces["name"].to_pylist() == [b"eth0"] * 4


def test_machine(tmp_path: Path) -> None:
    body = u32(2) + i64(1 << 30) + i64(32768) + b"host".ljust(128, b"\0")
    body += i64(1_700_000_000) + i64(1) + i64(2) + i64(3)
    for number in (0x201, 0x8002ABCD):
        state = only(Read(tmp_path, section() + block(number, body)))
        assert state.machine.to_pylist() == [
            {
                "num_cpus": 2, "memory_size_bytes": 1 << 30, "max_pid": 32768, "hostname": b"host",
                "boot_ts_epoch": 1_700_000_000, "flags": 1, "reserved3": 2, "reserved4": 3,
            }
        ]  # fmt: skip


def test_an_entry_that_lies_about_its_size(tmp_path: Path) -> None:
    good, row = process(9)
    for size in (0, 3, 20, len(good) - 1, len(good) + 500, 2**32 - 1):
        bad = u32(size) + good[4:]
        data = section() + block(0x215, good + bad) + event("SYSCALL_GETUID_X", u32(0))
        read = Read(tmp_path, data)
        assert len(read.events) == 1
        assert read.sections[0].threads.to_pylist()[0] == row
        # Zero means that no size is known: the entry is as in the version before.
        assert len(read.problems) == (0 if size == 0 else 1)


def test_half_an_entry_leaves_no_row(tmp_path: Path) -> None:
    good, row = process(4)
    for cut in range(5, len(good) - 4, 3):
        data = section() + block(0x210, good + good[:cut]) + event("SYSCALL_GETUID_X", u32(0))
        read = Read(tmp_path, data)
        assert read.sections[0].threads.to_pylist() == [row]
        assert len(read.events) == 1
        assert "longer than its block" in read.problems[0].text


def test_lists_are_bounded(tmp_path: Path) -> None:
    data = section() + block(0x210, process(4)[0] * 50) * 50 + event("SYSCALL_GETUID_X", u32(0))
    read = Read(tmp_path, data, Limits(state=100_000))
    assert 0 < read.sections[0].threads.num_rows < 2500
    assert len(read.events) == 1
    assert "larger than" in read.problems[0].text


def test_lists_among_events_are_told(tmp_path: Path) -> None:
    uid = event("SYSCALL_GETUID_X", u32(0))
    read = Read(tmp_path, section() + uid + block(0x210, process(4)[0]) + uid)
    assert len(read.events) == 2
    assert "among the events" in read.problems[0].text
