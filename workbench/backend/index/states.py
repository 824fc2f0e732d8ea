"""What the state engine told of a batch, in a file: read back, fields are as they were.

An Arrow IPC file of one batch with one row: every column is a list, packed with LZ4. The files are
our own, in a folder of ours; what is not as it should be raises ValueError.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.state.machine import EventState
from engine.state.tables import StateTables, Table
from engine.syscalls.events import Events
from engine.syscalls.ordered import Carried, Ordered

_ARRAYS = (
    "lineage", "fd", "fd_number", "fd_count", "fd_types", "memory", "own_fd", "name_changed",
)  # fmt: skip
_MASKS = ("own_fd", "name_changed")
_TABLES = ("threads", "nodes", "lineages", "fds", "users", "groups", "memory", "references")


def write_state(path: Path, state: EventState, ordered: Ordered) -> None:
    """Raises OSError where the disk refuses."""
    columns: dict[str, pa.Array] = {}
    for name in _ARRAYS:
        columns[f"event {name}"] = _in_one(_plain(getattr(state, name)))
    tables = state.tables
    for name in _TABLES:
        table: Table = getattr(tables, name)
        for key, numbers in table.numbers.items():
            columns[f"number {name} {key}"] = _in_one(_plain(numbers))
        for key, codes in table.codes.items():
            columns[f"code {name} {key}"] = _in_one(_plain(codes))
    columns["texts"] = _in_one(tables.threads.texts)
    columns["containers"] = _in_one(pa.array(tables.containers, pa.binary()))
    for number, (key_, (at, used)) in enumerate(sorted(ordered.used.items())):
        columns[f"used {number} {' '.join(map(str, key_))} at"] = _in_one(pa.array(at))
        columns[f"used {number} {' '.join(map(str, key_))} value"] = _in_one(pa.array(used))
    batch = pa.RecordBatch.from_pydict(columns)
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with path.open("xb") as file, pa.ipc.new_file(file, batch.schema, options=options) as writer:
        writer.write_batch(batch)


def read_state(path: Path, rows: int) -> tuple[EventState, Ordered]:
    """Of a batch of ``rows`` events. Raises OSError, ValueError."""
    try:
        with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
            batch = reader.get_batch(0)
            batch.validate(full=True)
    except (pa.ArrowException, IndexError) as error:
        raise ValueError(f"{path}: {error}") from None
    columns = {name: batch.column(name)[0].values for name in batch.schema.names}
    arrays = {name: _numbers(columns.pop(f"event {name}")) for name in _ARRAYS}
    if any(len(array) != rows for array in arrays.values()):
        raise ValueError(f"{path}: of another batch")
    for name in _MASKS:
        arrays[name] = arrays[name] != 0
    texts = columns.pop("texts")
    containers = tuple(columns.pop("containers").to_pylist())
    numbers: dict[str, dict[str, npt.NDArray[Any]]] = {name: {} for name in _TABLES}
    codes: dict[str, dict[str, npt.NDArray[np.int32]]] = {name: {} for name in _TABLES}
    used: dict[tuple[int, ...], list[npt.NDArray[Any]]] = {}
    for column, values in columns.items():
        what, *rest = column.split(" ")
        if what == "number":
            numbers[rest[0]][rest[1]] = _numbers(values)
        elif what == "code":
            codes[rest[0]][rest[1]] = _numbers(values)
        else:
            key = tuple(map(int, rest[1:-1]))
            used.setdefault(key, []).append(_numbers(values))
    tables = {
        name: Table(_rows(numbers[name], codes[name]), numbers[name], codes[name], texts)
        for name in _TABLES
    }
    state = EventState(**arrays, tables=StateTables(**tables, containers=containers))
    return state, Ordered(rows, {key: (at, value) for key, (at, value) in used.items()})


class Told(Carried):
    """Gives the one segment that is made next what was kept for it."""

    def __init__(self, ordered: Ordered) -> None:
        super().__init__()
        self._ordered = ordered

    def next(self, events: Events) -> Ordered:
        return Ordered(len(events), self._ordered.used)


def _in_one(array: pa.Array) -> pa.Array:
    """The whole array as the only item of a list."""
    return pa.ListArray.from_arrays(pa.array([0, len(array)], pa.int32()), array)


def _plain(values: npt.NDArray[Any]) -> pa.Array:
    return pa.array(values.view(np.uint8) if values.dtype == np.bool_ else values)


def _numbers(values: pa.Array) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return found


def _rows(numbers: dict[str, npt.NDArray[Any]], codes: dict[str, npt.NDArray[np.int32]]) -> int:
    lengths = {len(each) for each in (*numbers.values(), *codes.values())}
    if len(lengths) > 1:
        raise ValueError("columns of a table are not of one length")
    return lengths.pop() if lengths else 0
