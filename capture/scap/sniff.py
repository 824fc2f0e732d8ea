"""Telling a ``.scap`` by what it begins with, whatever its name."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pyarrow as pa

#: The block that every capture begins with, in either order of bytes (as of pcapng).
_SECTION = b"\n\r\r\n"
_PACKED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


def is_scap(path: str | os.PathLike[str]) -> bool:
    """Whether an ordinary file begins as a ``.scap`` does, plain or packed. False for what cannot
    be read."""
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return False
        with Path(path).open("rb") as file:
            head = file.read(4)
        packing = next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)
        if packing is not None:
            with pa.input_stream(
                os.fspath(path), compression=packing, buffer_size=4096
            ) as unpacked:
                head = unpacked.read(4)
    except (OSError, pa.ArrowInvalid):
        return False
    return bool(head == _SECTION)
