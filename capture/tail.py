"""Reading a source while it is recorded: its batches as they come to the disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import pyarrow as pa

from capture.errors import CaptureError
from capture.folder import Folder, segment_name
from capture.ipc import Damage, Decoder, Frame, frames, read_schema


class Tail:
    """The batches of a source from segment ``first`` on, whole ones only, each once.

    ``root``: the capture's folder. ``decoder``: gives the decoder for a schema. :meth:`read` gives
    what there is and can be called again. A batch that cannot be read is told to ``note``.
    """

    def __init__(
        self,
        root: Folder,
        folder: str,
        first: int,
        decoder: Callable[[pa.Schema], Decoder | None],
        note: Callable[[str], None],
    ) -> None:
        self.index = first
        self._offset = 0
        self._root = root
        self._folder = folder
        self._decoder = decoder
        self._note = note

    def skip_to(self, first: int) -> bool:
        """Segments before this one are gone; whether any of them was still to be read."""
        if self.index >= first:
            return False
        self.index, self._offset = first, 0
        return True

    def read(self) -> Iterator[tuple[Frame, pa.RecordBatch]]:
        """What has been written since, in order."""
        while True:
            try:
                with self._root.subfolder(self._folder) as inside:
                    file = inside.open_file(segment_name(self.index))
            except (FileNotFoundError, CaptureError):
                return
            try:
                yield from self._read(file)
            except Damage:
                return  # Not finished: there will be more.
            finally:
                os.close(file)
            self.index += 1
            self._offset = 0

    def _read(self, file: int) -> Iterator[tuple[Frame, pa.RecordBatch]]:
        size = os.fstat(file).st_size
        schema, start = read_schema(file, size)
        reads = self._decoder(schema)
        if reads is None:
            return
        self._offset = self._offset or start
        for frame in frames(file, size, self._offset):
            self._offset = frame.end
            try:
                batch = reads.read(file, frame)
            except Damage as damage:
                self._note(f"{self._folder}/{segment_name(self.index)}: {damage.reason}")
                continue
            yield frame, batch
