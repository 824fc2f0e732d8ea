"""Sockets: addresses, names and which end is the server."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from engine.state.tables import CONNECTED, ROLE_CLIENT, ROLE_SERVER

from .support import Made, Seen, Walk, begun, made, thread

INET, INET6, UNIX = 2, 10, 1
STREAM, DGRAM, RAW = 1, 2, 3
L4 = {"na": 1, "tcp": 2, "udp": 3, "icmp": 4, "raw": 5}


def walk(*fds: dict[str, Any]) -> Walk:
    return Walk(
        begun(
            threads=[thread(100)],
            fds=[{"tid": 100, **fd} for fd in fds],
            interfaces=[
                {"name": b"lo", "address": b"\x7f\0\0\x01", "netmask": b"\xff\0\0\0"},
                {"name": b"eth0", "address": b"\x0a\0\0\x02", "netmask": b"\xff\xff\xff\0"},
                {"name": b"eth0", "address": ip6("fd00::2"), "netmask": b"\xff" * 16},
            ],
        )
    )


def ip6(text: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6, text)


def address(ip: str, port: int) -> bytes:
    if ":" in ip:
        return bytes([INET6]) + ip6(ip) + struct.pack("<H", port)
    return bytes([INET]) + socket.inet_aton(ip) + struct.pack("<H", port)


def pair(source: str, sport: int, dest: str, dport: int) -> bytes:
    return address(source, sport) + address(dest, dport)[1:]


def unix(path: bytes, source: int = 0xA0, peer: int = 0xB0) -> bytes:
    return bytes([UNIX]) + struct.pack("<QQ", source, peer) + path + b"\0"


def new(domain: int, type_: int = STREAM, proto: int = 0, fd: int = 3) -> Made:
    return made("SOCKET_SOCKET_X", fd=fd, domain=domain, type=type_, proto=proto, flags=0)


def role(seen: Seen) -> str:
    assert seen.fd is not None
    flags = seen.fd["flags"] & (ROLE_CLIENT | ROLE_SERVER)
    return {0: "none", ROLE_CLIENT: "client", ROLE_SERVER: "server"}.get(flags, "both")


def connected(seen: Seen) -> bool:
    assert seen.fd is not None
    return bool(seen.fd["flags"] & CONNECTED)


@pytest.mark.parametrize(
    ("domain", "type_", "proto", "kind"),
    [
        (INET, STREAM, 0, 3), (INET, DGRAM | 0x800, 0, 3), (INET6, STREAM, 6, 4),
        (UNIX, DGRAM, 0, 8), (16, RAW, 0, 15), (17, RAW, 3, 0),
    ],
)  # fmt: skip
def test_a_new_socket(domain: int, type_: int, proto: int, kind: int) -> None:
    seen = walk()(new(domain, type_, proto))
    assert seen.fd is not None
    assert (seen.fd["type"], seen.name, seen.fd["l4proto"], role(seen)) == (kind, b"", 1, "none")
    assert walk()(new(domain, type_, proto, fd=-1)).fd is None


@pytest.mark.parametrize(
    ("type_", "proto", "l4"),
    [(STREAM, 0, "tcp"), (DGRAM, 0, "udp"), (STREAM, 6, "tcp"), (DGRAM, 17, "udp"),
     (DGRAM, 1, "icmp"), (RAW, 1, "raw"), (RAW, 255, "raw")],
)  # fmt: skip
def test_connect(type_: int, proto: int, l4: str) -> None:
    w = walk()
    w(new(INET, type_, proto))
    tuple_ = pair("10.0.0.2", 40000, "1.2.3.4", 443)
    seen = w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=tuple_))
    assert seen.fd is not None
    ports = l4 in ("tcp", "udp")
    assert seen.name == (b"10.0.0.2:40000->1.2.3.4:443" if ports else b"10.0.0.2->1.2.3.4")
    assert (seen.fd["l4proto"], role(seen), connected(seen)) == (L4[l4], "client", True)
    assert (seen.fd["source_port"], seen.fd["dest_port"]) == (40000, 443)
    assert (seen.fd["source_ip"], seen.fd["dest_ip"]) == (b"\x0a\0\0\x02", b"\x01\x02\x03\x04")
    assert (seen.fd["source_is_local"], seen.fd["dest_is_local"]) == (1, 0)
    assert seen.changed


def test_connect_over_ipv6() -> None:
    w = walk()
    w(new(INET6))
    seen = w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=pair("fd00::2", 4, "2001:db8::1", 5)))
    assert seen.fd is not None
    assert (seen.name, seen.fd["type"]) == (b"fd00::2:4->2001:db8::1:5", 4)
    assert (seen.fd["source_is_local"], seen.fd["dest_is_local"]) == (1, 0)
    # IPv4 in IPv6 clothes is IPv4. Its protocol stands elsewhere, and is not found.
    w(new(INET6))
    tuple_ = pair("::ffff:10.0.0.2", 4, "::ffff:1.2.3.4", 5)
    seen = w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=tuple_))
    assert seen.fd is not None
    assert (seen.fd["type"], seen.fd["dest_ip"]) == (3, b"\x01\x02\x03\x04")


def test_connect_in_progress_and_failed() -> None:
    w = walk()
    w(new(INET))
    tuple_ = pair("10.0.0.2", 1, "1.2.3.4", 2)
    seen = w(made("SOCKET_CONNECT_X", res=-115, fd=3, tuple=tuple_))
    assert (role(seen), connected(seen)) == ("client", True)
    w(new(INET))
    seen = w(made("SOCKET_CONNECT_X", res=-111, fd=3, tuple=tuple_))
    assert (seen.name, role(seen), connected(seen)) == (b"", "none", False)


def test_the_address_asked_for_is_believed() -> None:
    w = walk()
    w(new(INET))
    enter = made("SOCKET_CONNECT_E", fd=3, addr=address("9.9.9.9", 9))
    tuple_ = pair("10.0.0.2", 1, "1.2.3.4", 2)
    same = made("SOCKET_CONNECT_X", res=0, fd=3, tuple=tuple_, addr=address("1.2.3.4", 2))
    assert w(enter, same).name == b"10.0.0.2:1->9.9.9.9:9"
    w(new(INET))
    # Where the kernel's tuple differs from what memory said, the kernel knew.
    other = made("SOCKET_CONNECT_X", res=0, fd=3, tuple=tuple_, addr=address("1.2.3.5", 2))
    assert w(enter, other).name == b"10.0.0.2:1->1.2.3.4:2"
    w(new(INET))
    seen = w(enter, made("SOCKET_CONNECT_X", res=0, fd=3, tuple=None))
    assert seen.fd is not None
    assert (seen.name, seen.fd["dest_ip"], seen.fd["dest_port"]) == (b"", b"\x09" * 4, 9)


def test_unix_sockets() -> None:
    w = walk()
    w(new(UNIX))
    seen = w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=unix(b"/run/x")))
    assert seen.fd is not None
    assert (seen.name, role(seen)) == (b"a0->b0 /run/x", "client")
    assert (seen.fd["source"], seen.fd["destination"]) == (0xA0, 0xB0)
    # A tuple cut short is none, an address of another kind of socket neither.
    w(new(UNIX))
    assert w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=unix(b"/run/x")[:-1])).name == b""
    w(new(INET))
    assert w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=unix(b"/run/x"))).name == b""


def test_bind_and_accept() -> None:
    w = walk()
    w(new(INET))
    seen = w(made("SOCKET_BIND_X", res=0, fd=3, addr=address("0.0.0.0", 80)))
    assert seen.fd is not None
    assert (seen.name, seen.fd["type"], role(seen)) == (b"0.0.0.0:80", 5, "server")
    assert (seen.fd["dest_port"], seen.fd["l4proto"]) == (80, L4["tcp"])
    tuple_ = pair("1.2.3.4", 5000, "10.0.0.2", 80)
    seen = w(made("SOCKET_ACCEPT4_6_X", fd=4, tuple=tuple_, flags=1 << 12))
    assert seen.fd is not None
    assert (seen.name, seen.number) == (b"1.2.3.4:5000->10.0.0.2:80", 4)
    assert (role(seen), connected(seen), seen.fd["open_flags"]) == ("server", True, 1 << 12)
    assert seen.fd["dest_is_local"] == 1
    seen = w(made("SOCKET_ACCEPT_5_X", fd=5, tuple=pair("fd00::9", 1, "fd00::2", 2)))
    assert (seen.name, role(seen)) == (b"fd00::9:1->fd00::2:2", "server")
    seen = w(made("SOCKET_ACCEPT_5_X", fd=6, tuple=unix(b"/run/x")))
    assert seen.name == b"a0->b0 /run/x"
    seen = w(made("SOCKET_ACCEPT_5_X", fd=-11, tuple=None))
    assert seen.fd is None


def test_bind_without_a_port_and_of_other_kinds() -> None:
    w = walk()
    w(new(INET))
    seen = w(made("SOCKET_BIND_X", res=0, fd=3, addr=address("0.0.0.0", 0)))
    assert seen.fd is not None
    assert (seen.name, seen.fd["type"], role(seen)) == (b"0.0.0.0:0", 3, "none")
    w(new(INET6))
    seen = w(made("SOCKET_BIND_X", res=0, fd=3, addr=address("fd00::2", 53)))
    assert seen.fd is not None
    assert (seen.name, seen.fd["type"]) == (b"fd00::2:53", 6)
    w(new(INET6))
    seen = w(made("SOCKET_BIND_X", res=0, fd=3, addr=address("::", 53)))
    assert seen.fd is not None
    assert (seen.name, seen.fd["type"]) == (b":::53", 5)
    w(new(UNIX))
    assert w(made("SOCKET_BIND_X", res=0, fd=3, addr=b"\x01/run/y\0")).name == b"/run/y"
    w(new(16, RAW))
    assert w(made("SOCKET_BIND_X", res=0, fd=3, addr=b"\x10")).name == b"family 16"
    assert w(made("SOCKET_BIND_X", res=-98, fd=3, addr=address("1.1.1.1", 1))).name == b"family 16"


def test_datagrams_tell_addresses() -> None:
    w = walk()
    w(new(INET, DGRAM))
    tuple_ = pair("10.0.0.2", 5000, "8.8.8.8", 53)
    seen = w(made("SOCKET_SENDTO_X", res=9, fd=3, tuple=tuple_))
    assert (seen.name, role(seen)) == (b"10.0.0.2:5000->8.8.8.8:53", "client")
    assert (seen.changed, connected(seen)) == (True, True)
    back = pair("8.8.8.8", 53, "10.0.0.2", 5000)
    seen = w(made("SOCKET_RECVFROM_X", res=9, fd=3, tuple=back))
    assert (seen.name, seen.changed) == (b"10.0.0.2:5000->8.8.8.8:53", False)
    seen = w(made("SOCKET_SENDTO_X", res=9, fd=3, tuple=pair("10.0.0.2", 5000, "8.8.4.4", 53)))
    assert (seen.name, seen.changed) == (b"10.0.0.2:5000->8.8.4.4:53", True)
    seen = w(made("SOCKET_SENDMSG_X", res=-11, fd=3, tuple=pair("10.0.0.2", 1, "9.9.9.9", 53)))
    assert seen.name == b"10.0.0.2:5000->8.8.4.4:53"


def test_a_server_of_datagrams() -> None:
    w = walk()
    w(new(INET, DGRAM), made("SOCKET_BIND_X", res=0, fd=3, addr=address("10.0.0.2", 53)))
    came = pair("10.0.0.9", 4000, "10.0.0.2", 53)
    seen = w(made("SOCKET_RECVFROM_X", res=9, fd=3, tuple=came))
    assert (seen.name, role(seen)) == (b"10.0.0.9:4000->10.0.0.2:53", "server")
    gone = pair("10.0.0.2", 53, "10.0.0.9", 4001)
    seen = w(made("SOCKET_SENDTO_X", res=9, fd=3, tuple=gone))
    assert seen.name == b"10.0.0.9:4001->10.0.0.2:53"


def test_every_call_that_tells_addresses() -> None:
    tuple_ = pair("10.0.0.2", 5000, "8.8.8.8", 53)
    for key in ("SEND", "SENDTO", "SENDMSG", "SENDMMSG", "RECV", "RECVFROM", "RECVMSG", "RECVMMSG"):
        w = walk()
        w(new(INET, DGRAM))
        seen = w(made(f"SOCKET_{key}_X", res=9, fd=3, tuple=tuple_))
        # What comes in first makes a server, what goes out a client.
        expected = "client" if key.startswith("SEND") else "server"
        assert (role(seen), seen.name != b"") == (expected, True), key
    for key in ("READ", "READV", "PREAD", "PREADV", "WRITE", "WRITEV", "PWRITE", "PWRITEV"):
        w = walk()
        w(new(INET))
        assert connected(w(made(f"SYSCALL_{key}_X", res=9, fd=3)))
        assert not connected(w(new(INET), made(f"SYSCALL_{key}_X", res=-9, fd=3)))


def test_a_socket_nobody_told_of_is_taken_for_udp() -> None:
    tuple_ = pair("10.0.0.2", 5000, "8.8.8.8", 53)
    for key, known in (("SEND", True), ("SENDTO", True), ("SENDMSG", True), ("SENDMMSG", False)):
        seen = walk()(made(f"SOCKET_{key}_X", res=9, fd=7, tuple=tuple_))
        assert (seen.fd is not None) is known
        if seen.fd is not None:
            assert (seen.name, seen.fd["l4proto"]) == (b"10.0.0.2:5000->8.8.8.8:53", L4["udp"])
    assert walk()(made("SOCKET_SENDTO_X", res=9, fd=7, tuple=unix(b"/x"))).fd is None
    assert walk()(made("SOCKET_SENDTO_X", res=9, fd=7, tuple=None)).fd is None


def test_tcp_keeps_its_addresses() -> None:
    w = walk()
    w(new(INET))
    w(made("SOCKET_CONNECT_X", res=0, fd=3, tuple=pair("10.0.0.2", 1, "1.2.3.4", 2)))
    seen = w(made("SOCKET_SENDTO_X", res=9, fd=3, tuple=pair("10.0.0.2", 9, "9.9.9.9", 9)))
    assert seen.name == b"10.0.0.2:1->1.2.3.4:2"


def test_a_missing_address_is_that_of_an_interface() -> None:
    w = walk()
    mine = {"10.0.0.7": b"10.0.0.2", "8.8.8.8": b"10.0.0.2", "127.0.0.9": b"127.0.0.1"}
    for dest, source in mine.items():
        w(new(INET, DGRAM))
        seen = w(made("SOCKET_SENDTO_X", res=9, fd=3, tuple=pair("0.0.0.0", 7, dest, 53)))
        assert seen.name == source + b":7->" + dest.encode() + b":53"
    w(new(INET6, DGRAM))
    seen = w(made("SOCKET_SENDTO_X", res=9, fd=3, tuple=pair("::", 7, "2001:db8::1", 53)))
    assert seen.name == b"fd00::2:7->2001:db8::1:53"


def test_sockets_that_were_there_at_the_start() -> None:
    def four(fd: int, sport: int, dport: int) -> dict[str, Any]:
        return {
            "fd": fd, "type": 3, "source_ip": b"\x0a\0\0\x02", "dest_ip": b"\x01\x02\x03\x04",
            "source_port": sport, "dest_port": dport, "l4proto": 2,
        }  # fmt: skip

    w = walk(
        {"fd": 3, "type": 5, "source_ip": b"\0\0\0\0", "source_port": 80, "l4proto": 2},
        four(4, 80, 5000),
        four(5, 4000, 443),
        {"fd": 6, "type": 8, "source": 1, "destination": 2, "name": b"/run/x"},
        {"fd": 7, "type": 8, "source": 1, "destination": 2, "name": b""},
        {"fd": 8, "type": 4, "source_ip": ip6("fd00::2"), "dest_ip": ip6("fd00::9"),
         "source_port": 1, "dest_port": 2, "l4proto": 3},
        {"fd": 9, "type": 6, "source_ip": ip6("::"), "source_port": 22, "l4proto": 2},
    )  # fmt: skip
    expected = {
        3: (b"0.0.0.0:80", "none"),
        # A port that some process listens on is the server's end.
        4: (b"1.2.3.4:5000->10.0.0.2:80", "server"),
        5: (b"10.0.0.2:4000->1.2.3.4:443", "client"),
        6: (b"/run/x", "server"),
        7: (b"", "client"),
        8: (b"fd00::2:1->fd00::9:2", "none"),
        9: (b":::22", "none"),
    }
    for fd, (name, of) in expected.items():
        seen = w(made("SYSCALL_FSTAT_X", res=0, fd=fd))
        assert (seen.name, role(seen)) == (name, of), fd
