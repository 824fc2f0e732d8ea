"""All there is to know of one event."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from capture.errors import FalcowbError
from capture.events.state_schema import FD_TYPES
from capture.events.table import event_table
from engine.alerts import AlertFormatter
from engine.columns import BytesColumn, Segment
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.fields.model import FieldRef
from engine.jsontext import replaced
from engine.segments import PluginSegment
from engine.syscalls.segment import SyscallSegment
from engine.values import texts
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.lanes import Asking
from workbench.backend.pages import all_fields
from workbench.backend.questions.detail import (
    Alerted,
    Detail,
    EventDetail,
    FieldValue,
    Files,
    OpenFile,
    OpenFiles,
    Process,
)

#: Characters of one value that are sent; a longer one is cut, and says so.
_MOST = 1 << 16
_MOST_RAW = 4 << 20
#: Ancestors that are shown.
_MOST_ANCESTORS = 64
#: The family of fields that are shown elsewhere.
_ARGUMENTS = ("evt.args", "evt.arg", "evt.rawarg")


@answers(Detail)
def detail(desk: Desk, question: Detail, asking: Asking) -> EventDetail:
    case = desk.case_now()
    row = row_of(case, question.number, question.source)
    located = next(iter(case.index.locate(np.array([row], np.int64))))
    source = case.index.source_of(located.batch)
    segment = case.index.segment(located.batch).take(located.places)
    refs = [ref for ref in all_fields(case.catalogue, source) if ref.info.name not in _ARGUMENTS]
    asking.check()
    values = _values(segment, refs)
    return EventDetail(
        number=int(case.index.numbers[row]),
        time=int(case.index.times[row]),
        source=source,
        type=_text(segment, case.catalogue, source, "evt.type") or source,
        families=_families(values),
        arguments=_arguments(segment, case.catalogue),
        raw=_raw(segment),
        ancestry=_ancestry(segment),
        alerts=_alerts(desk, case, segment, row),
    )


@answers(OpenFiles)
def open_files(desk: Desk, question: OpenFiles, asking: Asking) -> Files:
    case = desk.case_now()
    row = row_of(case, question.number, question.source)
    (located,) = case.index.locate(np.array([row], np.int64))
    segment = case.index.segment(located.batch).take(located.places)
    if not isinstance(segment, SyscallSegment) or not segment.state.known()[0]:
        return Files(question.number, None)
    asking.check()
    state = case.index.state_at(row)
    thread = int(segment.state.thread[0])
    threads = segment.state.threads
    # Threads of a process share its files, which are told of the main one.
    holder = int(threads.number("pid")[thread])
    if state is None or holder < 0:
        return Files(question.number, None)
    fds = state.fds
    mine = np.flatnonzero(fds.column("tid").to_numpy() == holder)
    rows = fds.take(pa.array(mine)).to_pylist()
    return Files(
        question.number,
        tuple(
            OpenFile(each["fd"], FD_TYPES.get(each["type"], ""), _file_name(each))
            for each in sorted(rows, key=lambda each: int(each["fd"]))
        ),
    )


def _file_name(fd: dict[str, Any]) -> str:
    """The name of a file, or both ends of a connection."""
    name = replaced(fd["name"] or b"")
    if name or not (fd["source_ip"] or fd["dest_ip"]):
        return name
    ends = [
        f"{_address(fd[f'{end}_ip'])}:{fd[f'{end}_port']}"
        for end in ("source", "dest")
        if fd[f"{end}_ip"]
    ]
    return "->".join(ends)


def _address(raw: bytes) -> str:
    return str(ipaddress.ip_address(raw)) if len(raw) in (4, 16) else "?"


def row_of(case: Case, number: int, source: str) -> int:
    """The row of an event; ``source`` tells it from others of its number, empty for the first.
    Raises FalcowbError where there is none."""
    row = case.index.row_of_number(number)
    while row is not None and row < case.index.count:
        if int(case.index.numbers[row]) != number:
            break
        located = next(iter(case.index.locate(np.array([row], np.int64))))
        if source in ("", case.index.source_of(located.batch)):
            return row
        row += 1
    raise FalcowbError(f"there is no event {number:,} to be seen in this capture")


def _values(segment: Segment, refs: Sequence[FieldRef]) -> list[FieldValue]:
    found = []
    columns = segment.columns(refs)
    for ref, column in zip(refs, columns, strict=True):
        (text,) = texts(ref.info.name, ref.info.type, ref.is_list, column)
        if text is not None:
            info = ref.info
            found.append(FieldValue(ref.text, _cut(text), info.type.name, info.description))
    return found


def _families(
    values: Sequence[FieldValue],
) -> tuple[tuple[str, tuple[FieldValue, ...]], ...]:
    families: dict[str, list[FieldValue]] = {}
    for value in values:
        families.setdefault(value.name.partition(".")[0], []).append(value)
    return tuple((name, tuple(found)) for name, found in families.items())


def _cut(text: bytes) -> str:
    if len(text) <= _MOST:
        return replaced(text)
    return f"{replaced(text[:_MOST])}… ({len(text):,} bytes)"


def _text(segment: Segment, catalogue: Catalogue, source: str, name: str) -> str:
    try:
        ref = catalogue.lookup(name, None, source)
    except FalcowbError:
        return ""
    (text,) = texts(name, ref.info.type, ref.is_list, segment.columns([ref])[0])
    return "" if text is None else replaced(text)


def _arguments(segment: Segment, catalogue: Catalogue) -> tuple[FieldValue, ...]:
    """The arguments of a system call, as ``evt.arg`` prints them."""
    if not isinstance(segment, SyscallSegment):
        return ()
    event = event_table()[int(segment.events.type[0])]
    present = int(segment.events.present[0])
    found = []
    for place, parameter in enumerate(event.parameters[:present]):
        ref = catalogue.lookup("evt.arg", str(place), SYSCALL)
        (text,) = texts("evt.arg", ref.info.type, ref.is_list, segment.columns([ref])[0])
        found.append(FieldValue(parameter.name, "" if text is None else _cut(text), parameter.type))
    return tuple(found)


def _raw(segment: Segment) -> bytes:
    if not isinstance(segment, PluginSegment):
        return b""
    payload: bytes = segment.batch.column("data")[0].as_py()
    return payload[:_MOST_RAW]


def _ancestry(segment: Segment) -> tuple[Process, ...]:
    """The process and those above it, as they stood at the event."""
    if not isinstance(segment, SyscallSegment) or not segment.state.known()[0]:
        return ()
    state = segment.state
    rows = [int(state.main_thread[0])]
    if rows[0] < 0:
        rows = [int(state.thread[0])]
    rows += state.ancestors[1][:_MOST_ANCESTORS].tolist()
    threads = state.threads
    known = [row for row in rows if row >= 0]
    names = {key: threads.text(key) for key in ("comm", "exe", "args")}
    users = _user_names(segment)
    return tuple(
        Process(
            depth,
            int(threads.number("pid")[row]),
            _of(names["comm"], row),
            _of(names["exe"], row),
            " ".join([_of(names["comm"], row), *_words(names["args"], row)]).strip(),
            users.get(int(threads.number("uid")[row]), str(int(threads.number("uid")[row]))),
        )
        for depth, row in enumerate(known)
    )


def _user_names(segment: SyscallSegment) -> dict[int, str]:
    """Names of users that the events of the batch know."""
    table = segment.state.tables.users
    column = table.text("name")
    return {
        int(uid): _of(column, row)
        for row, uid in enumerate(table.number("uid").tolist())
        if _of(column, row)
    }


def _of(column: BytesColumn, row: int) -> str:
    code = int(column.codes[row])
    return "" if code < 0 else replaced(column.values[code].as_py())


def _words(column: BytesColumn, row: int) -> list[str]:
    code = int(column.codes[row])
    if code < 0:
        return []
    return [replaced(word) for word in column.values[code].as_py().rstrip(b"\0").split(b"\0")]


def _alerts(desk: Desk, case: Case, segment: Segment, row: int) -> tuple[Alerted, ...]:
    found = case.verdicts.matching(row)
    if not found:
        return ()
    formatter = AlertFormatter(case.catalogue)
    alerted = []
    for rule in found:
        try:
            (alert,) = formatter.alerts(rule, segment, np.zeros(1, np.int64))
            message = alert.message
        except FalcowbError as error:
            message = error.message
        alerted.append(Alerted(rule.name, int(rule.priority), message, rule is found[0]))
    return tuple(alerted)
