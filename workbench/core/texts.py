"""Texts read to be edited, and written whole or not at all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from capture.errors import FalcowbError, Place
from engine.yaml import read_text


def replace_text(path: Path, text: str) -> None:
    """Write a file anew, keeping its mode. Raises FalcowbError where that cannot be done."""
    target = path.resolve() if path.is_symlink() else path
    try:
        mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
        with tempfile.NamedTemporaryFile(
            "w",
            encoding="utf-8",
            newline="",
            dir=target.parent,
            prefix=f".{target.name}.",
            delete=False,
        ) as file:
            file.write(text)
        made = Path(file.name)
        made.chmod(mode)
        made.replace(target)
    except OSError as error:
        raise FalcowbError(
            f"the file cannot be written: {error.strerror}", place=Place(str(path))
        ) from error


def text_to_edit(path: Path) -> str:
    """A file's text, empty where there is none. Raises FalcowbError for what would not be written
    back as it is."""
    if not path.exists():
        return ""
    text = read_text(path)
    if path.read_bytes() != text.encode("utf-8", "replace"):
        raise FalcowbError(
            "the file is not plain UTF-8, so it is not changed",
            place=Place(str(path)),
            hint="Save it as UTF-8 without a byte order mark.",
        )
    return text
