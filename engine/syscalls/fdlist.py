"""``fdlist.*``: the descriptors that a poll asks about.

From sinsp_filtercheck_fdlist.cpp in falcosecurity/libs.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn, Codes, Rows
from engine.gather import plain
from engine.syscalls import fdtypes
from engine.syscalls.assemble import BytesPart, bytes_of, coded, gathered, gathered_numbers
from engine.syscalls.events import Group
from engine.syscalls.ofthreads import Make
from engine.syscalls.render import poll_lists

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment
    from engine.syscalls.state import State

#: The text of each descriptor that has one, from state, versions and numbers.
Say = Callable[["State", Codes, Rows], list[bytes | None]]


def _list(say: Say) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        parts: list[BytesPart] = []
        for key in ("SYSCALL_POLL_X", "SYSCALL_PPOLL_X"):
            group = segment.events.group(event_table().by_key[key].code)
            if group is not None:
                group = group.only(segment.state.known()[group.at])
            if group is not None and len(group):
                parts.append((group.at, *coded(_texts(segment, group, say))))
        return bytes_of(len(segment), parts)

    return column


def _texts(segment: SyscallSegment, group: Group, say: Say) -> pa.BinaryArray:
    """One text an event, null where nothing is said."""
    index = group.type.index("fds")
    lists = poll_lists(segment.events.parameter(group, index))
    lengths = np.diff(lists.offsets)
    rows = np.repeat(np.arange(len(group)), lengths)
    items = np.arange(len(rows)) - np.repeat(lists.offsets[:-1], lengths)
    versions = segment.state.referred(group.at[rows], index, items, lists.fds)
    said = say(segment.state, versions, lists.fds)
    bounds = zip(lists.offsets[:-1].tolist(), lists.offsets[1:].tolist(), strict=True)
    joined = [b",".join(one for one in said[a:b] if one is not None) for a, b in bounds]
    return pa.array([text or None for text in joined], pa.binary())


def _numbers(state: State, versions: Codes, fds: Rows) -> list[bytes | None]:
    return [b"%d" % fd for fd in fds.tolist()]


def _names(state: State, versions: Codes, fds: Rows) -> list[bytes | None]:
    names = plain(gathered(state.fds.text("name"), versions)).to_pylist()
    return [name or b"<NA>" for name in names]


def _addresses(end: str) -> Say:
    kinds = fdtypes.SOCKETS if end == "dest" else (fdtypes.IPV4, fdtypes.IPV6)

    def say(state: State, versions: Codes, fds: Rows) -> list[bytes | None]:
        types = gathered_numbers(state.fds.number("type"), versions, -1).tolist()
        texts = plain(gathered(state.fds.text(f"{end}_ip"), versions)).to_pylist()
        return [
            _address(kind, text) if kind in kinds and text else None
            for kind, text in zip(types, texts, strict=True)
        ]

    return say


def _address(kind: int, text: bytes) -> bytes:
    if kind == fdtypes.IPV6_LISTENING:  # as libs has it: the first bytes, as of version 4
        text = text[:4]
    family = socket.AF_INET if len(text) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, text).encode()


def _ports(end: str) -> Say:
    def say(state: State, versions: Codes, fds: Rows) -> list[bytes | None]:
        types = gathered_numbers(state.fds.number("type"), versions, -1).tolist()
        ports = gathered_numbers(state.fds.number(f"{end}_port"), versions).tolist()
        joined = (fdtypes.IPV4, fdtypes.IPV6)
        return [
            b"%d" % port if kind in joined else None
            for kind, port in zip(types, ports, strict=True)
        ]

    return say


FIELDS: dict[str, Make] = {
    "fdlist.nums": _list(_numbers),
    "fdlist.names": _list(_names),
    "fdlist.cips": _list(_addresses("source")),
    "fdlist.sips": _list(_addresses("dest")),
    "fdlist.cports": _list(_ports("source")),
    "fdlist.sports": _list(_ports("dest")),
}
