"""Batches of a capture by where they are, to be read again without all that come before."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from capture.errors import CaptureError
from capture.folder import Folder
from capture.ipc import Damage, Decoder, frames, read_schema


@dataclass(frozen=True, slots=True)
class At:
    """The batch that begins at byte ``offset`` of a file of the source's folder; ``section`` is the
    section of system calls it belongs to (0 for a plugin's)."""

    file: str
    offset: int
    section: int = 0


def read_at(
    root: Folder, folder: str, at: At, decoder: Callable[[pa.Schema], Decoder | None]
) -> pa.RecordBatch:
    """The batch at a place, checked as any other.

    Raises CaptureError where there is none, or it cannot be read.
    """
    where = f"{folder}/{at.file}"
    try:
        with root.subfolder(folder) as inside:
            opened = inside.open_file(at.file)
    except FileNotFoundError:
        raise CaptureError(f"{root.path / where}: the file is gone") from None
    try:
        size = os.fstat(opened).st_size
        schema, start = read_schema(opened, size)
        reads = decoder(schema)
        if reads is None or at.offset < start:
            raise CaptureError(f"{root.path / where}: not what was there before")
        for frame in frames(opened, size, at.offset):
            return reads.read(opened, frame)
        raise CaptureError(f"{root.path / where}: nothing at byte {at.offset:,}")
    except Damage as damage:
        raise CaptureError(f"{root.path / where}: {damage.reason}") from None
    finally:
        os.close(opened)
