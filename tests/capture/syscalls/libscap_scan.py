"""Writes a ``.scap`` of this host's processes with the installed libscap: ``libscap_scan.py TO``.

Run in a process of its own. It opens without a driver, where libscap reads processes but neither
their further threads nor their files.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path


def library() -> Path | None:
    """Debian's build, which has this way of opening; newer ones have another."""
    found = sorted(Path("/usr/lib").glob("*/libscap.so.0.1.1*"))
    return found[0] if found else None


def scan(to: str) -> str:
    """What went wrong, or nothing."""
    libscap = ctypes.CDLL(str(library()))
    error, code = ctypes.create_string_buffer(1024), ctypes.c_int32()
    libscap.scap_open_nodriver_int.restype = ctypes.c_void_p
    handle = libscap.scap_open_nodriver_int(error, ctypes.byref(code), None, None, True)
    if not handle:
        return error.value.decode()
    libscap.scap_dump_open.restype = ctypes.c_void_p
    dump = libscap.scap_dump_open(ctypes.c_void_p(handle), to.encode(), 0, False)
    if not dump:
        libscap.scap_getlasterr.restype = ctypes.c_char_p
        return libscap.scap_getlasterr(ctypes.c_void_p(handle)).decode()
    libscap.scap_dump_close(ctypes.c_void_p(dump))
    return ""


if __name__ == "__main__":
    sys.exit(scan(sys.argv[1]) or 0)
