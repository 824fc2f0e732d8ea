"""A capture as Parquet: a folder with one table for each kind of thing.

- ``syscall.parquet``: one row an event: ``num``, ``time``, ``cpu``, ``tid``, ``event`` (its name),
  ``enter``, and a column ``arg_NAME`` for every parameter that occurs, null where the event has no
  such parameter. One wide table, because most questions go across types of events; Parquet keeps
  its empty parts in next to nothing.
- ``SOURCE.parquet`` for each plugin source: ``num``, ``time``, ``plugin_id``, ``data``.
- ``threads.parquet``, ``fds.parquet`` …: the state that sections begin with.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.events.state_schema import TABLES
from capture.events.table import event_table
from capture.folder import source_folder
from capture.manifest import SYSCALL
from capture.reader import Capture
from capture.schema import PLUGIN_EVENTS
from workbench.core.export_columns import TYPES, as_text, plain_columns, values

_HEAD = (
    pa.field("num", pa.uint64(), nullable=False),
    pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
    pa.field("cpu", pa.uint16(), nullable=False),
    pa.field("tid", pa.int64(), nullable=False),
    pa.field("event", pa.dictionary(pa.int16(), pa.string()), nullable=False),
    pa.field("enter", pa.bool_(), nullable=False),
)
#: Columns of state that are bytes and no texts.
_RAW = frozenset({"source_ip", "dest_ip", "address", "netmask", "broadcast"})


def export_parquet(
    capture: Capture,
    target: str | os.PathLike[str],
    progress: Callable[[int], None] = lambda _events: None,
) -> int:
    """Write a capture to the new folder ``target``; how many events that was.

    Memory does not grow with the capture. What ``progress`` raises stops the export and removes
    the folder. Raises CaptureError where the folder exists or cannot be written.
    """
    folder = Path(target)
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        raise CaptureError(f"{folder} exists already", hint="Choose another name.") from None
    except OSError as error:
        raise CaptureError(f"{folder}: {os.strerror(error.errno or 0)}") from None
    try:
        return _export(capture, folder, progress)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise CaptureError(f"{folder}: {os.strerror(error.errno or 0)}") from None
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _export(capture: Capture, folder: Path, progress: Callable[[int], None]) -> int:
    events = 0
    if SYSCALL in capture.sources:
        schema = _wide_schema(capture.syscall_codes())
        tables: dict[str, pq.ParquetWriter] = {}
        with _writer(folder / "syscall.parquet", schema) as out:
            try:
                for item in capture.system_calls():
                    if isinstance(item, Section):
                        _write_state(folder, tables, item)
                        continue
                    out.write_batch(_wide(item, schema))
                    events += item.num_rows
                    progress(events)
            finally:
                for table in tables.values():
                    table.close()
    for name in capture.sources:
        if name != SYSCALL:
            with _writer(folder / f"{_file_name(name)}.parquet", PLUGIN_EVENTS) as out:
                for batch in capture.batches(name):
                    out.write_batch(batch)
                    events += batch.num_rows
                    progress(events)
    return events


def _file_name(source: str) -> str:
    name = source_folder(source)
    return f"source-{name}" if name in TABLES else name


def _writer(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    return pq.ParquetWriter(path, schema, compression="zstd")


def _wide_schema(codes: tuple[int, ...]) -> pa.Schema:
    """The columns of all parameters of these event types, in the order of their first event."""
    fields: dict[str, pa.Field] = {}
    for code in codes:
        for columns in plain_columns(code):
            for column in columns:
                fields.setdefault(column.name, pa.field(column.name, TYPES[column.kind]))
    return pa.schema([*_HEAD, *fields.values()])


def _wide(batch: EventBatch, schema: pa.Schema) -> pa.RecordBatch:
    """A batch as rows of the wide table."""
    held: dict[str, list[tuple[np.ndarray, pa.Array]]] = {}
    for code in batch.codes:
        rows = batch.rows(code)
        for column, array in values(batch, code):
            held.setdefault(column.name, []).append((rows, array))
    whole = batch.batch
    names = [event.name for event in event_table().types]
    enters = np.array([event.enter for event in event_table().types])
    types = whole.column("type").to_numpy()
    columns = {
        "event": pa.DictionaryArray.from_arrays(pa.array(types.astype(np.int16)), pa.array(names)),
        "enter": pa.array(enters[types]),
    }
    arrays = []
    for field in schema:
        if field.name in columns:
            arrays.append(columns[field.name])
        elif field.name in whole.schema.names:
            arrays.append(whole.column(field.name))
        else:
            arrays.append(_scattered(held.get(field.name, []), batch.num_rows, field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _scattered(parts: list[tuple[np.ndarray, pa.Array]], rows: int, type_: pa.DataType) -> pa.Array:
    """One column of the values of several types of events, null elsewhere."""
    if not parts:
        return pa.nulls(rows, type_)
    places = np.full(rows, -1, np.int64)
    start = 0
    for at, array in parts:
        places[at] = np.arange(start, start + len(array))
        start += len(array)
    joined = pa.concat_arrays([array.cast(type_, safe=False) for _, array in parts])
    return joined.take(pa.array(places, mask=places < 0))


def _write_state(folder: Path, tables: dict[str, pq.ParquetWriter], section: Section) -> None:
    for name in TABLES:
        table = section.table(name)
        if not table.num_rows:
            continue
        number = pa.repeat(pa.scalar(section.number, pa.uint32()), table.num_rows)
        columns = {"section": number}
        for field in table.schema:
            column = table.column(field.name)
            text = pa.types.is_binary(field.type) and field.name not in _RAW
            columns[field.name] = as_text(column) if text else column
        made = pa.RecordBatch.from_pydict(columns)
        if name not in tables:
            tables[name] = _writer(folder / f"{name}.parquet", made.schema)
        tables[name].write_batch(made)
