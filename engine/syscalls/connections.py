"""Addresses and ports of ``fd.*``: the ends of the connection that an event is about.

From sinsp_filtercheck_fd.cpp, and is_ipv4addr_in_local_machine of ifinfo.cpp for which end is on
this side, in falcosecurity/libs. No name service is asked: the fields of domain names have no
value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, ListColumn, Mask, NumberColumn
from engine.gather import plain
from engine.syscalls import fdtypes
from engine.syscalls.assemble import gathered, gathered_numbers, no_value
from engine.syscalls.containers import Reach, reaches
from engine.syscalls.ofthreads import Make, wide
from engine.syscalls.pathnames import distinct_pairs

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment
    from engine.syscalls.state import Versions

_IP = (fdtypes.IPV4, fdtypes.IPV6)
_LISTENING = (fdtypes.IPV4_LISTENING, fdtypes.IPV6_LISTENING)


def types(table: Versions) -> npt.NDArray[np.int64]:
    return table.number("type").astype(np.int64)


def has_flag(table: Versions, bits: int) -> Mask:
    """Which files have any of these flags."""
    return np.asarray(table.number("flags").astype(np.int64) & bits != 0)


def types_of(table: Versions, files: Codes) -> npt.NDArray[np.int64]:
    """The type of each of these files, -1 for none."""
    return gathered_numbers(table.number("type"), files, -1).astype(np.int64)


def have_role(table: Versions, files: Codes) -> Mask:
    """Which of these files are sockets of a known role."""
    flags = gathered_numbers(table.number("flags"), files).astype(np.int64)
    return np.asarray(flags & (fdtypes.ROLE_CLIENT | fdtypes.ROLE_SERVER) != 0)


class Ends:
    """Of each event, which of its connection's two ends a field speaks of.

    ``files``: versions, -1 for none. ``source``: the end is where the connection comes from, else
    where it goes to; ``has``: the file has that end.
    """

    def __init__(self, segment: SyscallSegment, side: str) -> None:
        self.files = segment.files
        self.table = segment.state.fds
        kinds = types_of(self.table, self.files)
        joined = np.isin(kinds, _IP) & have_role(self.table, self.files)
        match side:
            case "client":
                self.source = np.ones(len(segment), np.bool_)
            case "server":
                self.source = np.zeros(len(segment), np.bool_)
                joined |= np.isin(kinds, _LISTENING)
            case "local":
                self.source = is_own(segment, "source")
            case _:
                self.source = ~is_own(segment, "source")
        self.has = joined

    def ports(self) -> npt.NDArray[np.uint64]:
        source = gathered_numbers(self.table.number("source_port"), self.files)
        dest = gathered_numbers(self.table.number("dest_port"), self.files)
        return np.where(self.source, source, dest).astype(np.uint64)


def is_own(segment: SyscallSegment, end: str) -> Mask:
    """Whether the ``source`` or ``dest`` of each event's connection is an address of the event's
    own side: of the host, or of the container that the event's thread belongs to."""
    files, table = segment.files, segment.state.fds
    own = gathered_numbers(table.number(f"{end}_is_local"), files) != 0
    which, choices = reaches(segment)
    inside = np.flatnonzero((which >= 0) & (files >= 0))
    if len(inside):
        chosen, versions, codes = distinct_pairs(which[inside].astype(np.int64), files[inside])
        addresses = plain(gathered(table.text(f"{end}_ip"), versions.astype(np.int32))).to_pylist()
        host = own[inside][np.unique(codes, return_index=True)[1]]
        answers = [
            _reached(choices[choice], address or b"", bool(known))
            for choice, address, known in zip(chosen.tolist(), addresses, host, strict=True)
        ]
        own[inside] = np.array(answers, np.bool_)[codes]
    return np.asarray(own)


def _reached(reach: Reach, address: bytes, of_host: bool) -> bool:
    if len(address) != 4:  # containers have no other addresses, as far as libs knows
        return False
    return address in reach.addresses or (reach.host and of_host)


def address(side: str) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        ends = Ends(segment, side)
        ours = gathered(ends.table.text("source_ip"), ends.files)
        theirs = gathered(ends.table.text("dest_ip"), ends.files)
        shift = np.int32(len(ours.values))
        codes = np.where(ends.source, ours.codes, theirs.codes + shift)
        values = pa.concat_arrays([ours.values, theirs.values])
        return BytesColumn(np.where(ends.has, codes, np.int32(-1)), values)

    return column


def port(side: str) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        ends = Ends(segment, side)
        return wide(ends.ports(), ends.has)

    return column


def service(side: str) -> Make:
    """A port as text: no service has a name here. libs gives the empty text for the client's port
    of what has a role but no port, and for the server's port of a listening socket."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        ends = Ends(segment, side)
        kinds = types_of(ends.table, ends.files)
        joined = np.isin(kinds, _IP)
        empty = np.zeros(len(segment), np.bool_)
        if side == "client":
            empty = have_role(ends.table, ends.files) & ~joined
        elif side == "server":
            empty = np.isin(kinds, _LISTENING)
        distinct, codes = np.unique(ends.ports(), return_inverse=True)
        texts = [b"%d" % number for number in distinct.tolist()]
        none = np.where(empty, np.int32(len(texts)), np.int32(-1))
        said = np.where(ends.has & joined, codes.astype(np.int32), none)
        return BytesColumn(said, pa.array([*texts, b""], pa.binary()))

    return column


def is_server(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    kinds = types_of(segment.state.fds, segment.files)
    server = np.isin(kinds, _LISTENING) | (np.isin(kinds, _IP) & is_own(segment, "dest"))
    return wide(server, segment.files >= 0)


def _both(segment: SyscallSegment) -> tuple[Mask, npt.NDArray[np.int64]]:
    """Which of both ends each event's file has, shape (rows, 2), and the offsets of lists of them;
    a listening socket has the second alone."""
    kinds = types_of(segment.state.fds, segment.files)
    used = np.stack([np.isin(kinds, _IP), np.isin(kinds, fdtypes.SOCKETS)], 1)
    return used, np.concatenate([np.zeros(1, np.int64), np.cumsum(used.sum(1))])


def either_address(segment: SyscallSegment, arg: str | None) -> ListColumn:
    """Both addresses of a connection, the one of a listening socket; nothing of other files."""
    files, table = segment.files, segment.state.fds
    source, server = (gathered(table.text(f"{end}_ip"), files) for end in ("source", "dest"))
    shift = np.int32(len(source.values))
    both: Codes = np.stack([source.codes, server.codes + shift], 1).astype(np.int32)
    used, offsets = _both(segment)
    items = BytesColumn(both[used], pa.concat_arrays([source.values, server.values]))
    return ListColumn(offsets, items, files >= 0)


def either_port(segment: SyscallSegment, arg: str | None) -> ListColumn:
    files, table = segment.files, segment.state.fds
    ports = [
        gathered_numbers(table.number(f"{end}_port"), files).astype(np.uint64)
        for end in ("source", "dest")
    ]
    used, offsets = _both(segment)
    return ListColumn(offsets, NumberColumn(np.stack(ports, 1)[used], None), files >= 0)


def _no_text(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    return no_value(len(segment))


FIELDS: dict[str, Make] = {
    "fd.ip": either_address,
    "fd.cip": address("client"),
    "fd.sip": address("server"),
    "fd.lip": address("local"),
    "fd.rip": address("remote"),
    "fd.port": either_port,
    "fd.cport": port("client"),
    "fd.sport": port("server"),
    "fd.lport": port("local"),
    "fd.rport": port("remote"),
    "fd.is_server": is_server,
    "fd.proto": either_port,
    "fd.cproto": service("client"),
    "fd.sproto": service("server"),
    "fd.lproto": service("local"),
    "fd.rproto": service("remote"),
    "fd.net": either_address,
    "fd.cnet": address("client"),
    "fd.snet": address("server"),
    "fd.lnet": address("local"),
    "fd.rnet": address("remote"),
    "fd.cip.name": _no_text,
    "fd.sip.name": _no_text,
    "fd.lip.name": _no_text,
    "fd.rip.name": _no_text,
}
