"""The folder of a new capture: never somebody else's, never a running recording's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from capture.errors import CaptureError
from capture.folder import FOLDER_MODE, MANIFEST, Folder
from capture.manifest import MAX_MANIFEST_BYTES
from capture.manifest_reading import read_manifest


class NewFolder:
    """An empty folder of mode 0700, locked for writing, that is to become ``path``.

    It has another name until :meth:`publish`, so that whoever finds a capture there finds one that
    opens; only an empty folder that is there already is used as it stands. ``folder`` is open.
    """

    def __init__(self, path: Path, folder: Folder, made: Path) -> None:
        self.folder = folder
        self._path = path
        self._made = made

    def publish(self) -> None:
        """Give it its name. Raises :class:`CaptureError` where that has been taken meanwhile."""
        if self._made == self._path:
            return
        try:
            self._made.rename(self._path)
        except OSError as error:
            raise CaptureError(f"{self._path}: {os.strerror(error.errno or 0)}") from None

    def abandon(self) -> None:
        """Remove it, if it has no name yet."""
        self.folder.close()
        if self._made != self._path:
            shutil.rmtree(self._made, ignore_errors=True)


def make_folder(path: Path, overwrite: bool) -> NewFolder:
    """The folder of a new capture. Raises :class:`CaptureError` where there can be none."""
    if path.is_symlink():
        raise CaptureError(f"{path} is a link; a capture is written to a folder of its own")
    try:
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if not overwrite:
                raise CaptureError(
                    f"{path} exists already",
                    hint="Choose another name, or replace it with --overwrite.",
                )
            _remove(path)
        made = path if path.exists() else path.with_name(f".{path.name}.{os.getpid()}.new")
        if made != path and made.exists():
            shutil.rmtree(made)  # Left by a process of our number that was killed.
        made.mkdir(FOLDER_MODE, exist_ok=made == path)
        made.chmod(FOLDER_MODE)
    except OSError as error:
        raise CaptureError(f"{path}: {os.strerror(error.errno or 0)}") from None
    opened = Folder.open(made)
    folder = Folder(path, opened.fd)
    if not folder.lock():
        folder.close()
        raise CaptureError(f"{path} is being recorded by another process")
    return NewFolder(path, folder, made)


def _remove(path: Path) -> None:
    """Remove an old capture, and nothing that is not one."""
    hint = "Only a capture is overwritten; remove it yourself if that is meant."
    if not path.is_dir():
        raise CaptureError(f"{path} exists and is not a capture", hint=hint)
    with Folder.open(path) as old:
        try:
            read_manifest(old.read_small(MANIFEST, MAX_MANIFEST_BYTES))
        except (CaptureError, FileNotFoundError):
            raise CaptureError(f"{path} exists and is not a capture", hint=hint) from None
        if old.is_locked():
            raise CaptureError(f"{path} is being recorded by another process")
    shutil.rmtree(path)
