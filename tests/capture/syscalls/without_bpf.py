"""Runs a command as on a kernel without BPF: ``without_bpf.py COMMAND …``.

A seccomp filter answers bpf(2) with ENOSYS, as such a kernel does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys

_NUMBERS = {"x86_64": 321}
_GENERIC = 280
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000


def forbid_bpf() -> None:
    number = _NUMBERS.get(os.uname().machine, _GENERIC)
    code = b"".join(
        (
            struct.pack("=HBBI", 0x20, 0, 0, 0),  # the call's number
            struct.pack("=HBBI", 0x15, 0, 1, number),
            struct.pack("=HBBI", 0x06, 0, 0, _ERRNO | errno.ENOSYS),
            struct.pack("=HBBI", 0x06, 0, 0, _ALLOW),
        )
    )
    held = ctypes.create_string_buffer(code, len(code))
    program = struct.pack("@HP", len(code) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        _SET_SECCOMP, _FILTER, program, 0, 0
    ):
        raise OSError(ctypes.get_errno(), "seccomp is refused")


if __name__ == "__main__":
    forbid_bpf()
    os.execvp(sys.argv[1], sys.argv[1:])
