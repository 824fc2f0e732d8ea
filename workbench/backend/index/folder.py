"""Where indexes are: a cache folder that may be deleted at any time.

``$XDG_CACHE_HOME/falcowb/index`` (``~/.cache/…``) holds a folder for each capture, named after the
capture and the code that read it. It is made under another name and gets its own when it is
complete. Who uses one holds a lock on it; what is locked is not thrown out.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from workbench.core.bounded import UNFINISHED, shrink
from workbench.core.kept import kept_folder, kept_root

#: Most bytes of all indexes together; what was used last stays.
MAX_BYTES = 8 << 30
#: After so many seconds a folder that nobody completes is thrown out.
_LEFT_OVER = 3600.0


class IndexFolder:
    """A folder that is held. ``path`` stays right when it gets its name. ``lasting``: it is the
    one of the capture, complete; else it is to be filled."""

    def __init__(self, real: Path, final: Path | None, *, lasting: bool) -> None:
        self._real = real
        self._final = final
        self.lasting = lasting
        self._fd = os.open(real, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(self._fd, fcntl.LOCK_SH)
        self.path = Path(f"/proc/self/fd/{self._fd}")

    def complete(self) -> None:
        """All is written: give the folder its name, if it has one and nobody was faster."""
        if self._final is None or self.lasting:
            return
        try:
            self._real.rename(self._final)
        except OSError:
            return
        self._real, self.lasting = self._final, True
        with contextlib.suppress(OSError):
            shrink(self._final.parent.iterdir(), MAX_BYTES, _LEFT_OVER)

    def close(self) -> None:
        os.close(self._fd)
        if not self.lasting:
            shutil.rmtree(self._real, ignore_errors=True)


def index_root() -> Path:
    return kept_root().with_name("index")


def find(path: str | os.PathLike[str]) -> IndexFolder | None:
    """The complete folder of a capture; None where there is none."""
    key = kept_folder(path)
    if key is None:
        return None
    final = index_root() / key.name
    try:
        found = IndexFolder(final, final, lasting=True)
        os.utime(final)
    except OSError:
        return None
    return found


def make(path: str | os.PathLike[str], *, lasting: bool) -> IndexFolder:
    """A new folder for a capture, empty; where the cache cannot be written, or it is not to last, a
    temporary one."""
    key = kept_folder(path) if lasting else None
    if key is not None:
        root = index_root()
        new = root / f"{UNFINISHED}{secrets.token_hex(8)}"
        with contextlib.suppress(OSError):
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            new.mkdir(mode=0o700)
            return IndexFolder(new, root / key.name, lasting=False)
    return IndexFolder(Path(tempfile.mkdtemp(prefix="falcowb-index-")), None, lasting=False)


def discard(folder: IndexFolder) -> None:
    """It is damaged: nobody is to find it again."""
    folder.lasting = False
    folder.close()
