"""How this process deals with large pieces of memory."""

from __future__ import annotations

import ctypes

# From malloc.h of the GNU C library.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

_LARGEST = 128 << 20  # bytes; a batch of events is smaller
_MOST_UNUSED = 256 << 20


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
