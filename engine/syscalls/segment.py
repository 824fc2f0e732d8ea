"""Segments of system call events: the column of any field, made when it is first asked for."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.errors import FalcowbError
from capture.events.schema import EventBatch
from capture.events.table import event_table
from capture.scap.reader import Section
from engine.columns import Codes, Column, Mask, Rows
from engine.fields.model import FieldRef
from engine.gather import take
from engine.segments import ColumnKey
from engine.syscalls.containers import container_places
from engine.syscalls.events import Events
from engine.syscalls.families import FIELDS
from engine.syscalls.ordered import Carried, Ordered
from engine.syscalls.results import results
from engine.syscalls.state import State


@dataclass(slots=True)
class SyscallSource:
    """What the segments of one capture have in common.

    ``hostname``: for ``evt.hostname``, None for no value. ``interfaces``: the machine's, as in
    ``capture.events.state_schema``. ``first_num`` and ``first_time`` are those of the first event
    that is no meta event, from which ``evt.reltime`` counts; ``last_time`` is that of the last
    judged event so far, from which ``evt.deltatime`` counts. They follow the segments made.
    """

    hostname: str | None = None
    interfaces: pa.RecordBatch | None = None
    first_num: int | None = None
    first_time: int | None = None
    last_time: int = 0
    count: int = 0
    carried: Carried = field(default_factory=Carried)
    name: str = "syscall"

    def begin(self, section: Section) -> None:
        """A section of a capture begins: what its machine was."""
        if section.machine.num_rows:
            name = section.machine.column("hostname")[0].as_py()
            self.hostname = None if name is None else name.decode("utf-8", "surrogateescape")
        self.interfaces = section.interfaces

    def segment(self, batch: EventBatch, state: State | None = None) -> SyscallSegment:
        """A segment of the events of ``batch`` that rules get to see. Batches come in order.

        ``state``: of every event of the batch, judged or not; none knows nothing.
        """
        events = Events(batch)
        if self.first_time is None:
            self._note_first(events)
        judged = batch.judged()
        state = state or State.unknown(len(events))
        if not judged.all():
            rows = np.flatnonzero(judged)
            events, state = events.take(rows), state.take(rows)
        before = self.last_time
        if len(events):
            self.last_time = int(events.time[-1])
        origin = Origin(self.first_num, self.first_time or 0)
        first = self.count + 1
        self.count += len(events)
        return SyscallSegment(
            self,
            events,
            state,
            origin,
            _previous(events, before),
            self.carried.next(events),
            np.arange(first, first + len(events), dtype=np.uint64),
        )

    def _note_first(self, events: Events) -> None:
        meta = np.array([event.kind == "meta" for event in event_table().types])
        real = np.flatnonzero(~meta[events.type])
        if len(real):
            self.first_num = int(events.num[real[0]])
            self.first_time = int(events.time[real[0]])


@dataclass(frozen=True, slots=True)
class Origin:
    """The event that ``evt.reltime`` counts from; no number where none has come yet."""

    num: int | None
    time: int


def _previous(events: Events, before: int) -> npt.NDArray[np.int64]:
    """The time of the event before each, 0 for none."""
    return np.concatenate([np.array([before], np.int64), events.time[:-1]])


@functools.cache
def _about_files() -> Mask:
    wanted = {"creates_fd", "uses_fd", "destroys_fd"}
    return np.array([bool(event.flags & wanted) for event in event_table().types])


@dataclass(eq=False)
class SyscallSegment:
    """Events of the system call source. What is taken of a segment shares its columns.

    ``previous``: time of the judged event before each, 0 for none; ``places``: which judged event
    of the capture each is, from 1.
    """

    #: Columns cost the same asked together or alone: the evaluator asks for them as it goes.
    one_by_one: ClassVar[bool] = True

    source: SyscallSource
    events: Events
    state: State
    origin: Origin
    previous: npt.NDArray[np.int64]
    ordered: Ordered
    places: npt.NDArray[np.uint64]
    _columns: dict[ColumnKey, Column] = field(default_factory=dict)
    _whole: tuple[SyscallSegment, Rows] | None = None

    def __len__(self) -> int:
        return len(self.events)

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        """Raises FalcowbError for a field that system calls do not have."""
        return [self.column(ref.info.name, ref.arg) for ref in refs]

    def column(self, name: str, arg: str | None = None) -> Column:
        """The column of a field by name and argument."""
        key = (name, arg)
        column = self._columns.get(key)
        if column is None:
            column = self._shared(key) or self._made(name, arg)
            self._columns[key] = column
        return column

    def _shared(self, key: ColumnKey) -> Column | None:
        if self._whole is None:
            return None
        whole, rows = self._whole
        known = whole._columns.get(key)
        return None if known is None else take(known, rows)

    def _made(self, name: str, arg: str | None) -> Column:
        make = FIELDS.get(name)
        if make is None:
            raise FalcowbError(f"system calls have no field {name}")
        return make(self, arg)

    def take(self, rows: Rows) -> SyscallSegment:
        return SyscallSegment(
            self.source,
            self.events.take(rows),
            self.state.take(rows),
            self.origin,
            self.previous[rows],
            self.ordered.take(rows),
            self.places[rows],
            {},
            (self, rows),
        )

    @functools.cached_property
    def results(self) -> tuple[npt.NDArray[np.int64], Mask]:
        """What calls returned, and which events say so."""
        return results(self.events)

    @functools.cached_property
    def container_places(self) -> Codes:
        """The container of each event, see ``containers``."""
        return container_places(self)

    @functools.cached_property
    def about_file(self) -> Mask:
        """Which events the ``fd`` fields speak of: those about a file, with a thread."""
        return np.asarray(_about_files()[self.events.type] & self.state.known())

    @functools.cached_property
    def files(self) -> Codes:
        """The file of each event that is about one, as a version; -1 where it is not known."""
        return np.where(self.about_file, self.state.fd, np.int32(-1)).astype(np.int32)

    @property
    def known(self) -> Mapping[ColumnKey, Column]:
        """The columns made so far."""
        return self._columns
