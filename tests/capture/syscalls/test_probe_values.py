"""What the assembler makes of records: values as Falco's driver encodes them."""

from __future__ import annotations

import os
import random
import socket
import struct
from typing import Any

import pytest

from capture.events.table import flag_tables
from capture.syscalls import _native
from capture.syscalls.calls import calls
from capture.syscalls.drain import Assembler
from tests.capture.syscalls.records import call_named, parameters, record

ffi = _native.ffi

CREATED = 0x100000


def packed(struct_name: str, **values: Any) -> bytes:
    """A struct of ``record.h`` with these members."""
    made = ffi.new(f"struct {struct_name} *")
    for name, value in values.items():
        setattr(made, name, value)
    return bytes(ffi.buffer(made))


def names(table: str, value: int) -> set[str]:
    """Flags by name, those that are one bit."""
    return {
        name for name, bit in flag_tables()[table] if bit and bit & (bit - 1) == 0 and value & bit
    }


def opened(ino: int = 7, dev: int = 0, fmode: int = 0, layer: int = 0) -> bytes:
    return packed("probe_file", ino=ino, dev=dev, fmode=fmode, layer=layer)


def test_an_opened_file():
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    got = parameters(
        "openat", 5, (-100, 0, flags, 0o640), (b"a/b\0", opened(99, 254 << 20 | 0x123, CREATED))
    )
    assert got["fd"] == 5 and got["dirfd"] == -100 and got["name"] == b"a/b"
    assert names("file_flags", got["flags"]) >= {"O_CREAT", "O_APPEND", "O_CLOEXEC", "O_F_CREATED"}
    assert got["flags"] & 3 == 3
    assert got["mode"] == 0o640
    assert (got["dev"], got["ino"]) == (os.makedev(254, 0x123), 99)


def test_a_file_that_could_not_be_opened():
    got = parameters("openat", -2, (3, 0, os.O_RDONLY, 0o777), (b"x\0", None))
    assert got["fd"] == -2 and got["dirfd"] == 3
    assert (got["flags"], got["mode"], got["dev"], got["ino"]) == (1, 0, 0, 0)


@pytest.mark.parametrize(("layer", "flag"), [(1, "FD_UPPER_LAYER"), (2, "FD_LOWER_LAYER")])
def test_layers_of_an_overlay(layer: int, flag: str):
    got = parameters("open", 3, (0, 0, 0), (b"/x\0", opened(layer=layer)))
    assert flag in names("file_flags", got["flags"])
    assert parameters("creat", 3, (0, 0), (b"/x\0", opened(layer=layer)))["creat_flags"] == layer


def test_texts_that_are_empty_or_not_there():
    assert parameters("chdir", 0, (), (b"\0",))["path"] == b""
    assert parameters("chdir", -14, (), (None,))["path"] is None


def test_socket_addresses():
    inet = struct.pack("<H", socket.AF_INET) + struct.pack(">H", 443) + b"\x7f\0\0\x01" + bytes(8)
    assert parameters("bind", 0, (3,), (inet,))["addr"] == b"\x02\x7f\0\0\x01\xbb\x01"
    inet6 = (
        struct.pack("<H", 10) + struct.pack(">H", 80) + bytes(4) + bytes(15) + b"\x01" + bytes(4)
    )
    assert parameters("bind", 0, (3,), (inet6,))["addr"] == b"\x0a" + bytes(15) + b"\x01P\0"
    unix = struct.pack("<H", 1) + b"/run/x\0"
    assert parameters("bind", 0, (3,), (unix,))["addr"] == b"\x01/run/x\0"
    abstract = struct.pack("<H", 1) + b"\0name"
    assert parameters("bind", 0, (3,), (abstract,))["addr"] == b"\x01name\0"
    for strange in (b"", b"\x02", b"\x02\0\x01", struct.pack("<H", 16) + bytes(10)):
        assert parameters("bind", 0, (3,), (strange,))["addr"] is None


def pair(**more: Any) -> bytes:
    return packed(
        "probe_socket",
        family=socket.AF_INET,
        local=b"\x0a\0\0\x01" + bytes(12),
        remote=b"\x0a\0\0\x02" + bytes(12),
        local_port=socket.htons(1000),
        remote_port=socket.htons(2000),
        **more,
    )


def test_connections_in_both_directions():
    ours, theirs = b"\x0a\0\0\x01\xe8\x03", b"\x0a\0\0\x02\xd0\x07"
    assert parameters("connect", 0, (3,), (pair(), None))["tuple"] == b"\x02" + ours + theirs
    assert parameters("connect", -115, (3,), (pair(), None))["tuple"] == b"\x02" + ours + theirs
    assert parameters("connect", -111, (3,), (pair(), None))["tuple"] is None
    got = parameters("accept4", 4, (3, 0, 0, os.O_CLOEXEC), (pair(), struct.pack("<II", 1, 4)))
    assert got["tuple"] == b"\x02" + theirs + ours
    assert (got["queuepct"], got["queuelen"], got["queuemax"]) == (25, 1, 4)
    assert got["flags"] == dict(flag_tables()["file_flags"])["O_CLOEXEC"]


def test_a_socket_without_a_peer_takes_the_address_given():
    lone = packed("probe_socket", family=socket.AF_INET, local_port=socket.htons(1000))
    given = struct.pack("<H", 2) + struct.pack(">H", 53) + b"\x08\x08\x08\x08"
    got = parameters("sendto", 5, (3, 0, 5), (b"query", lone, given))
    assert got["tuple"] == b"\x02\0\0\0\0\xe8\x03" + b"\x08\x08\x08\x08" + b"5\0"
    assert (got["data"], got["size"], got["fd"]) == (b"query", 5, 3)


def test_unix_sockets_have_both_ends_and_a_path():
    ends = packed("probe_socket", family=socket.AF_UNIX, self=1, peer=2)
    got = parameters("connect", 0, (3,), (ends + b"/run/y\0", None))
    assert got["tuple"] == b"\x01" + struct.pack("<QQ", 2, 1) + b"/run/y\0"
    got = parameters("recvfrom", 0, (3,), (b"", ends, None))
    assert got["tuple"] == b"\x01" + struct.pack("<QQ", 1, 2) + b"\0"


def test_option_values_have_the_type_of_the_option():
    def value(option: int, raw: bytes, level: int = socket.SOL_SOCKET) -> dict[str, Any]:
        found: dict[str, Any] = parameters("setsockopt", 0, (3, level, option, 0, 4), (raw,))["val"]
        return found

    assert value(socket.SO_REUSEADDR, struct.pack("<i", 1))["number"] == 1
    assert value(socket.SO_ERROR, struct.pack("<i", 111))["number"] == -111
    assert value(socket.SO_RCVTIMEO, struct.pack("<qq", 2, 500))["number"] == 2_000_500_000
    other = value(1, b"abc", socket.IPPROTO_TCP)
    assert (other["kind"], other["bytes"]) == (0, b"abc")


def task(**values: Any) -> bytes:
    return packed("probe_task", **values)


def exec_pieces(
    arguments: bytes | None = b"sh\0-c\0id\0",
    exe: bytes | None = None,
    path: bytes = b"\0sh\0bin\0usr\0",
    thread: bytes = b"",
) -> tuple[bytes | None, ...]:
    cgroups = b"\x02a\0\0" + b"\x01\0" + b"\xff" + b"\x83c\0b\0a\0" + b"\x01\0"
    return (thread or task(comm=b"sh"), arguments, cgroups, b"A=1\0B=2", exe, path, b"/bin/sh\0")


def test_an_exec():
    thread = task(comm=b"sh", pid=7, tid=7, ptid=3, euid=5, vm_size=100, cap_effective=1 << 40)
    got = parameters("execve", -1, (), exec_pieces(thread=thread))
    assert (got["exe"], got["args"], got["env"]) == (b"sh", b"-c\0id\0", b"A=1\0B=\0")
    assert got["cgroups"] == b"cpuset=/a\0cpu=/\0io=/a/b/c\0memory=/\0"
    assert (got["comm"], got["pid"], got["ptid"], got["uid"]) == (b"sh", 7, 3, 5)
    assert got["cap_effective"] == 1 << 40 and got["vm_size"] == 100
    assert got["trusted_exepath"] == b"/usr/bin/sh" and got["filename"] == b"/bin/sh"
    assert got["cwd"] is None


def test_arguments_that_are_few_or_none():
    assert parameters("execve", -1, (), exec_pieces(b"sh\0"))["args"] is None
    assert parameters("execve", -1, (), exec_pieces(b"\0x"))["exe"] == b""
    none = parameters("execve", -1, (), exec_pieces(None))
    assert none["exe"] is None and none["args"] is None


def test_the_name_of_a_file_that_is_nowhere():
    got = parameters("execve", -1, (), exec_pieces(path=b"\x01memfd:x\0"))
    assert got["trusted_exepath"] == b"memfd:x"


def exe(mode: int = 0o100755, uid: int = 0, gid: int = 0, **more: Any) -> bytes:
    everything = [{"first": 0, "lower_first": 0, "count": 0xFFFFFFFF}]
    return packed(
        "probe_exe",
        mode=mode,
        uid=uid,
        gid=gid,
        uid_extents=1,
        gid_extents=1,
        uids=everything,
        gids=everything,
        **more,
    )


@pytest.mark.parametrize(
    ("file", "thread", "flags"),
    [
        (exe(), task(fsuid=0), {"EXE_WRITABLE"}),
        (exe(), task(fsuid=1), set()),
        (exe(0o100777), task(fsuid=1), {"EXE_WRITABLE"}),
        (exe(0o100775, gid=9), task(fsuid=1, fsgid=9), {"EXE_WRITABLE"}),
        (exe(0o100775, gid=9) + struct.pack("<I", 9), task(fsuid=1), {"EXE_WRITABLE"}),
        (exe(0o100775, gid=9), task(fsuid=1), set()),
        (exe(), task(fsuid=1, cap_effective=1 << 1), {"EXE_WRITABLE"}),
        (exe(sb_flags=1), task(fsuid=0), set()),
        (exe(flags=8), task(fsuid=0), set()),
        (exe(memfd=1), task(fsuid=1), {"EXE_FROM_MEMFD"}),
        (exe(layer=1), task(fsuid=1), {"EXE_UPPER_LAYER"}),
        (exe(layer=2), task(fsuid=1), {"EXE_LOWER_LAYER"}),
    ],
)
def test_what_may_be_done_with_the_executable(file: bytes, thread: bytes, flags: set[str]):
    got = parameters("execve", -1, (), exec_pieces(exe=file, thread=thread))
    assert names("execve_flags", got["flags"]) == flags


def test_times_of_the_executable():
    got = parameters(
        "execve", -1, (), exec_pieces(exe=exe(ctime_sec=2, ctime_nsec=5, mtime_sec=-1))
    )
    assert (got["exe_ino_ctime"], got["exe_ino_mtime"]) == (2_000_000_005, 0)


def test_clone_flags_and_the_pid_namespace():
    pieces = (task(in_pidns=1), b"x\0", b"", struct.pack("<Q", 0x10000))
    got = parameters("clone3", 8, (), pieces)
    assert names("clone_flags", got["flags"]) == {"CLONE_THREAD", "CLONE_CHILD_IN_PIDNS"}
    assert got["res"] == 8 and got["exe"] == b"x"
    assert parameters("clone3", -1, (), pieces)["exe"] is None


@pytest.mark.parametrize(
    ("code", "ret", "sig", "core"), [(0x300, 3, 0, 0), (9, 0, 9, 0), (0x8B, 0, 11, 1)]
)
def test_how_a_process_ended(code: int, ret: int, sig: int, core: int):
    got = parameters("procexit", 0, (code, 1))
    assert (got["status"], got["ret"], got["sig"], got["core"]) == (code, ret, sig, core)
    assert got["reaper_tid"] == 1


def test_scattered_buffers():
    got = parameters("writev", 5, (1,), (struct.pack("<I", 900) + b"hello",))
    assert (got["res"], got["data"], got["size"]) == (5, b"hello", 900)
    got = parameters("readv", -11, (1,), (struct.pack("<I", 900),))
    assert (got["data"], got["size"]) == (None, 0)
    unread = parameters("sendmsg", -14, (3,), (None, None, None, None))
    assert unread["size"] is None and unread["data"] is None


def test_values_only_of_calls_that_succeeded():
    limits = struct.pack("<qq", 1, 2)
    got = parameters("prlimit64", -1, (0, 3), (limits, limits))
    assert (got["newcur"], got["newmax"], got["oldcur"], got["oldmax"]) == (1, 2, -1, -1)
    got = parameters("pipe2", 0, (0, os.O_NONBLOCK), (struct.pack("<ii", 3, 4), opened(11)))
    assert (got["fd1"], got["fd2"], got["ino"]) == (3, 4, 11)
    assert parameters("pipe2", -1, (), (None, None))["fd1"] == -1


def test_files_that_are_waited_for():
    fds = struct.pack("<ihhihh", 3, 1, 1, -1, 4, 0x10)
    got = parameters("poll", 1, (0, 2, -1), (fds,))
    assert got["fds"] == [{"fd": 3, "flags": 1}, {"fd": -1, "flags": 1 << 5}]


def test_keys_and_traced_processes():
    got = parameters("keyctl", 1, (10, 5, 0, 0, 9), (None, b"user\0", b"desc\0"))
    assert [got[f"arg{i}"]["number"] for i in (2, 5)] == [5, 9]
    assert [got[f"arg{i}"]["bytes"] for i in (3, 4)] == [b"user", b"desc"]
    got = parameters("ptrace", 0, (7, 12, 0, 9), (None,))
    assert (got["request"], got["data"]["number"], got["pid"]) == (8, 9, 12)


def test_a_call_without_a_type_of_its_own():
    got = parameters("getpid")
    assert got["nativeID"] == 39


@pytest.mark.parametrize("cut", [0, 4, 23, 40, 73])
def test_a_record_that_ends_too_soon_is_refused_and_counted(cut: int):
    assembler = Assembler(0)
    whole = record("openat", 3, (), (b"/etc/hosts\0", opened()))
    assert not assembler.append(whole[:cut])
    assert assembler.take() is None
    assert sum(assembler.malformed().values()) == 1
    assert assembler.malformed() == {}
    assert assembler.append(whole)


def test_whatever_pieces_hold_nothing_breaks():
    chance = random.Random(5)
    assembler = Assembler(0)
    kinds = [call for call in calls().values() if call.steps]
    for _ in range(4000):
        call = chance.choice(kinds)
        pieces = [
            None
            if chance.random() < 0.2
            else chance.randbytes(chance.choice([0, 1, 2, 7, 30, 300]))
            for _ in range(call.pieces)
        ]
        words = [chance.choice([0, 1, 2, 15, chance.getrandbits(64)]) for _ in range(6)]
        result = chance.choice([0, 1, -1, 1 << 40])
        assert assembler.append(record(call.name, result, words, pieces)) or call.name == "execve"
    batch = assembler.take()
    assert batch is not None
    batch.batch.validate(full=True)


def test_numbers_rise_by_one_from_batch_to_batch():
    assembler = Assembler(10)
    numbers: list[int] = []
    for _ in range(3):
        for _ in range(5):
            assembler.append(record("close", 0, (3,)))
        batch = assembler.take()
        assert batch is not None
        numbers += batch.batch.column("num").to_pylist()
        assert batch.batch.column("time").cast("int64").to_pylist() == [1010] * 5
        assert batch.batch.column("cpu").to_pylist() == [3] * 5
    assert numbers == list(range(1, 16))
    assert assembler.counts().events == 15


def test_steps_fit_the_probe():
    assert (
        max(len(call.steps) for call in calls().values())
        < ffi.typeof("struct probe_call").fields[-1][1].type.length
    )
    assert call_named("sendmmsg").several
