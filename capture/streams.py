"""The batches of one file of a capture, each checked, up to where it can be read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pyarrow as pa

from capture.errors import CaptureError
from capture.folder import Folder
from capture.ipc import Damage, Decoder, Frame, frames, read_schema
from capture.manifest import SegmentInfo


def stream(
    root: Folder,
    folder: str,
    file: str,
    decoder: Callable[[pa.Schema], Decoder | None],
    note: Callable[[str], None],
    wanted: Callable[[Frame], bool] = lambda _: True,
) -> Iterator[tuple[Frame, pa.RecordBatch]]:
    """The batches that are ``wanted``, with their frames.

    ``decoder`` gives the decoder for a schema, None for one that does not belong here. A batch that
    cannot be read is left out and told to ``note``; what comes after damage between batches is not
    read (opening a capture has told of it).
    """
    opened = _open(root, folder, file)
    if opened < 0:
        return
    try:
        size = os.fstat(opened).st_size
        schema, offset = read_schema(opened, size)
        reads = decoder(schema)
        if reads is None:
            return
        for frame in frames(opened, size, offset):
            if not wanted(frame):
                continue
            try:
                yield frame, reads.read(opened, frame)
            except Damage as damage:
                note(f"{folder}/{file}: {damage.reason}: {damage.rows} events are lost")
    except Damage:
        return
    finally:
        os.close(opened)


def let_go_meanwhile(root: Folder, folder: str, segment: SegmentInfo) -> str | None:
    """What to say of a segment that was there when the capture was opened, and of which nothing
    was read: whoever records a ring may have let it go. None where it is there."""
    if not segment.events:
        return None
    opened = _open(root, folder, segment.file)
    if opened >= 0:
        os.close(opened)
        return None
    return f"{folder}/{segment.file}: let go while it was read, with {segment.events} events"


def headers(root: Folder, folder: str, file: str) -> Iterator[tuple[pa.Schema, Frame]]:
    """The headers of the batches of a file, up to damage: their content is not read."""
    opened = _open(root, folder, file)
    if opened < 0:
        return
    try:
        size = os.fstat(opened).st_size
        schema, offset = read_schema(opened, size)
        for frame in frames(opened, size, offset):
            yield schema, frame
    except Damage:
        return
    finally:
        os.close(opened)


def _open(root: Folder, folder: str, file: str) -> int:
    """Descriptor of a file, -1 where opening the capture has said that it cannot be read."""
    try:
        with root.subfolder(folder) as inside:
            return inside.open_file(file)
    except (FileNotFoundError, CaptureError):
        return -1
