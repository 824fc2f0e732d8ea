"""``fd.*``, ``fdlist.*``, ``fs.path.*``, ``evt.abspath``: files, connections and paths."""

from __future__ import annotations

import pytest

from engine.evaluate import Evaluator
from engine.fields.catalogue import Catalogue
from engine.language.parser import parse
from engine.plan import Plan
from tests.engine.syscalls.made import Made, begun, made, segment, thread, values

FILE = made("SYSCALL_READ_X", res=1, data=b"x", fd=0, size=1)
DIRECTORY = made("SYSCALL_FCHDIR_X", res=0, fd=4)
CONNECTION = made("SYSCALL_READ_X", res=1, data=b"x", fd=5, size=1)
NO_FILE = made("SYSCALL_READ_X", res=-9, data=None, fd=77, size=1)
OTHER = made("PROCINFO_E", cpu_usr=1, cpu_sys=1)
ALL = [FILE, DIRECTORY, CONNECTION, NO_FILE, OTHER]
NAME = "10.0.0.2:40000->1.1.1.1:443"


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("fd.num", [0, 4, 5, 77, None]),
        ("fd.name", ["/dev/null", "/var/lib", NAME, "", None]),
        ("fd.type", ["file", "directory", "ipv4", None, None]),
        ("fd.typechar", ["f", "d", "4", "o", None]),
        ("fd.directory", ["/dev", "/var/lib", None, "/", None]),
        ("fd.filename", ["null", None, None, None, None]),
        ("fd.uid", ["1000", "1004", "1005", "10077", None]),
        ("fd.l4proto", ["<NA>", "<NA>", "tcp", None, None]),
        ("fd.sockfamily", [None, None, "ip", None, None]),
        ("fd.cip", [None, None, "10.0.0.2", None, None]),
        ("fd.sip", [None, None, "1.1.1.1", None, None]),
        ("fd.lip", [None, None, "10.0.0.2", None, None]),
        ("fd.rip", [None, None, "1.1.1.1", None, None]),
        ("fd.cport", [None, None, 40000, None, None]),
        ("fd.sport", [None, None, 443, None, None]),
        ("fd.lport", [None, None, 40000, None, None]),
        ("fd.rproto", [None, None, "443", None, None]),
        ("fd.is_server", [False, False, False, None, None]),
        ("fd.connected", [False, False, True, None, None]),
        ("fd.ino", [5, 7, 8, None, None]),
        ("fd.name_changed", [False, False, False, None, None]),
        ("fd.sip.name", [None] * 5),
        ("fd.containername", [":/dev/null", ":/var/lib", f":{NAME}", ":", None]),
    ],
)
def test_files(field: str, wanted: list[object]) -> None:
    assert values(segment(ALL), field) == wanted


def test_types_of_open_files() -> None:
    of = segment([FILE, OTHER])
    assert values(of, "fd.types") == [["directory", "file", "ipv4", "pipe"], None]
    assert values(of, "fd.types[1]") == [["pipe"], None]
    assert values(of, "fd.types[2]") == [None, None]


def test_devices() -> None:
    start = begun(
        threads=[thread(100)],
        fds=[{"tid": 100, "fd": 0, "type": 16, "name": b"//a//b", "dev": 0xFFF00812}],
    )
    of = segment([FILE], start)
    assert values(of, "fd.dev.major") == [8]
    assert values(of, "fd.dev.minor") == [0x12 | 0xFFF00]


def failed(key: str, **parameters: object) -> Made:
    return made(key, **parameters)


@pytest.mark.parametrize(
    ("event", "name", "raw", "directory"),
    [
        (
            failed("SYSCALL_OPEN_X", fd=-2, name=b"a//b", flags=1),
            "/home/u/a/b",
            "/home/u/a/b",
            "/home/u/a",
        ),
        (
            failed("SYSCALL_OPENAT_2_X", fd=-2, dirfd=4, name=b"a//b", flags=1),
            "/var/lib/a/b",
            "a/b",
            "/var/lib/a",
        ),
        (failed("SYSCALL_OPENAT_2_X", fd=-2, dirfd=77, name=b"a", flags=1), "<UNKNOWN>a", "a", "/"),
        (failed("SYSCALL_OPENAT_2_X", fd=-2, dirfd=4, name=None, flags=1), None, None, None),
        (failed("SYSCALL_OPENAT2_X", fd=-2, dirfd=-100, name=b"/x", flags=1), "/x", "/x", "/"),
        (failed("SYSCALL_OPEN_BY_HANDLE_AT_X", fd=-2, mountfd=1, flags=1), "<NA>", "<NA>", "/"),
        (failed("SOCKET_ACCEPT_5_X", fd=-11), "NULL", "NULL", "/"),
    ],
)
def test_files_that_did_not_come_to_be(
    event: Made, name: str | None, raw: str | None, directory: str | None
) -> None:
    of = segment([event])
    assert values(of, "fd.name") == [name]
    assert values(of, "fd.nameraw") == [raw]
    assert values(of, "fd.directory") == [directory]


def test_lists_of_files() -> None:
    polled = [{"fd": 5, "flags": 1}, {"fd": 0, "flags": 1}, {"fd": 77, "flags": 1}]
    of = segment([made("SYSCALL_POLL_X", res=1, fds=polled, timeout=0), FILE])
    assert values(of, "fdlist.nums") == ["5,0,77", None]
    assert values(of, "fdlist.names") == [f"{NAME},/dev/null,<NA>", None]
    assert values(of, "fdlist.cips") == ["10.0.0.2", None]
    assert values(of, "fdlist.sports") == ["443", None]
    nothing = segment([made("SYSCALL_POLL_X", res=0, fds=[], timeout=0)])
    assert values(nothing, "fdlist.nums") == [None]


@pytest.mark.parametrize(
    ("event", "name", "source", "target"),
    [
        (made("SYSCALL_MKDIR_2_X", res=0, path=b"d", mode=1), "/home/u/d", None, None),
        (made("SYSCALL_MKDIR_2_X", res=-17, path=b"d", mode=1), None, None, None),
        (made("SYSCALL_OPEN_X", fd=-2, name=b"/a/../b", flags=1), "/b", None, None),
        (
            made("SYSCALL_OPENAT_2_X", fd=-2, dirfd=-100, name=b"b", flags=1),
            "<UNKNOWN>",
            None,
            None,
        ),
        (made("SYSCALL_OPENAT_2_X", fd=3, dirfd=4, name=b"b", flags=1), "/var/lib/b", None, None),
        (
            made("SYSCALL_UNLINKAT_2_X", res=0, dirfd=4, name=b"b", flags=0),
            "/var/lib/b",
            None,
            None,
        ),
        (
            made("SYSCALL_UNLINKAT_2_X", res=0, dirfd=-100, name=b"b", flags=0),
            "<UNKNOWN>b",
            None,
            None,
        ),
        (made("SYSCALL_FCHMOD_X", res=0, fd=4, mode=7), "/var/lib", None, None),
        (made("SYSCALL_RENAME_X", res=0, oldpath=b"a", newpath=b"/b"), None, "/home/u/a", "/b"),
        (
            made(
                "SYSCALL_RENAMEAT2_X", res=0, olddirfd=4, oldpath=b"a", newdirfd=-100, newpath=b"b"
            ),
            None,
            "/var/lib/a",
            "/home/u/b",
        ),
        (made("SYSCALL_LINK_2_X", res=0, oldpath=b"/a", newpath=b"/b"), None, "/b", "/a"),
        (
            made("SYSCALL_SYMLINKAT_X", res=0, target=b"t", linkdirfd=4, linkpath=b"l"),
            None,
            "/var/lib/l",
            "<UNKNOWN>t",
        ),
    ],
)
def test_paths(event: Made, name: str | None, source: str | None, target: str | None) -> None:
    of = segment([event])
    assert values(of, "fs.path.name") == [name]
    assert values(of, "fs.path.source") == [source]
    assert values(of, "fs.path.target") == [target]


def test_raw_paths() -> None:
    of = segment([made("SYSCALL_RENAME_X", res=0, oldpath=b"a/../b", newpath=b"c")])
    assert values(of, "fs.path.sourceraw") == ["a/../b"]
    assert values(of, "fs.path.targetraw") == ["c"]
    assert values(of, "fs.path.nameraw") == [None]


def test_absolute_paths() -> None:
    of = segment(
        [
            made("SYSCALL_RENAMEAT_X", res=0, olddirfd=4, oldpath=b"a", newdirfd=77, newpath=b"b"),
            made("SYSCALL_OPENAT_2_X", fd=3, dirfd=-100, name=b"x", flags=1),
            made("SYSCALL_OPENAT_2_X", fd=-2, dirfd=4, name=None, flags=1),
            FILE,
        ]
    )
    assert values(of, "evt.abspath") == ["/var/lib/a", "/home/u/x", None, None]
    assert values(of, "evt.abspath.src")[0] == "/var/lib/a"
    assert values(of, "evt.abspath.dst") == ["<UNKNOWN>/b", "/home/u/x", None, None]


def test_either_end_exists_where_a_file_does() -> None:
    plan = Plan(Catalogue.native(), "syscall", [("rule", parse("fd.ip exists"))])
    assert Evaluator(plan).judge(segment(ALL)).rows[0].tolist() == [0, 1, 2]
    same = Plan(Catalogue.native(), "syscall", [("rule", parse("fd.ip != 9.9.9.9"))])
    assert Evaluator(same).judge(segment(ALL)).rows[0].tolist() == [2]


def test_either_end_of_a_connection() -> None:
    of = segment(ALL)
    column = of.column("fd.port")
    assert column.items.values.tolist() == [40000, 443]  # type: ignore[union-attr]
    # A file is there, but has no port: ``exists`` holds, and no comparison does.
    assert column.valid.tolist() == [True, True, True, False, False]  # type: ignore[union-attr]
