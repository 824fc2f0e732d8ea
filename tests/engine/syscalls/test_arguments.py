"""Parameters as text and as they are."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from engine.fields.catalogue import Catalogue
from tests.engine.syscalls.made import made, segment, values


def args(key: str, **parameters: Any) -> str:
    text: str = values(segment([made(key, **parameters)]), "evt.args")[0]
    return text


def test_files_flags_and_modes() -> None:
    line = args("SYSCALL_OPENAT_2_X", fd=3, dirfd=-100, name=b"d/../x", flags=4097, mode=0o644)
    assert line == (
        "fd=3(<f>/home/u/x) dirfd=-100(AT_FDCWD) name=d/../x(/home/u/x)"
        " flags=4097(O_RDONLY|O_CLOEXEC) mode=0644 dev=<NA> ino=<NA>"
    )


def test_paths_from_an_open_directory() -> None:
    line = args("SYSCALL_MKDIRAT_X", res=0, dirfd=4, path=b"new", mode=0o755)
    assert line == "res=0 dirfd=4(<d>/var/lib) path=new(/var/lib/new) mode=1ED"
    unknown = args("SYSCALL_MKDIRAT_X", res=-9, dirfd=77, path=b"new", mode=0)
    assert unknown == "res=-9(EBADF) dirfd=77 path=new(new) mode=0"


def test_connections() -> None:
    tuple_ = struct.pack("<B4sH4sH", 2, bytes([10, 0, 0, 2]), 40000, bytes([1, 1, 1, 1]), 443)
    line = args("SOCKET_SENDTO_X", res=5, data=b"GET /\n", fd=5, size=5, tuple=tuple_)
    name = "10.0.0.2:40000->1.1.1.1:443"
    assert line == f"res=5 data=GET /. fd=5(<4t>{name}) size=5 tuple={name}"


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (None, "<NA>"),
        (struct.pack("<B4sH", 2, bytes([127, 0, 0, 1]), 80), "127.0.0.1:80"),
        (struct.pack("<B16sH", 10, bytes(15) + b"\1", 80), "::1:80"),
        (b"\1/run/x\0", "/run/x"),
        (b"\1", "INVALID PATH"),
        (b"\2\x7f", "INVALID IPv4"),
        (b"\x0a\x7f", "INVALID IPv6"),
        (b"\x10abc", "family 16"),
    ],
)
def test_addresses(address: bytes | None, text: str) -> None:
    of = segment([made("SOCKET_BIND_X", res=0, addr=address, fd=5)])
    assert values(of, "evt.arg.addr") == [text]


_MAPPED = bytes(10) + b"\xff\xff"


@pytest.mark.parametrize(
    ("both", "text"),
    [
        (None, "NULL"),
        (b"\1" + struct.pack("<QQ", 0xAB, 0xCD) + b"/run/x\0", "ab->cd /run/x"),
        (
            b"\x0a"
            + bytes(10)
            + b"\xff\xff\1\2\3\4\x50\0"
            + bytes(10)
            + b"\xff\xff\5\6\7\x08\x51\0",
            "1.2.3.4:80->5.6.7.8:81",
        ),
        (b"\2abc", "INVALID IPv4"),
    ],
)
def test_tuples(both: bytes | None, text: str) -> None:
    of = segment([made("SOCKET_CONNECT_X", res=0, tuple=both, fd=77)])
    assert values(of, "evt.arg.tuple") == [text]


def test_numbers_are_printed_as_signed_and_hexadecimal_in_their_width() -> None:
    assert args("SYSCALL_GETRLIMIT_X", res=0, cur=-1, max=5, resource=3) == (
        "res=0 cur=-1 max=5 resource=3(RLIMIT_STACK)"
    )
    assert args("SYSCALL_BRK_4_X", res=0xABC, vm_size=2**32 - 1, addr=0).startswith(
        "res=ABC vm_size=-1 "
    )


def test_signals_times_and_lists_of_files() -> None:
    assert args("SIGNALDELIVER_E", spid=0, dpid=5, sig=9) == "spid=0 dpid=5 sig=9(SIGKILL)"
    assert args("SYSCALL_NANOSLEEP_X", res=0, interval=1_500_000_000) == (
        "res=0 interval=1500000000(1.5s)"
    )
    polled = [{"fd": 5, "flags": 1}, {"fd": 77, "flags": 64}]
    assert args("SYSCALL_POLL_X", res=1, fds=polled, timeout=-1).startswith(
        "res=1 fds=5:41 77:?40 timeout=-1"
    )


def test_a_parameter_that_says_its_own_type() -> None:
    def option(**value: Any) -> str:
        line = args("SOCKET_SETSOCKOPT_X", res=0, fd=5, level=1, optname=2, optlen=4, **value)
        return line.partition("val=")[2].rpartition(" optlen")[0]

    assert option(val={"kind": 0, "bytes": b"a\1"}) == "a."
    assert option(val={"kind": 1, "number": -13}) == "-13(EACCES)"
    assert option(val={"kind": 2, "number": 7}) == "7"
    assert option(val={"kind": 9, "number": 7}) == "INVALID DYNAMIC PARAMETER"
    assert option() == "NULL"


def test_texts() -> None:
    of = segment(
        [
            made("SYSCALL_MOUNT_X", res=0, dev=b"none", dir=b"/", type=None, flags=1 << 28),
            made("SYSCALL_MOUNT_X", res=0, dev=b"(NULL)", dir=b"", type=b"a\xff", flags=0),
        ]
    )
    assert values(of, "evt.arg.dev") == ["none", "<NA>"]
    assert values(of, "evt.arg.type")[0] == "<NA>"
    assert values(of, "evt.arg.dir") == ["/", ""]
    assert values(of, "evt.arg[1]") == values(of, "evt.arg.dev")


def test_raw_arguments_keep_their_type() -> None:
    of = segment(
        [
            made("SYSCALL_CLOSE_X", res=0, fd=5),
            made("SYSCALL_MMAP_X", res=-22, fd=-1, length=4096),
            made("SYSCALL_CLOSE_X", res=None, fd=None),
            made("SYSCALL_OPEN_X", fd=3, name=None, flags=1),
        ]
    )
    assert values(of, "evt.rawarg.fd") == [5, -1, None, 3]
    assert values(of, "evt.rawarg.name") == [None, None, None, "<NA>"]
    assert values(of, "evt.rawarg.length") == [None, 4096, None, None]


def test_every_argument_of_every_event_has_a_column() -> None:
    of = segment([made("SYSCALL_CLOSE_X", res=0, fd=5)])
    for field in Catalogue.native().fields("syscall", hidden=True):
        if field.argument is None or not field.argument.required:
            assert len(of.column(field.name)) == 1, field.name
    for name in ("fdlist.nums", "container.mount", "container.label", "k8s.pod.label"):
        assert len(of.column(name, "0")) == 1
