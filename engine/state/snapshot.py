"""Reading the snapshot that the native engine has made of its state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.events.section import Section
from capture.events.state_schema import TABLES
from capture.events.walked_state import WALKED
from engine.state import _native

ffi, lib = _native.ffi, _native.lib

#: The native tables in their order.
_NAMES = ("threads", "fds", "users", "groups", *WALKED)
#: Lists of texts with a NUL after each.
_LISTS = {"threads": ("args", "env", "cgroups")}
#: Columns of files that only some of them have, by type (``FD_TYPES``).
_OF_TYPES = {
    "open_flags": None,
    "dev": None,
    "source_ip": (3, 4, 5, 6),
    "dest_ip": (3, 4),
    "source_port": (3, 4, 5, 6),
    "dest_port": (3, 4),
    "l4proto": (3, 4, 5, 6),
    "source": (8,),
    "destination": (8,),
}


def read_snapshot(
    engine: Any,
    number: int,
    machine: pa.RecordBatch,
    interfaces: pa.RecordBatch,
    containers: Sequence[bytes],
) -> Section:
    """The section that the native engine's snapshot makes, with this number."""
    texts = _texts(engine)
    tables = {name: _columns(engine, at, texts) for at, name in enumerate(_NAMES)}
    tables["walked_containers"] = _told(tables["walked_containers"], containers)
    for name, columns in _LISTS.items():
        for column in columns:
            tables[name][column] = _ended(tables[name][column])
    files = tables["fds"]
    kinds = files["type"].to_numpy()
    for column, types in _OF_TYPES.items():
        if types is not None:
            absent = pa.array(~np.isin(kinds, types))
            files[column] = pc.if_else(absent, pa.scalar(None, files[column].type), files[column])
    made = {
        name: pa.RecordBatch.from_arrays(
            [tables[name][column] for column in schema.names], schema=schema
        )
        for name, schema in ((name, TABLES.get(name) or WALKED[name]) for name in _NAMES)
    }
    walked = {name: made.pop(name) for name in WALKED}
    return Section.of(number, (0, 0), made | {"machine": machine, "interfaces": interfaces}, walked)


def _texts(engine: Any) -> pa.BinaryArray:
    offsets, data = ffi.new("int32_t **"), ffi.new("char **")
    count = lib.state_snapshot_texts(engine, offsets, data)
    starts = bytes(ffi.buffer(offsets[0], (count + 1) * 4))
    total = int(np.frombuffer(starts, np.int32)[-1])
    held = bytes(ffi.buffer(data[0], total)) if total else b""
    return pa.BinaryArray.from_buffers(
        pa.binary(), count, [None, pa.py_buffer(starts), pa.py_buffer(held)]
    )


def _columns(engine: Any, table: int, texts: pa.BinaryArray) -> dict[str, pa.Array]:
    found: dict[str, pa.Array] = {}
    column = ffi.new("state_column *")
    while lib.state_snapshot_column(engine, table, len(found), column) == 0:
        name, type_ = (ffi.string(each).decode() for each in (column.name, column.type))
        raw = bytes(ffi.buffer(column.data, column.bytes)) if column.bytes else b""
        values: npt.NDArray[Any] = np.frombuffer(raw, "i4" if type_ == "t" else type_)
        found[name] = texts.take(pa.array(values)) if type_ == "t" else pa.array(values)
    return found


def _told(columns: dict[str, pa.Array], containers: Sequence[bytes]) -> dict[str, pa.Array]:
    """Containers with what was told about them in the place of its number."""
    references = columns["reference"].to_pylist()
    return {
        "id": columns["id"],
        "kind": pa.array([min(each, 0) for each in references], pa.int32()),
        "json": pa.array([containers[each] if each >= 0 else b"" for each in references],
                         pa.binary()),
    }  # fmt: skip


def _ended(column: pa.BinaryArray) -> pa.BinaryArray:
    """The texts with a NUL at the end of those that are not empty."""
    ended = pc.binary_join_element_wise(column, pa.scalar(b"\0"), pa.scalar(b""))
    return pc.if_else(pc.equal(pc.binary_length(column), 0), column, ended)
