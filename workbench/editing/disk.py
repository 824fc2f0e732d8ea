"""Rule files on disk while they are edited: read, written, and looked at for changes by others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from capture.errors import FalcowbError, Place
from workbench.core.texts import replace_text, text_to_edit

#: Larger files are not opened in the editor.
MOST_BYTES = 8 << 20

#: Time of change (ns), size and inode of a file.
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Saved:
    """What a file held when it was read or written last. ``stamp``: None for no file."""

    text: str
    stamp: Stamp | None


def stamp(path: str) -> Stamp | None:
    """What tells whether a file changed; None where it is not there."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read(path: str) -> Saved:
    """Raises FalcowbError for what cannot be read, is too large, or would not be written back as
    it is."""
    now = stamp(path)
    if now is not None and now[1] > MOST_BYTES:
        raise FalcowbError(
            f"the file is larger than {MOST_BYTES >> 20} MB, too large for this editor",
            place=Place(path),
        )
    return Saved(text_to_edit(Path(path)), now)


def write(path: str, text: str) -> Saved:
    """Raises FalcowbError where it cannot be written."""
    replace_text(Path(path), text)
    return Saved(text, stamp(path))
