"""The folder of a new capture: never somebody else's, never a running recording's."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from capture.errors import CaptureError
from capture.folder import FOLDER_MODE, MANIFEST, Folder
from capture.manifest import MAX_MANIFEST_BYTES, Manifest


def make_folder(path: Path, overwrite: bool) -> Folder:
    """An empty folder of mode 0700, locked for writing."""
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
        path.mkdir(FOLDER_MODE, exist_ok=True)
        path.chmod(FOLDER_MODE)
    except OSError as error:
        raise CaptureError(f"{path}: {os.strerror(error.errno or 0)}") from None
    folder = Folder.open(path)
    if not folder.lock():
        folder.close()
        raise CaptureError(f"{path} is being recorded by another process")
    return folder


def _remove(path: Path) -> None:
    """Remove an old capture, and nothing that is not one."""
    hint = "Only a capture is overwritten; remove it yourself if that is meant."
    if not path.is_dir():
        raise CaptureError(f"{path} exists and is not a capture", hint=hint)
    with Folder.open(path) as old:
        try:
            Manifest.from_json(old.read_small(MANIFEST, MAX_MANIFEST_BYTES))
        except (CaptureError, FileNotFoundError):
            raise CaptureError(f"{path} exists and is not a capture", hint=hint) from None
        if old.is_locked():
            raise CaptureError(f"{path} is being recorded by another process")
    shutil.rmtree(path)
