"""Sockets by inode, from the tables of ``/proc/…/net`` of one network namespace.

From userspace/libscap/linux/scap_fds.c in falcosecurity/libs: a TCP, UDP or raw socket without a
remote address is a listening one. Sockets that no table tells of (packet sockets, TCP sockets that
were never bound) are not known.
"""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from capture.syscalls.procfs import MAX_PATH, read_all

#: libscap's numbers of kinds of files (``capture.events.state_schema.FD_TYPES``) and of protocols
#: (userspace/libscap/scap.h).
IPV4, IPV6, IPV4_LISTENING, IPV6_LISTENING, UNIX, NETLINK = 3, 4, 5, 6, 8, 15
_TCP, _UDP, _RAW = 2, 3, 5

_MOST_BYTES = 256 << 20
# Inodes are padded with blanks; a name may hold any byte but NUL.
_UNIX = re.compile(rb"^([0-9A-Fa-f]+): \S+ \S+ \S+ \S+ \S+ +(\d+)(?: (.*))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Socket:
    """Addresses are raw bytes in network order; ports and protocol as in ``FDS``."""

    type: int
    name: bytes | None = None
    source_ip: bytes | None = None
    dest_ip: bytes | None = None
    source_port: int | None = None
    dest_port: int | None = None
    l4proto: int | None = None
    source: int | None = None
    destination: int | None = None


_Found = Iterator[tuple[int, Socket]]


def read_sockets(folder: int) -> dict[int, Socket]:
    """The sockets of the namespace of the process with this open folder of ``/proc``, by inode.

    A table that is not there (a kernel without IPv6) has none. Raises OSError where none can be
    read.
    """
    tables: list[tuple[str, Callable[[bytes], _Found]]] = [
        ("tcp", lambda text: _internet(text, _TCP)),
        ("udp", lambda text: _internet(text, _UDP)),
        ("raw", lambda text: _internet(text, _RAW)),
        ("unix", _unix),
        ("netlink", _netlink),
        ("tcp6", lambda text: _internet(text, _TCP)),
        ("udp6", lambda text: _internet(text, _UDP)),
        ("raw6", lambda text: _internet(text, _RAW)),
    ]
    found: dict[int, Socket] = {}
    failed: OSError | None = None
    count = 0
    for name, parse in tables:
        try:
            text = read_all(f"net/{name}", folder, _MOST_BYTES)
        except OSError as error:
            failed = error
            continue
        count += 1
        found.update(parse(text))
    if failed and not count:
        raise failed
    return found


def _internet(text: bytes, l4proto: int) -> _Found:
    for line in text.splitlines()[1:]:
        fields = line.split()
        with contextlib.suppress(ValueError, IndexError):
            source, source_port = _address(fields[1])
            dest, dest_port = _address(fields[2])
            inode = int(fields[9])
            wide = len(source) == 16
            if any(dest):
                yield (
                    inode,
                    Socket(
                        IPV6 if wide else IPV4,
                        source_ip=source,
                        dest_ip=dest,
                        source_port=source_port,
                        dest_port=dest_port,
                        l4proto=l4proto,
                    ),
                )
            else:
                yield (
                    inode,
                    Socket(
                        IPV6_LISTENING if wide else IPV4_LISTENING,
                        source_ip=source,
                        source_port=source_port,
                        l4proto=l4proto,
                    ),
                )


def _address(field: bytes) -> tuple[bytes, int]:
    """An address of 32-bit words in the machine's order, in hexadecimal, and a port."""
    words, _, port = field.partition(b":")
    raw = bytes.fromhex(words.decode("ascii"))
    if len(raw) not in (4, 16):
        raise ValueError("not an address")
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return raw, int(port, 16)


def _unix(text: bytes) -> _Found:
    for match in _UNIX.finditer(text):
        address, inode, name = match.groups()
        path = (name or b"")[: MAX_PATH - 1]
        yield int(inode), Socket(UNIX, name=path, source=int(address, 16), destination=0)


def _netlink(text: bytes) -> _Found:
    for line in text.splitlines()[1:]:
        fields = line.split()
        with contextlib.suppress(ValueError, IndexError):
            yield int(fields[9]), Socket(NETLINK, name=b"")
