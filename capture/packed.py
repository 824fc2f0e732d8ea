"""Sections put away in memory: compressed, since texts of processes are long and alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from capture.events.section import Section
from capture.events.state_schema import TABLES

_OPTIONS = pa.ipc.IpcWriteOptions(compression="zstd")


@dataclass(frozen=True, slots=True)
class PackedSection:
    """A section as IPC streams. ``nbytes``: how much memory that is."""

    number: int
    version: tuple[int, int]
    _tables: Mapping[str, pa.Buffer]

    @classmethod
    def of(cls, section: Section) -> PackedSection:
        tables = {name: section.table(name) for name in TABLES} | dict(section.walked)
        packed = {}
        for name, table in tables.items():
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema, options=_OPTIONS) as writer:
                writer.write_batch(table)
            packed[name] = sink.getvalue()
        return cls(section.number, section.version, packed)

    @property
    def nbytes(self) -> int:
        return sum(buffer.size for buffer in self._tables.values())

    def section(self) -> Section:
        """The section as it was."""
        tables = {}
        for name, buffer in self._tables.items():
            with pa.ipc.open_stream(buffer) as reader:
                tables[name] = reader.read_next_batch()
        own = {name: table for name, table in tables.items() if name in TABLES}
        walked = {name: table for name, table in tables.items() if name not in TABLES}
        return Section.of(self.number, self.version, own, walked)
