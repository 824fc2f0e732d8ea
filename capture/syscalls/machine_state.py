"""The machine and its network interfaces, as rows of the tables that a capture begins with."""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import socket
from dataclasses import dataclass

import pyarrow as pa

from capture.events.state_schema import INTERFACES, MACHINE
from capture.machine import this_host
from capture.syscalls.procfs import read_all

#: Rows that are told at most.
_MOST_ADDRESSES = 65_536


def read_machine(proc: str = "/proc") -> pa.RecordBatch:
    """One row. ``boot_ts_epoch`` is whole seconds (``btime`` of ``/proc/stat``), as in libscap."""
    row = (
        os.sysconf("SC_NPROCESSORS_ONLN"),
        os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGESIZE"),
        _number(f"{proc}/sys/kernel/pid_max"),
        os.fsencode(this_host().name),
        _boot_time(proc) * 1_000_000_000,
        0,
        0,
        0,
    )
    return pa.RecordBatch.from_arrays(
        [pa.array([value], type_) for value, type_ in zip(row, MACHINE.types, strict=True)],
        schema=MACHINE,
    )


def _number(path: str) -> int:
    try:
        return int(read_all(path))
    except (OSError, ValueError):
        return 0


def _boot_time(proc: str) -> int:
    try:
        lines = read_all(f"{proc}/stat", most=16 << 20).splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(b"btime ")), 0)


class _SocketAddress(ctypes.Structure):
    _fields_ = (("family", ctypes.c_ushort), ("data", ctypes.c_ubyte * 26))


class _InterfaceAddress(ctypes.Structure):
    pass


_InterfaceAddress._fields_ = (  # after the class, which it names
    ("next", ctypes.POINTER(_InterfaceAddress)),
    ("name", ctypes.c_char_p),
    ("flags", ctypes.c_uint),
    ("address", ctypes.POINTER(_SocketAddress)),
    ("netmask", ctypes.POINTER(_SocketAddress)),
    ("broadcast", ctypes.POINTER(_SocketAddress)),
    ("data", ctypes.c_void_p),
)


@dataclass(frozen=True, slots=True)
class _Address:
    name: bytes
    address: bytes
    netmask: bytes
    broadcast: bytes


def read_interfaces() -> pa.RecordBatch:
    """One row an address, IPv4 before IPv6, by getifaddrs(3); none where that fails."""
    found = _addresses()
    rows = [one for one in found if len(one.address) == 4]
    rows += [one for one in found if len(one.address) == 16]
    columns = [
        pa.array([one.name for one in rows], pa.binary()),
        pa.array([one.address for one in rows], pa.binary()),
        pa.array([one.netmask for one in rows], pa.binary()),
        pa.array([one.broadcast for one in rows], pa.binary()),
        pa.array([0] * len(rows), pa.uint64()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=INTERFACES)


def _addresses() -> list[_Address]:
    libc = ctypes.CDLL(None, use_errno=True)
    first = ctypes.POINTER(_InterfaceAddress)()
    if libc.getifaddrs(ctypes.byref(first)):
        return []
    found: list[_Address] = []
    try:
        at = first
        while at and len(found) < _MOST_ADDRESSES:
            one = at.contents
            address = _raw(one.address)
            if address:
                empty = bytes(len(address))
                found.append(
                    _Address(
                        one.name or b"",
                        address,
                        _raw(one.netmask) or empty,
                        _raw(one.broadcast) or empty,
                    )
                )
            at = one.next
    finally:
        libc.freeifaddrs(first)
    return found


def _raw(address: ctypes._Pointer[_SocketAddress]) -> bytes:
    """The address itself, in network order; empty for one of another family, or none."""
    if not address:
        return b""
    # sockaddr_in: port, address; sockaddr_in6: port, flow, address.
    at = {socket.AF_INET: (2, 6), socket.AF_INET6: (6, 22)}.get(address.contents.family)
    return bytes(address.contents.data[slice(*at)]) if at else b""
