"""What the kernel lets this process do with BPF, found out by doing it: nothing of it stays."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

#: Number of bpf(2) by architecture (asm/unistd.h); others use the generic table's.
_NUMBERS = {"x86_64": 321, "i686": 357, "armv7l": 386, "ppc64le": 361, "s390x": 351}
_GENERIC = 280

# Commands, types and helpers of linux/bpf.h.
_MAP_CREATE, _PROG_LOAD, _RAW_TRACEPOINT_OPEN = 0, 5, 17
_RINGBUF, _RAW_TRACEPOINT = 27, 17
_PROBE_READ_KERNEL = 113

Attribute = bytes


def bpf(command: int, attribute: Attribute) -> int:
    """bpf(2). A descriptor, or the negative errno."""
    number = _NUMBERS.get(os.uname().machine, _GENERIC)
    buffer = ctypes.create_string_buffer(attribute, max(len(attribute), 128))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    result = int(
        libc.syscall(
            ctypes.c_long(number),
            ctypes.c_int(command),
            buffer,
            ctypes.c_uint(len(buffer)),
        )
    )
    return result if result >= 0 else -ctypes.get_errno()


def _then_closed(result: int) -> int:
    """0 for a descriptor, which is closed; else the errno."""
    if result < 0:
        return -result
    os.close(result)
    return 0


def try_ring_buffer() -> int:
    """Makes a small ring buffer: 0, or the errno. EINVAL: the kernel has no ring buffers (they
    came with 5.8); ENOSYS: it has no BPF."""
    return _then_closed(bpf(_MAP_CREATE, struct.pack("=IIII", _RINGBUF, 0, 0, 65536)))


def _program(instructions: bytes) -> int:
    """Loads a program for raw tracepoints. A descriptor, or the negative errno."""
    licence = ctypes.create_string_buffer(b"GPL")
    code = ctypes.create_string_buffer(instructions, len(instructions))
    return bpf(
        _PROG_LOAD,
        struct.pack(
            "=IIQQIIQ",
            _RAW_TRACEPOINT,
            len(instructions) // 8,
            ctypes.addressof(code),
            ctypes.addressof(licence),
            0,
            0,
            0,
        ),
    )


def _instruction(code: int, registers: int = 0, offset: int = 0, value: int = 0) -> bytes:
    return struct.pack("=BBhi", code, registers, offset, value)


_RETURN_0 = _instruction(0xB7) + _instruction(0x95)  # r0 = 0; exit
#: Reads 8 bytes of kernel memory to the stack.
_READ_KERNEL = (
    _instruction(0xBF, 0x13)  # r3 = r1
    + _instruction(0xBF, 0xA1)  # r1 = r10
    + _instruction(0x07, 0x01, value=-8)  # r1 -= 8
    + _instruction(0xB7, 0x02, value=8)  # r2 = 8
    + _instruction(0x85, value=_PROBE_READ_KERNEL)
    + _RETURN_0
)


def try_program() -> int:
    """Loads a program that does nothing: 0, or the errno."""
    return _then_closed(_program(_RETURN_0))


def try_reading_kernel() -> int:
    """Loads a program that reads kernel memory: 0, or the errno (EINVAL where the kernel is locked
    down, or older than 5.5)."""
    return _then_closed(_program(_READ_KERNEL))


def try_tracepoint(name: str = "sys_enter") -> int:
    """Attaches a program that does nothing to a raw tracepoint, and takes it off: 0, or the
    errno."""
    program = _program(_RETURN_0)
    if program < 0:
        return -program
    try:
        text = ctypes.create_string_buffer(name.encode())
        attribute = struct.pack("=QI", ctypes.addressof(text), program)
        return _then_closed(bpf(_RAW_TRACEPOINT_OPEN, attribute))
    finally:
        os.close(program)


def meaning(code: int) -> str:
    """An errno in words."""
    return f"{os.strerror(code)} ({errno.errorcode.get(code, code)})"
