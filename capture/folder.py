"""The folder of a capture: names that are safe, files that are opened safely.

A capture from elsewhere may hold symbolic links, pipes or names with ``..``. Files are opened
relative to the folder's own descriptor, never through a link, and only ordinary files are read.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from capture.errors import CaptureError

FOLDER_MODE = 0o700
FILE_MODE = 0o600
MANIFEST = "manifest.json"
GAPS_FILE = "gaps.arrow"
#: Of system calls that were imported: what conversion to today's events folded away.
FOLDED_FILE = "folded.arrow"
#: Kept on disk while recording, so that a full disk still has room for the end mark.
RESERVE_FILE = ".reserve"

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_FILE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,127}\Z")
_SEGMENT = re.compile(r"events-([0-9]{5,9})\.arrow\Z")
_START = re.compile(r"start-([0-9]{5,9})\Z")
_RESERVED = frozenset({"derived"})


def source_folder(source: str) -> str:
    """The folder of a source: its name, other characters written as ``%XX``."""
    if not source or len(source.encode()) > 64:
        raise CaptureError(f"not the name of an event source: {source[:80]!r}")
    if _PLAIN.match(source) and source not in _RESERVED:
        return source
    escaped = "".join(
        chr(byte) if _PLAIN.match(chr(byte)) else f"%{byte:02X}" for byte in source.encode()
    )
    return escaped if escaped not in _RESERVED else f"%{ord(escaped[0]):02X}{escaped[1:]}"


def folder_source(folder: str) -> str | None:
    """The source whose folder this is; None where the name can be no source's."""
    try:
        source = re.sub(
            r"(?:%[0-9A-F]{2})+",
            lambda run: bytes.fromhex(run.group().replace("%", "")).decode(),
            folder,
        )
        return source if source_folder(source) == folder else None
    except (ValueError, CaptureError):
        return None


def segment_name(index: int) -> str:
    return f"events-{index:05d}.arrow"


def segment_index(name: str) -> int | None:
    """The number in a segment's file name; None for another file."""
    found = _SEGMENT.match(name)
    return int(found.group(1)) if found and segment_name(int(found.group(1))) == name else None


def start_name(index: int) -> str:
    """The folder, inside a source's, of the state with which segment ``index`` begins."""
    return f"start-{index:05d}"


def start_index(name: str) -> int | None:
    """The number in the name of such a folder; None for another name."""
    found = _START.match(name)
    return int(found.group(1)) if found and start_name(int(found.group(1))) == name else None


class Folder:
    """An open directory. ``path`` is for messages only; files are reached by descriptor."""

    def __init__(self, path: Path, fd: int) -> None:
        self.path = path
        self.fd = fd

    @classmethod
    def open(cls, path: Path) -> Folder:
        """Raises :class:`CaptureError` where there is no such folder."""
        try:
            return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        except NotADirectoryError:
            raise CaptureError(
                f"{path} is not a capture: a capture is a folder, NAME.fcap"
            ) from None
        except OSError as error:
            raise CaptureError(f"{path}: {os.strerror(error.errno or 0)}") from None

    def subfolder(self, name: str) -> Folder:
        """A folder inside this one, never through a link. Raises :class:`CaptureError`."""
        if folder_source(name) is None:
            raise CaptureError(f"{self.path}: refused as the folder of a source: {name[:80]!r}")
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            return Folder(self.path / name, os.open(name, flags, dir_fd=self.fd))
        except OSError as error:
            raise CaptureError(f"{self.path / name}: {_why(error)}") from None

    def make_subfolder(self, name: str) -> Folder:
        os.mkdir(name, FOLDER_MODE, dir_fd=self.fd)
        return self.subfolder(name)

    def remove_subfolder(self, name: str) -> None:
        """Remove a folder of files inside this one. Raises OSError."""
        with self.subfolder(name) as inside:
            for file in inside.names():
                os.unlink(file, dir_fd=inside.fd)
        os.rmdir(name, dir_fd=self.fd)

    def open_file(self, name: str) -> int:
        """Descriptor of an ordinary file inside this folder, for reading.

        Raises FileNotFoundError where it is absent, :class:`CaptureError` for links, pipes and
        devices (which are not opened), and for files that may not be read.
        """
        if not _FILE.match(name):
            raise CaptureError(f"{self.path}: refused as a file name: {name[:80]!r}")
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
        try:
            # Opening a device can have effects of its own: look before opening, and again after.
            mode = os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_mode
            if not stat.S_ISREG(mode):
                raise CaptureError(f"{self.path / name}: not an ordinary file, refused")
            fd = os.open(name, flags, dir_fd=self.fd)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise CaptureError(f"{self.path / name}: {_why(error)}") from None
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise CaptureError(f"{self.path / name}: not an ordinary file, refused")
        return fd

    def create_file(self, name: str) -> int:
        """Descriptor of a new file, for appending, mode 0600. Raises OSError."""
        # Appending, so that after a file is cut back the next write goes to its new end.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, FILE_MODE, dir_fd=self.fd)

    def read_small(self, name: str, limit: int) -> bytes:
        """A whole file of at most ``limit`` bytes. Raises as :meth:`open_file`."""
        fd = self.open_file(name)
        try:
            size = os.fstat(fd).st_size
            if size > limit:
                raise CaptureError(
                    f"{self.path / name}: {size} bytes, more than the {limit} allowed"
                )
            with os.fdopen(os.dup(fd), "rb") as file:
                return file.read(limit)
        finally:
            os.close(fd)

    def names(self, limit: int = 1_000_000) -> list[str]:
        """Names in this folder, sorted. Raises :class:`CaptureError` over ``limit``."""
        found = []
        with os.scandir(self.fd) as entries:
            for entry in entries:
                found.append(entry.name)
                if len(found) > limit:
                    raise CaptureError(f"{self.path}: more than {limit} files, refused")
        return sorted(found)

    def replace_file(self, name: str, data: bytes, *, sync: bool) -> None:
        """Write a file whole or not at all: readers see the old one or the new. Raises OSError."""
        temporary = f"{name}.new"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=self.fd)
        fd = self.create_file(temporary)
        try:
            write_whole(fd, data)
            if sync:
                os.fsync(fd)
        finally:
            os.close(fd)
        os.rename(temporary, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        if sync:
            os.fsync(self.fd)

    def lock(self) -> bool:
        """Mark this folder as being written. False where another process has done so.

        The kernel drops the mark with the process, however it ends.
        """
        return _flock(self.fd, fcntl.LOCK_EX)

    def share(self) -> bool:
        """Mark this folder as being read: others may read it, nobody gets to write or remove it who
        asks first. False where it is being written, or is gone already."""
        return _flock(self.fd, fcntl.LOCK_SH) and os.fstat(self.fd).st_nlink > 0

    def is_locked(self) -> bool:
        """Whether some process is writing here now."""
        probe = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self.fd)
        try:
            return not _flock(probe, fcntl.LOCK_SH)
        finally:
            os.close(probe)

    def close(self) -> None:
        # First forgotten, then closed: its number may be another file's at once.
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def write_whole(fd: int, data: bytes | memoryview) -> None:
    """All of ``data``, however many calls the system needs. Raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _flock(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except OSError as error:
        # A file system without locks: nobody can be told apart, so nobody is refused.
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a link or not the kind of file it should be, refused"
    return os.strerror(error.errno or 0)
