"""Folded events kept in a folder, so that rules can be asked again without the events.

    manifest.json          what was kept: event types together, their fields, counts
    0000/                  a generation: rows and values numbered anew
        values.arrow       one row; each field's values as a list, by code
        threads.arrow      distinct rows of what is told of threads: codes of each field
        rows-03.arrow      the distinct rows of class 3: a row of threads, and codes of other fields
        events-03.arrow    its events in order: row, number, time, and fields that always change

Arrow IPC without compression, to be mapped into memory. The manifest is written last: a folder
without one was not completed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn, Codes, Column, NumberColumn
from engine.folding.coding import Coder, ListCoder, NumberCoder
from engine.folding.folded import FoldedType
from engine.folding.threads import FoldedThreads
from engine.gather import plain
from engine.segments import ColumnKey, column_key
from engine.syscalls.segment import SyscallSegment

FORMAT = 1
#: Names of columns that are no fields.
ROW, NUM, TIME, TYPE, THREAD = "row", "num", "time", "type code", "thread row"


class Keeper:
    """Writes a folder, which must not exist yet.

    ``whole`` turns false where the disk refuses, or where events do not come with rising numbers
    (in a damaged capture); nothing more is written then.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.whole = True
        self._generation = 0
        self._last = 0
        self._types: Sequence[FoldedType] = ()
        self._threads: Sequence[ColumnKey] = ()
        self._seen = np.zeros(len(event_table()), np.int64)
        self._writers: dict[int, tuple[pa.RecordBatchStreamWriter, IO[bytes]]] = {}

    def seen(self, segment: SyscallSegment) -> None:
        """Events are about to be folded."""
        nums = segment.events.num
        if not len(nums):
            return
        self.whole &= int(nums[0]) > self._last and bool((nums[1:] > nums[:-1]).all())
        self._last = int(nums[-1])
        self._seen += np.bincount(segment.events.type, minlength=len(self._seen))

    def events(self, number: int, folded: FoldedType, segment: SyscallSegment, ids: Codes) -> None:
        """Events of the class ``number``, in order, and their rows."""
        if not self.whole:
            return
        events = segment.events
        columns = {ROW: pa.array(ids), NUM: pa.array(events.num), TIME: pa.array(events.time)}
        for ref, column in zip(folded.apart, segment.columns(folded.apart), strict=True):
            columns[name_of(column_key(ref))] = _array(column)
        batch = pa.RecordBatch.from_pydict(columns)
        with self._trying():
            if number not in self._writers:
                file = self._open(f"events-{number:02}.arrow")
                self._writers[number] = pa.ipc.new_stream(file, batch.schema), file
            self._writers[number][0].write_batch(batch)

    def generation(
        self,
        types: Sequence[FoldedType],
        threads: FoldedThreads,
        coders: Mapping[ColumnKey, Coder],
    ) -> None:
        """Rows and values are complete; those of later events are numbered anew."""
        self._types, self._threads = types, [column_key(ref) for ref in threads.refs]
        if not self.whole:
            return
        with self._trying():
            self._end_events()
            self._write("values.arrow", _values(coders))
            self._write_rows("threads.arrow", [], threads)
            for number, folded in enumerate(types):
                if folded.distinct.count:
                    self._write_rows(f"rows-{number:02}.arrow", [TYPE, THREAD], folded)
        self._generation += 1

    def close(self, facts: Mapping[str, object]) -> None:
        """All generations are written; ``facts`` (JSON) are kept with them."""
        manifest = {
            "format": FORMAT,
            "facts": dict(facts),
            "generations": self._generation,
            "seen": {
                event_table()[code].key: int(self._seen[code])
                for code in np.flatnonzero(self._seen).tolist()
            },
            "threads": self._threads,
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
        if not self.whole:
            return
        with self._trying():
            draft.write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            draft.rename(self.folder / "manifest.json")

    def abandon(self) -> None:
        """Nothing more comes, and what was written is of no use."""
        self.whole = False
        with contextlib.suppress(OSError):
            self._end_events()

    @contextlib.contextmanager
    def _trying(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            self.whole = False

    def _end_events(self) -> None:
        for writer, file in self._writers.values():
            with file:
                writer.close()
        self._writers.clear()

    def _write_rows(
        self, name: str, head: Sequence[str], folded: FoldedType | FoldedThreads
    ) -> None:
        names = [*head, *(name_of(column_key(ref)) for ref in folded.refs)]
        codes = folded.distinct.codes
        self._write(name, {one: pa.array(row) for one, row in zip(names, codes, strict=True)})

    def _write(self, name: str, columns: Mapping[str, pa.Array]) -> None:
        batch = pa.RecordBatch.from_pydict(dict(columns))
        with self._open(name) as file, pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)

    def _open(self, name: str) -> IO[bytes]:
        folder = self.folder / f"{self._generation:04}"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return (folder / name).open("xb")


def name_of(key: ColumnKey) -> str:
    name, arg = key
    return name if arg is None else f"{name}[{arg}]"


def _values(coders: Mapping[ColumnKey, Coder]) -> dict[str, pa.Array]:
    """Each field's values as one list; of lists the codes of their items, and those apart."""
    found: dict[str, pa.Array] = {}
    for key, coder in coders.items():
        name = name_of(key)
        found[name] = _typed(coder) if isinstance(coder, NumberCoder) else coder.table()
        if isinstance(coder, ListCoder):
            items = coder.items
            own = _typed(items) if isinstance(items, NumberCoder) else items.table()
            found[f"{name} items"] = own
    return {name: _in_one(array) for name, array in found.items()}


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
