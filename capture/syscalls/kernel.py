"""The few requests of bpf(2) that loading the probe takes: layouts from linux/bpf.h, x86_64."""

from __future__ import annotations

import ctypes
import os
import struct
from typing import Any

ARRAY, PROG_ARRAY, PERCPU_ARRAY, ARRAY_OF_MAPS, RINGBUF = 2, 3, 6, 12, 27
_RAW_TRACEPOINT = 17

_NR_BPF = 321
_MAP_CREATE, _LOOKUP, _UPDATE, _PROG_LOAD, _GET_INFO, _RAW_TRACEPOINT_OPEN = 0, 1, 2, 5, 15, 17
_LOG = 1 << 20
_INFO_SIZE, _RECURSION_MISSES = 232, 208

_LIBC = ctypes.CDLL(None, use_errno=True)


def create_map(
    kind: int, name: str, key: int, value: int, entries: int, flags: int = 0, inner: int = 0
) -> int:
    """A map's file descriptor; sizes are bytes. Raises OSError."""
    return _bpf(
        _MAP_CREATE,
        struct.pack("<IIIIIII16s", kind, key, value, entries, flags, inner, 0, _name(name)),
    )


def update(table: int, key: int, value: bytes) -> None:
    """Set the value of a numbered key. Raises OSError."""
    number, given = ctypes.c_uint32(key), ctypes.create_string_buffer(value, len(value))
    _bpf(
        _UPDATE,
        struct.pack("<IIQQQ", table, 0, ctypes.addressof(number), ctypes.addressof(given), 0),
    )


def lookup(table: int, key: int, size: int) -> bytes:
    """The value of a numbered key, of so many bytes (of all CPUs). Raises OSError."""
    number, room = ctypes.c_uint32(key), ctypes.create_string_buffer(size)
    _bpf(
        _LOOKUP,
        struct.pack("<IIQQQ", table, 0, ctypes.addressof(number), ctypes.addressof(room), 0),
    )
    return room.raw


def load_program(name: str, code: bytes) -> int:
    """A raw tracepoint program's file descriptor. Raises OSError, with the end of what the
    verifier says as its text where that is why."""
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")

    def attempt(level: int, log: Any) -> int:
        return _bpf(
            _PROG_LOAD,
            struct.pack(
                "<IIQQIIQII16s",
                _RAW_TRACEPOINT,
                len(code) // 8,
                ctypes.addressof(instructions),
                ctypes.addressof(licence),
                level,
                _LOG if level else 0,
                ctypes.addressof(log) if level else 0,
                0,
                0,
                _name(name),
            ),
        )

    try:
        return attempt(0, None)
    except OSError as error:
        log = ctypes.create_string_buffer(_LOG)
        try:
            return attempt(1, log)
        except OSError:
            said = log.value.decode(errors="replace").strip().splitlines()
            if not said:
                raise error from None
            raise OSError(error.errno, "; ".join(said[-2:])) from None


def open_raw_tracepoint(name: str, program: int) -> int:
    """Attach a program; it is detached when the file descriptor is closed. Raises OSError."""
    text = ctypes.create_string_buffer(name.encode())
    return _bpf(_RAW_TRACEPOINT_OPEN, struct.pack("<QI", ctypes.addressof(text), program))


def recursion_misses(program: int) -> int:
    """Times the kernel passed the program over because it ran on that CPU already; 0 where the
    kernel (before 5.12) does not count."""
    info = ctypes.create_string_buffer(_INFO_SIZE)
    try:
        _bpf(_GET_INFO, struct.pack("<IIQ", program, _INFO_SIZE, ctypes.addressof(info)))
    except OSError:
        return 0
    return int(struct.unpack_from("<Q", info, _RECURSION_MISSES)[0])


def _name(name: str) -> bytes:
    return name.encode()[:15]


def _bpf(command: int, attributes: bytes) -> int:
    given = ctypes.create_string_buffer(attributes, len(attributes))
    result = int(_LIBC.syscall(_NR_BPF, command, given, len(attributes)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
