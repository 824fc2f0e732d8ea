"""The state that sections of system calls begin with, beside their segments.

``sections.arrow`` has one row a section; ``threads.arrow``, ``fds.arrow``, ``users.arrow``,
``groups.arrow``, ``machine.arrow`` and ``interfaces.arrow`` are the tables of
``capture.events.state_schema`` with the section of each row before them; those of
``capture.events.walked_state`` are beside them where the state was walked to. All are IPC streams
appended to as sections begin; a table no section has rows of is not there. Of a ring that has let
segments go, the first section is in a folder of its own, ``start-NNNNN``, of the same files.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator

import pyarrow as pa

from capture.errors import CaptureError
from capture.events.checks import check_state
from capture.events.section import Section
from capture.events.state_schema import TABLES
from capture.events.walked_state import WALKED
from capture.folder import Folder, start_name
from capture.ipc import Damage, Decoder, frames, read_schema
from capture.manifest import SYSCALL, LetGo
from capture.segment import SegmentFile

SECTIONS_FILE = "sections.arrow"
#: ``after_num``: number of the last event before the section; ``major`` and ``minor``: version of
#: the ``.scap`` it comes from, 0 for none.
SECTIONS = pa.schema(
    [
        pa.field("section", pa.uint32(), nullable=False),
        pa.field("major", pa.uint16(), nullable=False),
        pa.field("minor", pa.uint16(), nullable=False),
        pa.field("after_num", pa.uint64(), nullable=False),
    ]
)
#: Most sections of a capture.
MAX_SECTIONS = 65_536
#: Most bytes of one table of one section, and of one batch of it on disk.
MAX_STATE_BYTES = 256 << 20
_FRAME_BYTES = 16 << 20

_SCHEMAS = {**TABLES, **WALKED}
_SECTION = pa.field("section", pa.uint32(), nullable=False)


def table_file(name: str) -> str:
    return f"{name}.arrow"


def table_schema(name: str) -> pa.Schema:
    """Schema on disk of a table of ``TABLES`` or ``WALKED``."""
    return pa.schema([_SECTION, *_SCHEMAS[name]])


#: Files of the state and their schemas.
STATE_FILES: dict[str, pa.Schema] = {
    SECTIONS_FILE: SECTIONS,
    **{table_file(name): table_schema(name) for name in _SCHEMAS},
}


def section_row(section: Section, after_num: int) -> pa.RecordBatch:
    """The row of ``SECTIONS``."""
    values = (section.number, *section.version, after_num)
    columns = [pa.array([value], field.type) for value, field in zip(values, SECTIONS, strict=True)]
    return pa.record_batch(columns, schema=SECTIONS)


def table_frames(section: Section, name: str) -> Iterator[pa.RecordBatch]:
    """A table of a section, by its name in ``TABLES`` or ``WALKED``, in batches as they go on
    disk."""
    table = section.walked.get(name) if name in WALKED else section.table(name)
    if table is None or not table.num_rows:
        return
    numbers = pa.repeat(pa.scalar(section.number, pa.uint32()), table.num_rows)
    whole = pa.RecordBatch.from_arrays([numbers, *table.columns], schema=table_schema(name))
    rows = max(1, table.num_rows * _FRAME_BYTES // max(table.nbytes, 1))
    for start in range(0, table.num_rows, rows):
        yield whole.slice(start, rows)


def check_frame(file: str, batch: pa.RecordBatch) -> None:
    """Raises ValueError for a batch of a state file that is not as promised."""
    numbers = batch.column("section").to_numpy()
    if (numbers >= MAX_SECTIONS).any() or (numbers[1:] < numbers[:-1]).any():
        raise ValueError("sections do not ascend")
    if file != SECTIONS_FILE:
        check_state(file.removesuffix(".arrow"), batch.select(batch.schema.names[1:]))
    elif (numbers[1:] == numbers[:-1]).any():
        raise ValueError("a section twice")


def read_sections(
    folder: Folder, note: Callable[[str], None], start: LetGo | None = None
) -> Iterator[tuple[Section, int]]:
    """Each section in order, and the number of the last event before it.

    ``start``: what the first is to be read from, and which it is; those up to it are passed over.
    What is damaged is left out and told to ``note``. At most one section is in memory.
    """
    last = -1
    if start is not None and start.state:
        last = start.section
        try:
            inside = folder.subfolder(start.state)
        except CaptureError as error:
            note(error.message)
        else:
            with inside:
                for section, after in _sections(inside, note):
                    if section.number == start.section:
                        yield section, after
    # Those before a start are not there any more.
    if last < 0 or SECTIONS_FILE in folder.names():
        for section, after in _sections(folder, note):
            if section.number > last:
                yield section, after


def _sections(folder: Folder, note: Callable[[str], None]) -> Iterator[tuple[Section, int]]:
    tables = {name: _Table(folder, name, note) for name in _SCHEMAS}
    last = -1
    for row in _frames(folder, SECTIONS_FILE, note):
        for values in row.to_pylist():
            if values["section"] <= last:
                continue
            last = values["section"]
            state = {name: table.of(last) for name, table in tables.items()}
            walked = {name: state[name] for name in WALKED}
            # There is always a row of what is pending, where there is anything of this kind.
            known = walked["walked_pending"].num_rows > 0
            version = values["major"], values["minor"]
            own = {name: state[name] for name in TABLES}
            yield Section.of(last, version, own, walked if known else None), values["after_num"]


def write_start(folder: Folder, index: int, section: Section, after_num: int) -> tuple[str, int]:
    """Write the state with which segment ``index`` of a source's folder begins, through to the
    disk; the name of its folder and the bytes it takes. Raises OSError."""
    name = start_name(index)
    written = 0
    with folder.make_subfolder(name) as inside:
        for table in _SCHEMAS:
            frames = table_frames(section, table)
            written += _write_file(inside, table_file(table), frames)
        rows = iter([section_row(section, after_num)])
        written += _write_file(inside, SECTIONS_FILE, rows)
        os.fsync(inside.fd)
    os.fsync(folder.fd)
    return name, written


def _write_file(folder: Folder, name: str, batches: Iterator[pa.RecordBatch]) -> int:
    file: SegmentFile | None = None
    try:
        for batch in batches:
            if file is None:
                file = SegmentFile(folder, name, STATE_FILES[name], {"source": SYSCALL})
            file.append(batch, None)
    except BaseException:
        if file is not None:
            file.abandon()
        raise
    if file is None:
        return 0
    file.close()
    return file.size


class _Table:
    """A table of state, read forward section by section."""

    def __init__(self, folder: Folder, name: str, note: Callable[[str], None]) -> None:
        self._name = name
        self._note = note
        self._frames = _frames(folder, table_file(name), note)
        self._held: pa.RecordBatch | None = None

    def of(self, section: int) -> pa.RecordBatch:
        """The rows of a section; those of sections passed over are left out."""
        found: list[pa.RecordBatch] = []
        size = 0
        for batch in itertools.chain([self._held] if self._held else [], self._frames):
            numbers = batch.column(0).to_numpy()
            start, stop = numbers.searchsorted([section, section + 1]).tolist()
            rows = batch.slice(start, stop - start)
            size += rows.nbytes
            if rows.num_rows and size <= MAX_STATE_BYTES:
                found.append(rows)
            self._held = batch.slice(stop)
            if stop < batch.num_rows:
                break
        else:
            self._held = None
        if size > MAX_STATE_BYTES:
            self._note(
                f"{table_file(self._name)}: of section {section} only the first"
                f" {MAX_STATE_BYTES} bytes are used"
            )
        schema = _SCHEMAS[self._name]
        columns = [batch.select(schema.names) for batch in found]
        if len(columns) == 1:
            return pa.RecordBatch.from_arrays(columns[0].columns, schema=schema)
        table = pa.Table.from_batches(columns, schema).combine_chunks()
        return pa.RecordBatch.from_arrays(
            [column.combine_chunks() if len(column) else pa.array([], column.type)
             for column in table.columns],
            schema=schema,
        )  # fmt: skip


def _frames(folder: Folder, file: str, note: Callable[[str], None]) -> Iterator[pa.RecordBatch]:
    """The checked batches of a state file, up to damage; none where it is absent."""
    where = f"{folder.path.name}/{file}"
    try:
        fd = folder.open_file(file)
    except FileNotFoundError:
        if file == SECTIONS_FILE:
            note(f"{where} is missing: what processes and files there were at the start is unknown")
        return
    except CaptureError as error:
        note(error.message)
        return
    try:
        size = os.fstat(fd).st_size
        schema, offset = read_schema(fd, size)
        if not schema.equals(STATE_FILES[file]):
            note(f"{where}: the file has another schema")
            return
        decoder = Decoder(STATE_FILES[file], check=lambda batch: check_frame(file, batch))
        for frame in frames(fd, size, offset):
            yield decoder.read(fd, frame)
    except Damage as damage:
        if damage.reason != "no end mark":
            note(f"{where}: {damage.reason} at byte {damage.offset}: the state after it is lost")
    finally:
        os.close(fd)
