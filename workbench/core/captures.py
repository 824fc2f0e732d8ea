"""Opening what a person calls a capture: a folder, or a ``.scap``."""

from __future__ import annotations

import os
from pathlib import Path

from capture.reader import Capture, open_capture
from workbench.core.scap_cache import Progress, open_scap


def open_any(
    path: str | os.PathLike[str], progress: Progress = lambda _events, _fraction: None
) -> Capture:
    """A capture folder as it is; a ``.scap`` through the cache of imports, ``progress`` telling of
    the import. Raises CaptureError for anything else."""
    return open_scap(path, progress) if Path(path).is_file() else open_capture(path)
