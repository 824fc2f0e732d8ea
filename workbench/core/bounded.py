"""Cache folders that are bounded: what was used longest ago goes first.

What is in such a folder is made under a name that begins with ``new-`` and gets its own when it is
complete. Who uses it holds a lock on it, and what is locked is not thrown out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

#: What the name of a folder begins with that is not complete, or on its way out.
UNFINISHED = "new-"


def size_of(folder: Path) -> int:
    """Bytes of all files in a folder. Raises OSError."""
    return sum(each.lstat().st_size for each in folder.rglob("*"))


def shrink(folders: Iterable[Path], most: int, left_over: float) -> None:
    """Throw out what was used longest ago, until ``most`` bytes are left, and what is unfinished
    and older than ``left_over`` seconds: killed processes left it behind."""
    entries = []
    for path in folders:
        with contextlib.suppress(OSError):
            entries.append((path.stat().st_mtime, path, size_of(path)))
    total = sum(size for _, _, size in entries)
    for used, path, size in sorted(entries):
        stale = path.name.startswith(UNFINISHED) and time.time() - used > left_over
        if (total > most or stale) and throw_out(path):
            total -= size


def throw_out(path: Path) -> bool:
    """Remove a folder, unless somebody holds it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        trash = path.with_name(f"{UNFINISHED}{secrets.token_hex(8)}{path.suffix}")
        path.rename(trash)
        shutil.rmtree(trash, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True
