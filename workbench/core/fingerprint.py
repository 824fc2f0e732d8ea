"""What tells a capture, and the code that reads it, from others."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import capture
import engine

_EDGE = 1 << 20


def fingerprint(path: str | os.PathLike[str]) -> str | None:
    """Forty hexadecimal digits; others once the capture or the code changes. None for a capture
    that cannot be read."""
    said = hashlib.sha256(repr(_code()).encode())
    try:
        for each in _files(Path(path)):
            status = each.stat()
            said.update(f"{each.name} {status.st_size} {status.st_mtime_ns}\n".encode())
            with each.open("rb") as file:
                said.update(file.read(_EDGE))
                file.seek(max(status.st_size - _EDGE, 0))
                said.update(file.read(_EDGE))
    except OSError:
        return None
    return said.hexdigest()[:40]


def _files(path: Path) -> list[Path]:
    """The file, or those of a capture folder that tell it from others."""
    if not path.is_dir():
        return [path]
    return sorted(each for each in path.rglob("*") if each.is_file())


def _code() -> list[tuple[str, int, int]]:
    """The code that reads and judges: names, sizes and times of its files."""
    return [
        (each.name, each.stat().st_size, each.stat().st_mtime_ns)
        for package in (capture, engine)
        for folder in package.__path__
        for each in sorted(Path(folder).rglob("*"))
        if each.suffix in (".py", ".tsv", ".so")
    ]
