"""Arrow IPC streams read frame by frame, with every declared size checked first.

A segment is an ordinary Arrow IPC stream: a schema message, record batches, and an end mark
(format: Arrow "Serialization and Interprocess Communication"). Arrow's own reader believes the
sizes a stream declares; this one compares them with the file and with :data:`MAX_BATCH_BYTES`
before Arrow sees the bytes, so that a crafted file can neither exhaust memory nor point outside
its buffers.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa

from capture.flatbuffer import Malformed, Table
from capture.layout import MAX_BATCH_BYTES, Layout

#: Most bytes of a message header (a schema, or the layout of one batch).
MAX_HEADER_BYTES = 1 << 20

#: Custom metadata of each batch: first and last event number, least and greatest time (ns).
SPAN_KEY = b"falcowb.span"
#: Custom metadata of each batch of system calls: the section of the capture it belongs to.
SECTION_KEY = b"falcowb.section"

_CONTINUATION = b"\xff\xff\xff\xff"
_PREFIX = 8
_SCHEMA, _RECORD_BATCH = 1, 3
_METADATA_V5 = 4
_MAX_SECTION = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers and times (ns since the epoch) of the events of a batch or segment."""

    first_num: int
    last_num: int
    min_time: int
    max_time: int

    def encode(self) -> bytes:
        return f"{self.first_num} {self.last_num} {self.min_time} {self.max_time}".encode()

    @staticmethod
    def decode(text: bytes) -> Span | None:
        parts = text.split(b" ")
        try:
            first, last, least, greatest = (int(part) for part in parts if len(part) <= 20)
        except ValueError:
            return None
        return Span(first, last, least, greatest)

    def merge(self, other: Span | None) -> Span:
        if other is None:
            return self
        return Span(
            min(self.first_num, other.first_num),
            max(self.last_num, other.last_num),
            min(self.min_time, other.min_time),
            max(self.max_time, other.max_time),
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a stream. ``offset`` and ``size`` are the bytes it takes in the file, the
    body included; ``rows`` is what its header says; ``section`` counts the sections of system calls
    from 0 (0 for what has none)."""

    offset: int
    header: bytes
    body_size: int
    rows: int
    span: Span | None
    section: int = 0

    @property
    def body_offset(self) -> int:
        return self.offset + _PREFIX + len(self.header)

    @property
    def size(self) -> int:
        return _PREFIX + len(self.header) + self.body_size

    @property
    def end(self) -> int:
        return self.offset + self.size


class Damage(Exception):
    """The stream cannot be read from ``offset`` on. ``rows`` is how many events the batch that
    begins there says it holds, where its header is whole; else 0."""

    def __init__(self, reason: str, offset: int, rows: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.rows = rows


def pread(file: int, size: int, offset: int) -> bytes:
    """``size`` bytes at ``offset``, fewer at the end of the file."""
    data = os.pread(file, size, offset)
    while len(data) < size:
        more = os.pread(file, size - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data


def _read_message(file: int, offset: int, size: int) -> tuple[bytes, Table] | None:
    """The message at ``offset``; None at the end mark."""
    prefix = pread(file, _PREFIX, offset)
    if len(prefix) < _PREFIX:
        raise Damage("cut in a message prefix" if prefix else "no end mark", offset)
    if prefix[:4] != _CONTINUATION:
        raise Damage("not an Arrow message", offset)
    (header_size,) = struct.unpack("<i", prefix[4:])
    if header_size == 0:
        return None
    if not 8 <= header_size <= MAX_HEADER_BYTES:
        raise Damage(f"a message header of {header_size} bytes is refused", offset)
    if offset + _PREFIX + header_size > size:
        raise Damage("cut in a message header", offset)
    header = pread(file, header_size, offset + _PREFIX)
    if len(header) < header_size:
        raise Damage("cut in a message header", offset)
    try:
        message = Table.root(header)
        if message.int16(0) != _METADATA_V5:
            raise Malformed("not Arrow metadata version 5")
    except Malformed as error:
        raise Damage(str(error), offset) from None
    return header, message


def read_schema(file: int, size: int) -> tuple[pa.Schema, int]:
    """The schema at the head of a stream and where its frames begin.

    Raises :class:`Damage`.
    """
    found = _read_message(file, 0, size)
    if found is None:
        raise Damage("a stream without a schema", 0)
    header, message = found
    try:
        if message.uint8(1) != _SCHEMA or message.int64(3) != 0:
            raise Damage("the first message is not a schema", 0)
        prefix = _CONTINUATION + struct.pack("<i", len(header))
        schema = pa.ipc.read_schema(pa.py_buffer(prefix + header))
    except (Malformed, pa.ArrowException, OSError, ValueError) as error:
        raise Damage(f"the schema cannot be read: {error}", 0) from None
    return schema, _PREFIX + len(header)


def frames(file: int, size: int, offset: int) -> Iterator[Frame]:
    """The record batches from ``offset`` on, headers only.

    Ends at the end mark; raises :class:`Damage` where the stream stops being readable, a batch that
    is cut short included. ``size`` is how much of the file counts.
    """
    while True:
        found = _read_message(file, offset, size)
        if found is None:
            return
        header, message = found
        frame = _batch_frame(header, message, offset)
        if frame.end > size:
            raise Damage("cut in the middle of a batch", offset, frame.rows)
        yield frame
        offset = frame.end


def _batch_frame(header: bytes, message: Table, offset: int) -> Frame:
    try:
        if message.uint8(1) != _RECORD_BATCH:
            raise Malformed("a message that is not a record batch")
        body_size = message.int64(3)
        batch = message.table(2)
        if batch is None:
            raise Malformed("a record batch without a layout")
        rows = batch.int64(0)
        if not 0 <= body_size <= MAX_BATCH_BYTES + MAX_HEADER_BYTES:
            raise Malformed(f"a batch of {body_size} bytes is refused")
        if not 0 <= rows <= MAX_BATCH_BYTES:
            raise Malformed(f"a batch of {rows} rows is refused")
        span, section = None, 0
        for pair in message.tables(4, 64):
            key = pair.string(0, 256)
            if key == SPAN_KEY:
                span = Span.decode(pair.string(1, 256))
            elif key == SECTION_KEY:
                section = _section(pair.string(1, 10))
    except Malformed as error:
        raise Damage(str(error), offset) from None
    return Frame(offset, header, body_size, rows, span, section)


def _section(text: bytes) -> int:
    if not text.isdigit() or int(text) > _MAX_SECTION:
        raise Malformed("a batch of no section")
    return int(text)


def array_lengths(frame: Frame) -> list[int]:
    """Rows of every array of a batch, in the order of its layout, as the header says.

    Raises :class:`Damage`.
    """
    try:
        batch = Table.root(frame.header).table(2)
        return [] if batch is None else [rows for rows, _ in batch.pairs(1, 1 << 16)]
    except Malformed as error:
        raise Damage(str(error), frame.offset) from None


class Decoder:
    """Frames of one schema to record batches, checked before and after Arrow reads them.

    Works for the types that :class:`capture.layout.Layout` knows. ``columns`` chooses some by name,
    in the order of the schema; ``check`` looks at every batch and raises ValueError for a bad one.
    """

    def __init__(
        self,
        schema: pa.Schema,
        columns: Sequence[str] | None = None,
        check: Callable[[pa.RecordBatch], None] | None = None,
    ) -> None:
        self._check = check
        self.layout = Layout(schema)
        self._prefix = schema.serialize().to_pybytes()
        wanted = None if columns is None else [schema.get_field_index(name) for name in columns]
        self._options = pa.ipc.IpcReadOptions(
            included_fields=None if wanted is None else sorted(set(wanted)), use_threads=False
        )

    def read(self, file: int, frame: Frame) -> pa.RecordBatch:
        """The batch of ``frame``. Raises :class:`Damage` for anything wrong with it."""
        whole = pread(file, frame.size, frame.offset)
        if len(whole) < frame.size:
            raise Damage("cut in the middle of a batch", frame.offset, frame.rows)
        try:
            self._check_layout(frame, memoryview(whole)[_PREFIX + len(frame.header) :])
            stream = pa.ipc.open_stream(pa.py_buffer(self._prefix + whole), options=self._options)
            batch = stream.read_next_batch()
            batch.validate(full=True)
            if self._check is not None:
                self._check(batch)
        except (Malformed, pa.ArrowException, OSError, ValueError, StopIteration) as error:
            raise Damage(
                f"a batch that cannot be read: {error}", frame.offset, frame.rows
            ) from None
        if batch.num_rows != frame.rows:
            raise Damage("a batch of another length than it says", frame.offset, frame.rows)
        return batch

    def _check_layout(self, frame: Frame, body: memoryview) -> None:
        batch = Table.root(frame.header).table(2)
        if batch is None:
            raise Malformed("a record batch without a layout")
        self.layout.check(
            batch.pairs(1, 1 << 16),
            batch.pairs(2, 1 << 16),
            frame.rows,
            body,
            compressed=batch.table(3) is not None,
        )
