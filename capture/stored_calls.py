"""Reading the system calls of a capture: sections, their state, and their events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pyarrow as pa

from capture.errors import CaptureError
from capture.events.checks import event_codes
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.events.table import event_table
from capture.folder import Folder
from capture.ipc import Damage, Decoder, Frame, array_lengths
from capture.kinds import SYSTEM_CALLS
from capture.layout import Layout
from capture.manifest import SourceInfo
from capture.placed import At
from capture.state_tables import read_sections, table_file
from capture.streams import headers, let_go_meanwhile, stream


def read_syscalls(
    root: Folder,
    info: SourceInfo,
    note: Callable[[str], None],
    wanted: Callable[[Frame], bool] = lambda _: True,
) -> Iterator[Section | EventBatch]:
    """Each section and then its batches, as :class:`capture.scap.reader.ScapReader` gives them.

    Events of a section whose state is lost come after a section without any. At most one batch and
    the state of one section are in memory.
    """
    return (item for _, item in placed_syscalls(root, info, note, wanted))


def placed_syscalls(
    root: Folder,
    info: SourceInfo,
    note: Callable[[str], None],
    wanted: Callable[[Frame], bool] = lambda _: True,
) -> Iterator[tuple[At | None, Section | EventBatch]]:
    """The same, with the place of each batch; a section has none."""
    try:
        folder = root.subfolder(info.folder)
    except CaptureError:
        return  # Opening the capture has said so.
    with folder:
        sections = read_sections(folder, note, info.let_go)
        ahead = next(sections, None)
        last = -1
        for file, frame, batch in _frames(root, info, note, wanted):
            while ahead is not None and ahead[0].number <= frame.section:
                last = ahead[0].number
                yield None, ahead[0]
                ahead = next(sections, None)
            if frame.section < last:
                note(f"{info.folder}: {frame.rows} events of an earlier section are left out")
                continue
            if frame.section > last:
                last = frame.section
                note(f"{info.folder}: the state that section {last} begins with is lost")
                yield None, Section.of(last)
            yield At(file, frame.offset, frame.section), EventBatch.of(batch, frame.section)
        while ahead is not None:
            yield None, ahead[0]
            ahead = next(sections, None)


def _frames(
    root: Folder, info: SourceInfo, note: Callable[[str], None], wanted: Callable[[Frame], bool]
) -> Iterator[tuple[str, Frame, pa.RecordBatch]]:
    decoder = call_decoders()
    for segment in info.segments:
        found = False
        for frame, batch in stream(root, info.folder, segment.file, decoder, note, wanted):
            found = True
            yield segment.file, frame, batch
        gone = None if found else let_go_meanwhile(root, info.folder, segment)
        if gone:
            note(gone)


def call_decoders() -> Callable[[pa.Schema], Decoder | None]:
    """What gives the decoder for a schema of system calls, and remembers the last one."""
    decoders: dict[tuple[int, ...], Decoder] = {}

    def decoder(schema: pa.Schema) -> Decoder | None:
        codes = event_codes(schema)
        if codes is None:
            return None
        found = decoders.get(codes)
        if found is None:
            # The schemas of neighbouring segments are alike; a crafted capture's need not be.
            found = Decoder(schema, check=SYSTEM_CALLS.check)
            decoders.clear()
            decoders[codes] = found
        return found

    return decoder


def count_types(root: Folder, info: SourceInfo) -> Counter[int]:
    """Events of each type code, by what the batches' headers say: nothing is unpacked."""
    counts: Counter[int] = Counter()
    for segment in info.segments:
        codes: tuple[int, ...] | None = None
        places: list[int] = []
        for schema, frame in headers(root, info.folder, segment.file):
            if codes is None:
                codes = event_codes(schema)
                if codes is None:
                    break
                places = Layout(schema).children["event"]
            try:
                lengths = array_lengths(frame)
            except Damage:
                break
            if len(lengths) <= places[-1]:
                break
            for code, place in zip(codes, places, strict=True):
                counts[code] += max(lengths[place], 0)
    return +counts


def count_state(root: Folder, info: SourceInfo, table: str) -> int:
    """Rows of a table of ``capture.events.state_schema``, of all sections together; those of
    ``sections`` are the sections themselves."""
    count = sum(frame.rows for _, frame in headers(root, info.folder, table_file(table)))
    if info.let_go is None or not info.let_go.state:
        return count
    try:
        with root.subfolder(info.folder) as folder:
            return sum(f.rows for _, f in headers(folder, info.let_go.state, table_file(table)))
    except CaptureError:
        return 0


def type_names(counts: Counter[int]) -> Counter[str]:
    """Counts by the name of the event, ``(enter)`` after those of enter events."""
    names: Counter[str] = Counter()
    for code, count in counts.items():
        event = event_table()[code]
        enter = event.enter and event.kind == "syscall"
        names[f"{event.name} (enter)" if enter else event.name] += count
    return names
