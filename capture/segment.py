"""One segment file while it is written: an Arrow IPC stream appended to in whole batches."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping

import pyarrow as pa

from capture.folder import Folder, write_whole
from capture.ipc import SECTION_KEY, SPAN_KEY, Span

#: Audit events, 2.4 KB each, in batches of 16 MiB: zstd at its level 1 packs 30 times at 1.5 GB/s
#: and unpacks at 4 GB/s; lz4 packs 8 times at 1.0 and 4 GB/s (one core, pyarrow 26).
COMPRESSION = "zstd"

#: The name for none.
UNCOMPRESSED = "uncompressed"

SCHEMA_KEY = b"falcowb"


class SegmentFile:
    """Appends batches. Each reaches the system in one piece: after any failure the file is cut back
    to the last whole batch, so what is on disk is a readable stream at every moment.

    ``about`` goes into the stream's schema, so that a segment alone says what it is. Methods raise
    OSError when the system refuses.
    """

    def __init__(
        self,
        folder: Folder,
        name: str,
        schema: pa.Schema,
        about: Mapping[str, object],
        compression: str = COMPRESSION,
    ) -> None:
        self.name = name
        self.events = 0
        self.payload_bytes = 0
        self.size = 0
        self.span: Span | None = None
        self._pieces = _Pieces()
        self._fd = folder.create_file(name)
        self._synced = 0
        text = json.dumps(about, ensure_ascii=False).encode()
        self._stream = pa.ipc.new_stream(
            pa.PythonFile(self._pieces, mode="w"),
            schema.with_metadata({SCHEMA_KEY: text}),
            options=pa.ipc.IpcWriteOptions(
                compression=None if compression == UNCOMPRESSED else compression,
                use_threads=False,
            ),
        )
        self._append()

    def append(
        self,
        batch: pa.RecordBatch,
        span: Span | None,
        payload_bytes: int = 0,
        section: int | None = None,
    ) -> None:
        """Write one batch whole, or nothing."""
        self._pieces.clear()
        custom = {} if span is None else {SPAN_KEY: span.encode()}
        if section is not None:
            custom[SECTION_KEY] = str(section).encode()
        self._stream.write_batch(batch, custom_metadata=custom)
        self._append()
        self.events += batch.num_rows
        self.payload_bytes += payload_bytes
        if span is not None:
            self.span = span.merge(self.span)

    def sync(self) -> None:
        """Bring what is written through to the disk."""
        if self._synced < self.size:
            os.fsync(self._fd)
            self._synced = self.size

    def close(self, *, sync: bool = True) -> None:
        """Write the stream's end mark and close. The file is closed even if that fails."""
        if self._fd < 0:
            return
        try:
            self._pieces.clear()
            self._stream.close()
            self._append()
            if sync:
                self.sync()
        finally:
            os.close(self._fd)
            self._fd = -1

    def abandon(self) -> None:
        """Close without the end mark, what is written staying."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self) -> None:
        data = self._pieces.take()
        try:
            write_whole(self._fd, data)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self.size)
            raise
        self.size += len(data)


class _Pieces:
    """A file object that keeps what Arrow writes until it is taken whole."""

    closed = False

    def __init__(self) -> None:
        self._held: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._held.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing to do: the owner takes what is held."""

    def close(self) -> None:
        """The owner closes the real file."""

    def clear(self) -> None:
        self._held.clear()

    def take(self) -> bytes:
        data = b"".join(self._held)
        self._held.clear()
        return data
