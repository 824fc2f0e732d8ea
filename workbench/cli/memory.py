"""How this process deals with large pieces of memory."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

# From malloc.h of the GNU C library.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_LARGEST = 128 << 20  # bytes; a batch of events is smaller
_MOST_UNUSED = 256 << 20

# From mman.h; on pages of a file that nobody has changed it only lets them go.
_MADV_DONTNEED = 4
_COMPILER = re.compile(r"/lib(LLVM|clang)[^/]*$")


def reuse_memory() -> None:
    """Let memory of one batch be used again for the next.

    Without this every batch is written to fresh pages of the kernel, a tenth of the time of a
    replay. At most 256 MiB stay with the process unused. Other C libraries are left alone.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGEST)
    mallopt(_M_TRIM_THRESHOLD, _MOST_UNUSED)


def forget_compiler() -> None:
    """Give back the memory of the compiler that made the probe: its code, 70 MB, is a file on disk
    and is read again should it ever run once more."""
    try:
        madvise = ctypes.CDLL(None, use_errno=True).madvise
        maps = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace")
    except (OSError, AttributeError):
        return
    for line in maps.splitlines():
        words = line.split(maxsplit=5)
        # Code alone: of other pages some hold what the loader has written.
        if len(words) == 6 and words[1] == "r-xp" and _COMPILER.search(words[5]):
            start, end = (int(each, 16) for each in words[0].split("-"))
            madvise(ctypes.c_void_p(start), ctypes.c_size_t(end - start), _MADV_DONTNEED)
