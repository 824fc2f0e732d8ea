"""Socket addresses and connections as text.

From write_sockaddr_param_to_storage and write_socktuple_param_to_storage of
userspace/libsinsp/event.cpp and the texts of addresses in utils.cpp, in falcosecurity/libs.
"""

from __future__ import annotations

import socket
import struct

UNIX, INET, INET6 = 1, 2, 10
_MAPPED = bytes(10) + b"\xff\xff"


def address(value: bytes) -> bytes:
    """An address as the driver writes it: the family, then what the family has."""
    match value[0]:
        case 1:
            return value[1:-1].partition(b"\0")[0] if _path(value, 1) else b"INVALID PATH"
        case 2:
            return _inet(value, 1) if len(value) >= 7 else b"INVALID IPv4"
        case 10:
            return _inet6(value, 1) if len(value) >= 19 else b"INVALID IPv6"
        case family:
            return b"family %d" % family


def connection(value: bytes) -> bytes:
    """Both ends of a connection as the driver writes them."""
    match value[0]:
        case 1:
            if not _path(value, 17):
                return b"INVALID PATH"
            source, peer = struct.unpack_from("<QQ", value, 1)
            return b"%x->%x %s" % (source, peer, value[17:].partition(b"\0")[0])
        case 2:
            if len(value) < 13:
                return b"INVALID IPv4"
            return _inet(value, 1) + b"->" + _inet(value, 7)
        case 10:
            if len(value) < 37:
                return b"INVALID IPv6"
            if value[1:13] == _MAPPED and value[19:31] == _MAPPED:
                return _inet(value, 13) + b"->" + _inet(value, 31)
            return _inet6(value, 1) + b"->" + _inet6(value, 19)
        case family:
            return b"family %d" % family


def _path(value: bytes, start: int) -> bool:
    return len(value) > start and value[-1] == 0


def _inet(value: bytes, at: int) -> bytes:
    (port,) = struct.unpack_from("<H", value, at + 4)
    return b"%d.%d.%d.%d:%d" % (*value[at : at + 4], port)


def _inet6(value: bytes, at: int) -> bytes:
    (port,) = struct.unpack_from("<H", value, at + 16)
    host = socket.inet_ntop(socket.AF_INET6, value[at : at + 16])
    return b"%s:%d" % (host.encode(), port)
