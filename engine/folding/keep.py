"""Folded events kept in a folder, so that rules can be asked again without the events.

    manifest.json          what was kept: event types together, their fields, counts
    0000/                  a generation: rows and values numbered anew
        values.arrow       one row; each field's values as a list, by code
        rows-03.arrow      the distinct rows of class 3: a column of codes for each field
        events-03.arrow    its events in order: row, number, time, and fields that always change

Arrow IPC without compression, to be mapped into memory. The manifest is written last: a folder
without one was not completed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn, Codes, Column, NumberColumn
from engine.folding.coding import Coder, ListCoder, NumberCoder
from engine.folding.folded import FoldedType
from engine.gather import plain
from engine.segments import ColumnKey, column_key
from engine.syscalls.segment import SyscallSegment

FORMAT = 1
#: Names of columns that are no fields.
ROW, NUM, TIME, TYPE = "row", "num", "time", "type code"


class Keeper:
    """Writes a folder, which must not exist yet. ``facts`` go into the manifest as they are.

    Raises OSError where the disk refuses.
    """

    def __init__(self, folder: Path, facts: Mapping[str, object]) -> None:
        self.folder = folder
        self._facts = dict(facts)
        folder.mkdir(mode=0o700, parents=True)
        self._generation = 0
        self._types: Sequence[FoldedType] = ()
        self._seen = np.zeros(len(event_table()), np.int64)
        self._writers: dict[int, tuple[pa.RecordBatchStreamWriter, IO[bytes]]] = {}

    def seen(self, types: npt.NDArray[np.uint16]) -> None:
        self._seen += np.bincount(types, minlength=len(self._seen))

    def events(self, number: int, folded: FoldedType, segment: SyscallSegment, ids: Codes) -> None:
        events = segment.events
        columns = {ROW: pa.array(ids), NUM: pa.array(events.num), TIME: pa.array(events.time)}
        for ref, column in zip(folded.apart, segment.columns(folded.apart), strict=True):
            columns[name_of(column_key(ref))] = _array(column)
        batch = pa.RecordBatch.from_pydict(columns)
        if number not in self._writers:
            file = self._open(f"events-{number:02}.arrow")
            self._writers[number] = pa.ipc.new_stream(file, batch.schema), file
        self._writers[number][0].write_batch(batch)

    def generation(self, types: Sequence[FoldedType], coders: Mapping[ColumnKey, Coder]) -> None:
        self._types = types
        for writer, file in self._writers.values():
            writer.close()
            file.close()
        self._writers.clear()
        values = {}
        for key, coder in coders.items():
            name = name_of(key)
            values[name] = coder.table()
            if isinstance(coder, NumberCoder):
                values[name] = _typed(coder)
            elif isinstance(coder, ListCoder):
                items = coder.items
                values[f"{name} items"] = (
                    _typed(items) if isinstance(items, NumberCoder) else items.table()
                )
        self._write("values.arrow", {name: _in_one(array) for name, array in values.items()})
        for number, folded in enumerate(types):
            if folded.distinct.count:
                names = [TYPE, *(name_of(column_key(ref)) for ref in folded.refs)]
                codes = folded.distinct.codes
                self._write(
                    f"rows-{number:02}.arrow",
                    {name: pa.array(row) for name, row in zip(names, codes, strict=True)},
                )
        self._generation += 1

    def close(self) -> None:
        """All generations are written."""
        manifest = {
            "format": FORMAT,
            "facts": self._facts,
            "generations": self._generation,
            "seen": {
                event_table()[code].key: int(self._seen[code])
                for code in np.flatnonzero(self._seen).tolist()
            },
            "classes": [
                {
                    "types": [event_table()[code].key for code in folded.codes],
                    "fields": [column_key(ref) for ref in folded.refs],
                    "apart": [column_key(ref) for ref in folded.apart],
                }
                for folded in self._types
            ],
        }
        draft = self.folder / "manifest.json.new"
        with draft.open("w", encoding="utf-8") as file:
            json.dump(manifest, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(self.folder / "manifest.json")

    def _write(self, name: str, columns: Mapping[str, pa.Array]) -> None:
        batch = pa.RecordBatch.from_pydict(dict(columns))
        with self._open(name) as file, pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)

    def _open(self, name: str) -> IO[bytes]:
        folder = self.folder / f"{self._generation:04}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return (folder / name).open("xb")


def name_of(key: ColumnKey) -> str:
    name, arg = key
    return name if arg is None else f"{name}[{arg}]"


def _typed(coder: NumberCoder) -> pa.Array:
    bits = coder.table().to_numpy()
    return pa.array(bits.astype(np.bool_) if coder.dtype.kind == "b" else bits.view(coder.dtype))


def _in_one(array: pa.Array) -> pa.Array:
    """The whole array as the only item of a list."""
    return pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)


def _array(column: Column) -> pa.Array:
    match column:
        case BytesColumn():
            return plain(column)
        case NumberColumn(values, valid):
            return pa.array(values, mask=None if valid is None else ~valid)
    raise TypeError("a list does not change with every event")
