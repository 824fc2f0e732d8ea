"""The whole state (every thread, every open file) at any event: written down every few batches, and
walked on from there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from capture.errors import CaptureError
from capture.events.schema import EventBatch, cut
from capture.events.section import Section
from capture.events.state_schema import TABLES
from capture.events.walked_state import WALKED
from capture.reader import Capture
from engine.state.machine import StateEngine
from workbench.backend.index.batches import Batch

#: A moment is written down before every so many batches.
EVERY = 6


def write_moment(folder: Path, batch: int, state: Section) -> None:
    """The state before a batch. Raises OSError where the disk refuses."""
    new = folder / f"new-{batch}"
    new.mkdir(mode=0o700)
    for name in TABLES:
        _write(new / name, state.table(name))
    for name, table in state.walked.items():
        _write(new / name, table)
    new.rename(folder / _name(batch))


def state_at(
    folder: Path,
    capture: Capture,
    batches: list[Batch],
    sections: Mapping[int, Section],
    batch: int,
    place: int,
) -> Section:
    """The state after the event at a place of a batch of system calls (all its events counted, from
    0) was digested. Raises CaptureError."""
    own = batches[batch]
    engine = StateEngine(containers=True)
    first, state = _nearest(folder, batches, batch)
    engine.begin(state or sections.get(own.at.section))
    for number in range(first, batch + 1):
        each = batches[number]
        if each.context is None or each.at.section != own.at.section:
            continue
        events = EventBatch.of(capture.read_at(each.source, each.at), each.at.section)
        engine.feed(cut(events, 0, place + 1) if number == batch else events)
    return engine.snapshot(own.at.section)


def _nearest(folder: Path, batches: list[Batch], batch: int) -> tuple[int, Section | None]:
    """The last moment before a batch that is of its section, and the batch that follows it; without
    one, the first batch of the section."""
    section = batches[batch].at.section
    first = batch
    while first > 0 and _goes_on(batches[first - 1], section):
        if (folder / _name(first)).is_dir():
            return first, _read(folder / _name(first), section)
        first -= 1
    return first, None


def _goes_on(before: Batch, section: int) -> bool:
    return before.context is None or before.at.section == section


def _name(batch: int) -> str:
    return f"moment-{batch:06}"


def _write(path: Path, table: pa.RecordBatch) -> None:
    options = pa.ipc.IpcWriteOptions(compression="lz4")
    with path.open("xb") as file, pa.ipc.new_file(file, table.schema, options=options) as writer:
        writer.write_batch(table)


def _read(folder: Path, section: int) -> Section:
    try:
        tables = {name: _table(folder / name, schema) for name, schema in TABLES.items()}
        walked = {
            name: _table(folder / name, schema)
            for name, schema in WALKED.items()
            if (folder / name).exists()
        }
    except (OSError, ValueError, IndexError, pa.ArrowException) as error:
        raise CaptureError(f"the index of the capture is damaged: {error}") from None
    return Section.of(section, tables=tables, walked=walked)


def _table(path: Path, schema: pa.Schema) -> pa.RecordBatch:
    with pa.OSFile(str(path)) as file, pa.ipc.open_file(file) as reader:
        batch: pa.RecordBatch = reader.get_batch(0)
    batch.validate(full=True)
    if not batch.schema.equals(schema):
        raise ValueError(f"{path.name} is not as expected")
    return batch
