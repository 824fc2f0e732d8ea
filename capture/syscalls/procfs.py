"""Reading ``/proc``: small files at once, links, and what could not be read, counted."""

from __future__ import annotations

import ctypes
import errno
import functools
import os
import stat
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

#: Longest path, list of arguments, environment and set of control groups that libscap keeps
#: (userspace/libscap/scap_limits.h in falcosecurity/libs). One byte is for the ending NUL.
MAX_PATH = 1024
MAX_ARGS = 4096
MAX_ENV = 4096
MAX_CGROUPS = 4096

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_CLOEXEC


def host_root() -> Path:
    """The root of the host as this process sees it: ``HOST_ROOT`` where set, as Falco has it."""
    return Path(os.environ.get("HOST_ROOT") or "/")


@dataclass(slots=True)
class Proc:
    """A mounted ``/proc`` and what it refused to tell. ``path`` is absolute."""

    path: str = "/proc"
    #: How often something may not be read, by what it is; processes that ended do not count.
    refused: Counter[str] = field(default_factory=Counter)

    def refuse(self, what: str, error: OSError) -> None:
        if error.errno in (errno.EACCES, errno.EPERM):
            self.refused[what] += 1


def numbers_in(folder: int) -> list[int]:
    """Entries of an open folder that are numbers, ascending. Raises OSError."""
    names = os.listdir(folder)
    return sorted(int(name) for name in names if name.isdigit())


def open_folder(path: str, at: int | None = None) -> int:
    """A descriptor of a folder. Raises OSError."""
    return os.open(path, _DIRECTORY, dir_fd=at)


def read_all(path: str, at: int | None = None, most: int = 1 << 20) -> bytes:
    """A file's content, up to ``most`` bytes. Raises OSError."""
    fd = os.open(path, _READ, dir_fd=at)
    try:
        content = os.read(fd, most)
        # Files of /proc give what fits in one read; only long ones need more.
        if not content or len(content) == most or len(content) < 1024:
            return content
        parts = [content]
        size = len(content)
        while size < most and (part := os.read(fd, most - size)):
            parts.append(part)
            size += len(part)
        return b"".join(parts)
    finally:
        os.close(fd)


class _Statx(ctypes.Structure):
    """The beginning of ``struct statx`` (statx(2)), with room for the rest of it."""

    _fields_ = (
        ("head", ctypes.c_uint32 * 7),
        ("mode", ctypes.c_uint16),
        ("spare", ctypes.c_uint16),
        ("ino", ctypes.c_uint64),
        ("rest", ctypes.c_uint8 * 256),
    )


#: AT_NO_AUTOMOUNT and AT_STATX_DONT_SYNC; STATX_TYPE and STATX_INO (linux/stat.h).
_KNOWN, _WANTED = 0x800 | 0x4000, 0x1 | 0x100


@functools.cache
def _statx() -> Callable[..., int] | None:
    """statx(2), None in a C library without it."""
    try:
        return ctypes.CDLL(None, use_errno=True).statx
    except AttributeError:
        return None


def kind_and_inode(name: str, at: int) -> tuple[int, int]:
    """Kind (``stat.S_IFMT``) and inode of what an entry leads to. Raises OSError.

    By what this machine knows of it: a file system over the network or of a program, which may
    never answer, is not asked.
    """
    statx = _statx()
    if statx is None:
        file = os.stat(name, dir_fd=at)
        return stat.S_IFMT(file.st_mode), file.st_ino
    told = _Statx()
    if statx(at, name.encode(), _KNOWN, _WANTED, ctypes.byref(told)):
        raise OSError(ctypes.get_errno(), "statx")
    return stat.S_IFMT(told.mode), told.ino


def read_link(path: str, at: int | None = None) -> bytes:
    """Where a link leads, cut as libscap cuts it. Raises OSError."""
    return os.fsencode(os.readlink(path, dir_fd=at))[: MAX_PATH - 1]
