"""The state engine: walks events in order and tells of each which thread and file it is about.

    engine = StateEngine(section)            # or StateEngine() where nothing is known at the start
    for batch in batches:
        state = engine.feed(batch)
        state.lineage, state.fd              # int32, one an event; -1: none
        state.tables.threads.column("comm")  # see engine/state/tables.py

The walk is native (``engine/state/native``) and follows libsinsp: rules look at an event after the
engine has digested it; a failed call changes nothing; a thread that exits and a file that is closed
are still there at that event. One engine serves live, imported and replayed events. It holds the
live state and nothing of the past: each ``EventState`` has tables of its own, with a row for every
state of a thread or file that its events refer to, so memory does not grow with the capture, and
batches can be judged apart from each other. The lock of Python is let go during a walk; an engine
is for one thread at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow.cffi import ffi as arrow_ffi

from capture.errors import CaptureError
from capture.events.schema import EventBatch, event_schema
from capture.events.section import Section, empty
from capture.events.state_schema import TABLES
from capture.events.table import event_table
from capture.events.walked_state import WALKED
from engine.state import _native
from engine.state.kinds import kind_of, native_types
from engine.state.snapshot import read_snapshot
from engine.state.tables import StateTables, read_tables

ffi, lib = _native.ffi, _native.lib

#: Events that make a container known or take it away, and the parameter with the JSON about it.
_CONTAINERS = {"CONTAINER_JSON_2_E": 0, "ASYNCEVENT_E": 2}


class Start(Protocol):
    """The state a section starts with: ``capture.scap.reader.Section`` is one.

    Record batches of ``capture.events.state_schema``.
    """

    @property
    def threads(self) -> pa.RecordBatch: ...
    @property
    def fds(self) -> pa.RecordBatch: ...
    @property
    def users(self) -> pa.RecordBatch: ...
    @property
    def groups(self) -> pa.RecordBatch: ...
    @property
    def machine(self) -> pa.RecordBatch: ...
    @property
    def interfaces(self) -> pa.RecordBatch: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on the state that is held, as libsinsp has them; what does not fit is left out and
    counted (``Counts.refused``). ``names`` bounds users, groups and containers, each."""

    threads: int = 262_144
    fds: int = 4096
    names: int = 262_144
    depth: int = 256
    container_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True)
class Counts:
    """What is held now: threads, distinct states of files, distinct texts; ``refused`` counts
    threads, files and names for which there was no room."""

    threads: int
    fds: int
    texts: int
    refused: int


@dataclass(frozen=True, slots=True)
class EventState:
    """What the events of one batch are about; every array has one element an event.

    ``lineage`` int32: row of ``tables.lineages``, -1 without a thread.
    ``fd`` int32: row of ``tables.fds``, the file that ``fd.*`` fields show; -1 without one.
    ``fd_number`` int64: ``fd.num``; -1 for none, and for events that have to do with no file.
    ``fd_count`` int32: open files of the process (``proc.fdopencount``).
    ``fd_types`` uint32: bit n is set while the thread has a file of libscap's type n (see
    ``capture.events.state_schema.FD_TYPES``), bit 31 for one of no type (``fd.types``).
    ``memory`` int32: row of ``tables.memory``, -1 without a thread.
    ``own_fd`` bool: the file is the event's own (``evt->get_fd_info()`` is set), not merely the
    last one of the thread. ``name_changed`` bool: ``fd.name_changed``.
    """

    lineage: npt.NDArray[np.int32]
    fd: npt.NDArray[np.int32]
    fd_number: npt.NDArray[np.int64]
    fd_count: npt.NDArray[np.int32]
    fd_types: npt.NDArray[np.uint32]
    memory: npt.NDArray[np.int32]
    own_fd: npt.NDArray[np.bool_]
    name_changed: npt.NDArray[np.bool_]
    tables: StateTables

    def __len__(self) -> int:
        return len(self.lineage)


class StateEngine:
    """Falco's state of processes, files and users over a stream of events.

    ``start`` is what a section of a capture starts with; None starts with nothing. With
    ``containers`` false every thread is the host's, as in a Falco without its container plugin:
    users and groups are then looked up for the host too.
    """

    def __init__(
        self, start: Start | None = None, limits: Limits | None = None, *, containers: bool = True
    ) -> None:
        self._bounds = limits or Limits()
        self._types = native_types()
        native = ffi.new(
            "state_limits *",
            (
                self._bounds.threads,
                self._bounds.fds,
                self._bounds.names,
                self._bounds.depth,
                containers,
            ),
        )
        self._engine = ffi.gc(lib.state_new(*self._types, native), lib.state_free)
        self._containers: list[bytes] = []
        self._container_ids: list[bytes] = []
        self._container_numbers: dict[bytes, int] = {}
        self._container_bytes = 0
        self._machine = empty(TABLES["machine"])
        self._interfaces = empty(TABLES["interfaces"])
        self.begin(start)

    def begin(self, start: Start | None) -> None:
        """Forget everything and start with the state of another section.

        Of a section made by :meth:`snapshot` nothing is forgotten that matters: the walk goes on.
        Raises CaptureError for tables of another schema.
        """
        held: list[Any] = []

        def table(name: str, batch: pa.RecordBatch, schema: pa.Schema) -> dict[str, Any]:
            if not batch.schema.equals(schema):
                raise CaptureError(f"the start state's {name} are not as expected")
            kinds = ffi.new("uint8_t[]", [kind_of(field.type) for field in schema])
            array, address = _export(batch)
            held.extend((array, kinds))
            return {"array": address, "kinds": kinds, "columns": len(schema)}

        tables, walked, boot = [], ffi.NULL, 0
        try:
            for name in ("threads", "fds", "users", "groups", "interfaces"):
                own = ffi.new("state_table_in *")
                if start is not None:
                    own[0] = table(name, getattr(start, name), TABLES[name])
                tables.append(own)
            known = getattr(start, "walked", None)
            if known and set(known) == set(WALKED):
                walked = ffi.new("state_table_in[]", lib.STATE_WALKED)
                for at, (name, schema) in enumerate(WALKED.items()):
                    walked[at] = table(name, known[name], schema)
                # The native engine knows what was told about containers by numbers of ours.
                told = self._told_before(known["walked_containers"])
                walked[list(WALKED).index("walked_containers")] = table("told", told, told.schema)
            if start is not None and start.machine.num_rows:
                boot = start.machine.column("boot_ts_epoch")[0].as_py() or 0
            if lib.state_begin(self._engine, *tables, walked, boot) != 0:
                raise CaptureError(f"the start state cannot be taken in: {self._error()}")
        finally:
            _release(held)
        if start is not None:
            self._machine, self._interfaces = start.machine, start.interfaces
        else:
            self._machine = empty(TABLES["machine"])
            self._interfaces = empty(TABLES["interfaces"])

    def snapshot(self, number: int = 0) -> Section:
        """The state of this moment as a section with this number: walking on from it finds what
        this engine would find.

        Threads and files only differ in the numbers of their states (``serial``, ``from_num``),
        which count from the section's start. Raises CaptureError where it does not fit in memory.
        """
        if lib.state_snapshot(self._engine) != 0:
            raise CaptureError(f"the state cannot be written down: {self._error()}")
        try:
            return read_snapshot(
                self._engine, number, self._machine, self._interfaces, self._containers
            )
        finally:
            lib.state_snapshot_clear(self._engine)

    def feed(self, batch: EventBatch) -> EventState:
        """Walk the next events; the batch's own sections are the caller's to begin.

        The batch must be sound: one from elsewhere is to be validated (``validate(full=True)``).
        Raises CaptureError when its columns are not those of ``capture.events.schema``.
        """
        if batch.batch.schema != event_schema(batch.codes):
            raise CaptureError("the columns of a batch of events are not as expected")
        rows = batch.num_rows
        lineage, fd, fd_count, memory = (np.empty(rows, np.int32) for _ in range(4))
        fd_number = np.empty(rows, np.int64)
        fd_types = np.empty(rows, np.uint32)
        flags = np.empty(rows, np.uint8)
        out = ffi.new("state_out *")
        out.lineage = ffi.from_buffer("int32_t *", lineage)
        out.fd = ffi.from_buffer("int32_t *", fd)
        out.fd_number = ffi.from_buffer("int64_t *", fd_number)
        out.fd_count = ffi.from_buffer("int32_t *", fd_count)
        out.fd_types = ffi.from_buffer("uint32_t *", fd_types)
        out.memory = ffi.from_buffer("int32_t *", memory)
        out.flags = ffi.from_buffer("uint8_t *", flags)
        codes = ffi.new("uint16_t[]", list(batch.codes))
        told, texts = self._told_containers(batch)
        containers = ffi.new("state_container[]", told)
        array, address = _export(batch.batch)
        status = lib.state_feed(
            self._engine, address, codes, len(batch.codes), containers, len(told), out
        )
        _release([array])
        del texts
        if status != 0:
            raise CaptureError(f"the events cannot be walked: {self._error()}")
        tables = read_tables(self._engine, tuple(self._containers))
        lib.state_clear(self._engine)
        return EventState(
            lineage,
            fd,
            fd_number,
            fd_count,
            fd_types,
            memory,
            (flags & lib.STATE_OWN_FD) != 0,
            (flags & lib.STATE_NAME_CHANGED) != 0,
            tables,
        )

    @property
    def counts(self) -> Counts:
        """What the engine holds now."""
        counts = ffi.new("state_counts *")
        lib.state_count(self._engine, counts)
        return Counts(counts.threads, counts.fds, counts.texts, counts.refused)

    def _error(self) -> str:
        return str(ffi.string(lib.state_error(self._engine)).decode(errors="replace"))

    def _told_containers(self, batch: EventBatch) -> tuple[list[tuple[Any, ...]], list[Any]]:
        """Containers that events of the batch make known, by row, and what keeps their ids."""
        told: list[tuple[int, bytes, int]] = []
        for key, parameter in _CONTAINERS.items():
            code = event_table().by_key[key].code
            if code not in batch.codes:
                continue
            names = batch.parameters(code)
            for row, values in zip(batch.rows(code).tolist(), _rows(names), strict=True):
                name = values.get("name", b"container")
                text = list(values.values())[parameter]
                if name not in (b"container", b"container_removed") or not text:
                    continue
                text = text.rstrip(b"\0")
                container = self._container_id(text)
                if container is None:
                    continue
                number = -1 if name == b"container_removed" else self._container(text)
                told.append((row, container, number))
        told.sort(key=lambda item: item[0])
        held = [ffi.from_buffer("char[]", container or b"\0") for _, container, _ in told]
        return [
            (row, buffer, len(container), number)
            for (row, container, number), buffer in zip(told, held, strict=True)
        ], held

    def _told_before(self, table: pa.RecordBatch) -> pa.RecordBatch:
        """The containers of a snapshot, with the numbers of what is told about them."""
        known = []
        for row in table.to_pylist():
            kind, text = row["kind"] or 0, row["json"] or b""
            reference = kind if -4 <= kind <= -2 else self._container(text) if text else -1
            if reference != -1 and row["id"]:
                known.append((row["id"], reference))
        return pa.record_batch(
            [pa.array([id_ for id_, _ in known], pa.binary()),
             pa.array([reference for _, reference in known], pa.int32())],
            names=["id", "reference"],
        )  # fmt: skip

    def _container_id(self, text: bytes) -> bytes | None:
        known = self._container_numbers.get(text)
        return container_id(text) if known is None else self._container_ids[known]

    def _container(self, text: bytes) -> int:
        """Number of what is told about a container; -1 when too much has been told already."""
        known = self._container_numbers.get(text)
        if known is not None:
            return known
        if self._container_bytes + len(text) > self._bounds.container_bytes:
            return -1
        self._container_bytes += len(text)
        self._containers.append(text)
        self._container_ids.append(container_id(text) or b"")
        self._container_numbers[text] = len(self._containers) - 1
        return len(self._containers) - 1


def container_id(text: bytes) -> bytes | None:
    """The id in what an event tells about a container; None when it tells none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    container = value.get("container") if isinstance(value, dict) else None
    name = container.get("id") if isinstance(container, dict) else None
    return name.encode() if isinstance(name, str) else None


def _rows(values: pa.StructArray) -> Iterator[dict[str, Any]]:
    for value in values:
        yield value.as_py()


def _export(batch: pa.RecordBatch) -> tuple[Any, int]:
    """The batch through Arrow's C data interface, columns without an offset of their own."""
    array = arrow_ffi.new("struct ArrowArray *")
    address = int(arrow_ffi.cast("uintptr_t", array))
    batch._export_to_c(address)
    return array, address


def _release(held: Sequence[Any]) -> None:
    for array in held:
        if arrow_ffi.typeof("struct ArrowArray *") is _type_of(array):
            array.release(array)


def _type_of(array: Any) -> Any:
    try:
        return arrow_ffi.typeof(array)
    except TypeError:
        return None
