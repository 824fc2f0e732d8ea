"""Captures for commands that are given a ``.scap``: imported once, kept in a cache folder.

``$XDG_CACHE_HOME/falcowb/scap`` (``~/.cache/…``) holds ``KEY.fcap`` for each file that was opened;
the key is made of the file's size, time, first and last bytes. All of it may be deleted at any
time. Several processes may use it at once, and any may be killed:

- an import is made under another name and gets its own when it is whole;
- two processes that want the same file do not both import it: one waits for the other;
- who reads a capture holds a lock on it, and what is locked is not thrown out.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from capture.errors import CaptureError
from capture.reader import Capture, open_capture
from capture.scap.importer import import_scap
from workbench.core.bounded import UNFINISHED, shrink, throw_out

#: Most bytes that the cache keeps; what was used last stays.
MAX_BYTES = 20 << 30
#: Part of the key: to be raised when an import of the same file would come out differently.
_VERSION = 2
_EDGE = 1 << 20
_LOCKS = 16
#: After this long (seconds) an unfinished import that nobody works on is thrown out.
_LEFT_OVER = 60.0

Progress = Callable[[int, float | None], None]


def open_scap(
    path: str | os.PathLike[str],
    progress: Progress = lambda _events, _fraction: None,
    *,
    folder: Path | None = None,
    max_bytes: int = MAX_BYTES,
) -> Capture:
    """The capture that a ``.scap`` comes to, from the cache where it is there.

    ``progress`` is told of an import that has to be made, as by
    :func:`capture.scap.importer.import_scap`. Raises CaptureError where the file cannot be read as
    a ``.scap``, or the cache cannot be written.
    """
    source = Path(path)
    key = _key(source)
    root = _made(cache_folder() if folder is None else folder)
    with _locked(root / f"lock-{int(key[:8], 16) % _LOCKS}"):
        # Nobody else imports this file now; a capture found may still be thrown out under us.
        found = _opened(root / f"{key}.fcap")
        if found is None:
            _import(source, root / f"{key}.fcap", progress)
            found = _opened(root / f"{key}.fcap")
    if found is None:
        raise CaptureError(f"{root}: the cache was emptied while {source} was imported")
    shrink(root.glob("*.fcap"), max_bytes, _LEFT_OVER)
    return found


def cache_folder() -> Path:
    """Where the cache is."""
    configured = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return base / "falcowb" / "scap"


def _key(source: Path) -> str:
    try:
        with source.open("rb") as file:
            status = os.fstat(file.fileno())
            head = file.read(_EDGE)
            file.seek(max(status.st_size - _EDGE, 0))
            tail = file.read(_EDGE)
    except OSError as error:
        raise CaptureError(f"{source}: {os.strerror(error.errno or 0)}") from None
    facts = f"{_VERSION} {status.st_size} {status.st_mtime_ns} ".encode()
    return hashlib.sha256(facts + head + tail).hexdigest()[:40]


def _made(root: Path) -> Path:
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.lstat()
    except OSError as error:
        raise CaptureError(
            f"{root}: {os.strerror(error.errno or 0)}",
            hint="A .scap is imported into the cache first; XDG_CACHE_HOME says where that is.",
        ) from None
    if status.st_uid != os.geteuid() or root.is_symlink():
        raise CaptureError(
            f"{root}: the cache belongs to somebody else, or is a link",
            hint="Remove it, or set XDG_CACHE_HOME to a folder of your own.",
        )
    return root


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock that the kernel drops with the process."""
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CaptureError(f"{path}: {os.strerror(error.errno or 0)}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _import(source: Path, target: Path, progress: Progress) -> None:
    new = target.with_name(f"{UNFINISHED}{secrets.token_hex(8)}.fcap")
    try:
        import_scap(source, new, compression="lz4", digest=False, progress=progress)
        with contextlib.suppress(FileNotFoundError):
            throw_out(target)  # One that can no longer be opened.
        new.rename(target)
    except OSError as error:
        raise CaptureError(f"{target}: {os.strerror(error.errno or 0)}") from None
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _opened(path: Path) -> Capture | None:
    """The capture, locked against being thrown out; None where there is none that is whole."""
    if not path.is_dir():
        return None
    try:
        capture = open_capture(path)
    except CaptureError:
        return None
    if not capture.hold() or capture.manifest.end is None:
        capture.close()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)
    return capture
