"""Writes a ``.scap``: sections with their state, and events in today's form.

The way back of ``capture.scap.reader``: what is written reads back as the same tables. Events keep
the types they were converted to; an older reader passes over types it does not know.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import struct
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, cast

import pyarrow as pa
from pyarrow.cffi import ffi as arrow_ffi

from capture.errors import CaptureError, Place
from capture.events.schema import EventBatch, event_schema
from capture.events.state_schema import THREAD_DEFAULTS
from capture.events.table import event_table
from capture.scap import _native
from capture.scap.reader import Section
from capture.scap.tables import native_tables

ffi, lib = _native.ffi, _native.lib

Row = dict[str, Any]

#: Format version written, that of libscap since blocks carry their own sizes.
VERSION = (1, 2)

_SECTION, _MACHINE, _INTERFACES, _USERS, _FILES = 0x0A0D0D0A, 0x201, 0x219, 0x220, 0x218
_PROCESSES = {1: 0x202, 2: 0x207, 3: 0x209, 4: 0x210, 5: 0x211, 6: 0x212, 7: 0x213, 8: 0x214,
              9: 0x215}  # fmt: skip
#: Bytes of one block of processes; more of them follow.
_BLOCK = 1 << 20
#: Fields after the fixed part of a process, in the order libs 0.10 and later write them.
_TAIL = {
    "pidns_init_start_ts": "<Q", "tty": "<I", "loginuid": "<I", "exe_writable": "<B",
    "cap_inheritable": "<Q", "cap_permitted": "<Q", "cap_effective": "<Q", "exe_upper_layer": "<B",
    "exe_ino": "<Q", "exe_ino_ctime": "<Q", "exe_ino_mtime": "<Q", "exe_from_memfd": "<B",
    "exe_lower_layer": "<B", "pgid": "<q",
}  # fmt: skip
#: The first field of each version of the process list; what has none of them is of an older one.
_SINCE = {8: "vpgid", 7: "exepath", 6: "sid", 5: "root", 4: "cgroups", 3: "env", 2: "vmsize_kb"}


class ScapWriter:
    """A new ``.scap``, gzip unless ``compress`` is false. Give each section, then its batches.

    Raises CaptureError when the file cannot be written or exists already.
    """

    def __init__(self, path: str | os.PathLike[str], *, compress: bool = True) -> None:
        self.path = Path(path)
        try:
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise CaptureError(
                "the file exists already", place=Place(str(self.path)), hint="choose another name"
            ) from error
        except OSError as error:
            raise self._refused(error) from error
        self._file = os.fdopen(fd, "wb")
        self._out = cast(
            BinaryIO, gzip.GzipFile(fileobj=self._file, mode="wb", compresslevel=6)
        ) if compress else self._file  # fmt: skip
        self._tables = native_tables()
        self._shapes = ffi.new("uint8_t[]", bytes([lib.SCAP_AS_PRESENT]) * len(event_table()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish the file."""
        try:
            if self._out is not self._file:
                self._out.close()
            self._file.close()
        except OSError as error:
            raise self._refused(error) from error

    def section(self, section: Section) -> None:
        """Begin a section with its state."""
        self._write([_block(_SECTION, struct.pack("<IHHQ", 0x1A2B3C4D, *VERSION, 2**64 - 1))])
        self._write(_state(section))

    def events(self, batch: EventBatch, folded: pa.RecordBatch | None = None) -> None:
        """Append events, and between them what stood there before an import (``FOLDED``, up to the
        last number of the batch). Raises ValueError for a batch that is not of ``event_schema``."""
        schema = event_schema(batch.codes)
        if not batch.batch.schema.equals(schema):
            raise ValueError("the batch is not of the schema of its event types")
        self._blocks(batch.codes, batch.batch, folded)

    def folded(self, batch: pa.RecordBatch) -> None:
        """Append blocks that stood after the last event of a section."""
        self._blocks((), None, batch)

    def _blocks(
        self, codes: tuple[int, ...], batch: pa.RecordBatch | None, folded: pa.RecordBatch | None
    ) -> None:
        size = ffi.new("size_t *")
        with _exported(batch) as events, _exported(folded) as more:
            blocks = lib.scap_blocks(
                self._tables, ffi.new("uint16_t[]", list(codes)), events, more, self._shapes, size
            )
        if blocks == ffi.NULL:
            raise CaptureError("there is not enough memory to write the events")
        try:
            self._write([ffi.buffer(blocks, size[0])])
        finally:
            lib.scap_blocks_free(blocks)

    def _write(self, pieces: Iterable[Any]) -> None:
        try:
            for piece in pieces:
                self._out.write(piece)
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> CaptureError:
        return CaptureError(
            f"the capture cannot be written: {error.strerror}", place=Place(str(self.path))
        )


@contextlib.contextmanager
def _exported(batch: pa.RecordBatch | None) -> Iterator[int]:
    """The address of a batch for native code; 0 for none."""
    if batch is None:
        yield 0
        return
    array = arrow_ffi.new("struct ArrowArray *")
    shape = arrow_ffi.new("struct ArrowSchema *")
    address = int(arrow_ffi.cast("uintptr_t", array))
    batch._export_to_c(address, int(arrow_ffi.cast("uintptr_t", shape)))
    try:
        yield address
    finally:
        array.release(array)
        shape.release(shape)


def _block(kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def _text(value: bytes | None) -> bytes:
    cut = (value or b"")[:0xFFFF]
    return struct.pack("<H", len(cut)) + cut


def _state(section: Section) -> Iterator[bytes]:
    for row in section.machine.to_pylist():
        numbers = [row[name] or 0 for name in ("num_cpus", "memory_size_bytes", "max_pid")]
        more = [row[name] or 0 for name in ("boot_ts_epoch", "flags", "reserved3", "reserved4")]
        yield _block(
            _MACHINE, struct.pack("<IQQ128s4Q", *numbers, row["hostname"] or b"", *more)
        )  # fmt: skip
    if section.interfaces.num_rows:
        yield _block(_INTERFACES, b"".join(map(_interface, section.interfaces.to_pylist())))
    if section.users.num_rows or section.groups.num_rows:
        entries = [*map(_user, section.users.to_pylist()), *map(_group, section.groups.to_pylist())]
        yield _block(_USERS, b"".join(entries))
    version = _version(section.threads)
    held: list[bytes] = []
    size = 0
    for row in section.threads.to_pylist():
        held.append(_process(row, version))
        size += len(held[-1])
        if size >= _BLOCK:
            yield _block(_PROCESSES[version], b"".join(held))
            held, size = [], 0
    if held:
        yield _block(_PROCESSES[version], b"".join(held))
    for tid, files in groupby(section.fds.to_pylist(), key=lambda row: row["tid"]):
        yield _block(_FILES, struct.pack("<q", tid) + b"".join(map(_open_file, files)))


def _interface(row: Row) -> bytes:
    long = len(row["address"]) == 16
    speed = row["linkspeed"]
    kind = (2 if long else 1) + (2 if speed is None else 0)
    name = row["name"] or b""
    body = struct.pack("<HH", kind, len(name))
    body += b"".join(row[part] for part in ("address", "netmask", "broadcast"))
    body += (b"" if speed is None else struct.pack("<Q", speed)) + name
    return struct.pack("<I", len(body)) + body


def _user(row: Row) -> bytes:
    body = b"\0" + struct.pack("<II", row["uid"], row["gid"])
    body += b"".join(_text(row[part]) for part in ("name", "homedir", "shell"))
    return _sized(body)


def _group(row: Row) -> bytes:
    return _sized(b"\1" + struct.pack("<I", row["gid"]) + _text(row["name"]))


def _sized(body: bytes) -> bytes:
    """An entry with its length before it, which counts itself."""
    return struct.pack("<I", len(body) + 4) + body


def _version(threads: pa.RecordBatch) -> int:
    """The oldest version of the process list that holds every field there is."""
    if any(threads.column(name).null_count < threads.num_rows for name in _TAIL):
        return 9
    for version, name in _SINCE.items():
        if threads.column(name).null_count < threads.num_rows:
            return version
    return 9 if not threads.num_rows else 1


def _process(row: Row, version: int) -> bytes:
    def number(form: str, name: str) -> bytes:
        value = row[name]
        return struct.pack(form, THREAD_DEFAULTS.get(name, 0) if value is None else value)

    made = [number("<q", name) for name in ("tid", "pid", "ptid")]
    made += [number("<q", "sid")] if version >= 6 else []
    made += [number("<q", "vpgid")] if version >= 8 else []
    made += [_text(row["comm"]), _text(row["exe"])]
    made += [_text(row["exepath"])] if version >= 7 else []
    made += [_text(row["args"]), _text(row["cwd"]), number("<q", "fdlimit")]
    made += [number("<I", name) for name in ("flags", "uid", "gid")]
    if version >= 2:
        made += [number("<I", name) for name in ("vmsize_kb", "vmrss_kb", "vmswap_kb")]
        made += [number("<Q", name) for name in ("pfmajor", "pfminor")]
    made += [_text(row["env"])] if version >= 3 else []
    if version >= 4:
        made += [number("<q", "vtid"), number("<q", "vpid"), _text(row["cgroups"])]
    made += [_text(row["root"])] if version >= 5 else []
    if version < 9:
        return b"".join(made)
    tail = dict(_TAIL)
    if row["pidns_init_start_ts"] is None and row["tty"] is None:
        # The layout before libs 0.10 is told by its length, and ends with the capabilities.
        tail = {name: tail[name] for name in list(tail)[2:7]}
    for name, form in tail.items():
        if row[name] is None:
            break
        made.append(number(form, name))
    return _sized(b"".join(made))


def _open_file(row: Row) -> bytes:
    kind = row["type"]
    body = struct.pack("<qQB", row["fd"], row["ino"], kind)
    if kind in (3, 4):
        ports = struct.pack("<HHB", row["source_port"], row["dest_port"], row["l4proto"])
        body += row["source_ip"] + row["dest_ip"] + ports
    elif kind in (5, 6):
        body += row["source_ip"] + struct.pack("<HB", row["source_port"], row["l4proto"])
    elif kind == 8:
        body += struct.pack("<QQ", row["source"], row["destination"]) + _text(row["name"])
    elif kind == 16:
        body += struct.pack("<I", row["open_flags"]) + _text(row["name"])
        body += b"" if row["dev"] is None else struct.pack("<I", row["dev"])
    elif row["name"] is not None:
        body += _text(row["name"])
    return _sized(body)
