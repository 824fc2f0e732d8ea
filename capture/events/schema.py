"""Arrow form of syscall events: one record batch, its events shredded by type.

A batch (``event_schema``) has one row an event, in capture order:

========== ===================== ==========================================================
num        uint64                event number as Falco counts, from 1, ascending
time       timestamp[ns, UTC]    the kernel's time of the event
cpu        uint16                the device (CPU) the event came from
tid        int64                 the thread; -1 where there is none
type       uint16                event type: a code of ``capture.events.table``
present    uint8                 parameters the event holds; those from this index on are absent
flags      uint32                flags of the event: ``STATE_ONLY``, ``INITIAL_STATE``
event      dense_union           the parameters: one child for each event type in the batch
========== ===================== ==========================================================

A child of the union is a struct named by the type's key in lower case (``syscall_openat_2_x``),
with one field for each parameter of the table, in its order, typed by ``parameter_type``. So a
child is the dense table of all events of one type, in event order. An Arrow union holds at most
``MAX_TYPES`` children, and a stream of batches must keep one schema: ``widen`` adds empty children.

**Not every event is judged.** Falco numbers all of these events but shows its rules only those of
``EventBatch.judged()``: not the enter events it keeps for their parameters (``UNJUDGED``), not
those flagged ``STATE_ONLY``, nor the containers, users and groups (``INITIAL``) that open a section
(``INITIAL_STATE``). The latter repeat the number before them in every section but the first;
otherwise numbers rise by one. (libsinsp/sinsp.cpp: sinsp_evt_filter, consume_initialstate_events.)

**Null and empty.** A parameter is null when the event does not hold it (its index is not below
``present``) or when the event holds it with length zero (Falco's *empty parameter*); the two are
told apart by ``present``. A text that is ``b""`` was held as a lone NUL.

**Values.** Numbers have their own width; ``fd``, ``pid`` and ``errno`` are int64 (a negative
``errno`` is the failure). Times are uint64 nanoseconds. Texts and paths are binary without their
ending NUL; they need not be UTF-8. ``bytebuf`` is binary as it stands: argument vectors,
environments and cgroups of execve and clone are NUL-separated inside it. ``sockaddr`` and
``socktuple`` are binary as the driver writes them (first byte the family). ``fdlist`` is a list of
``{fd int64, flags int16}``. ``dyn`` is ``{kind uint8, number int64, bytes binary}``: ``kind`` picks
the type in ``dynamic_tables()``; a number of any width is sign- or zero-extended to the 64 bits.

**Walking them.** ``EventBatch`` wraps a batch: ``codes``, ``rows(code)`` (positions in the batch,
ascending) and ``parameters(code)`` (the struct array, row i belonging to ``rows(code)[i]``), all
without copies. To walk in event order (the state engine), go over ``type_ids`` and ``offsets``:
event i is row ``offsets[i]`` of ``children[type_ids[i]]``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.table import EventType, Parameter, event_table

#: Most children of one union: Arrow's type ids are int8.
MAX_TYPES = 127

#: Bits of ``flags``: set by the writer of a ``.scap``; set by us, never in a file.
STATE_ONLY = 1
INITIAL_STATE = 0x40000000

#: Keys of the types that Falco's state engine takes in but never judges.
UNJUDGED = (
    "SYSCALL_OPEN_E",
    "SYSCALL_OPENAT_2_E",
    "SYSCALL_OPENAT2_E",
    "SYSCALL_CREAT_E",
    "SOCKET_CONNECT_E",
    "SYSCALL_EXECVE_19_E",
    "SYSCALL_EXECVEAT_E",
)

#: Keys of the types that are state, not events, while they open a section.
INITIAL = (
    "CONTAINER_JSON_2_E",
    "USER_ADDED_E",
    "USER_DELETED_E",
    "GROUP_ADDED_E",
    "GROUP_DELETED_E",
    "ASYNCEVENT_E",
)

HEAD = (
    pa.field("num", pa.uint64(), nullable=False),
    pa.field("time", pa.timestamp("ns", tz="UTC"), nullable=False),
    pa.field("cpu", pa.uint16(), nullable=False),
    pa.field("tid", pa.int64(), nullable=False),
    pa.field("type", pa.uint16(), nullable=False),
    pa.field("present", pa.uint8(), nullable=False),
    pa.field("flags", pa.uint32(), nullable=False),
)

_FDLIST = pa.list_(
    pa.field(
        "item",
        pa.struct(
            [pa.field("fd", pa.int64(), nullable=False), pa.field("flags", pa.int16(), False)]
        ),
        nullable=False,
    )
)
_DYNAMIC = pa.struct(
    [
        pa.field("kind", pa.uint8(), nullable=False),
        pa.field("number", pa.int64()),
        pa.field("bytes", pa.binary()),
    ]
)
_TEXTS = pa.list_(pa.field("item", pa.binary(), nullable=False))

#: Arrow type of each parameter type of the event table.
PARAMETER_TYPES: dict[str, pa.DataType] = {
    "int8": pa.int8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "uint8": pa.uint8(),
    "uint16": pa.uint16(),
    "uint32": pa.uint32(),
    "uint64": pa.uint64(),
    "flags8": pa.uint8(),
    "flags16": pa.uint16(),
    "flags32": pa.uint32(),
    "enumflags8": pa.uint8(),
    "enumflags16": pa.uint16(),
    "enumflags32": pa.uint32(),
    "errno": pa.int64(),
    "fd": pa.int64(),
    "fd32": pa.int32(),
    "pid": pa.int64(),
    "pid32": pa.int32(),
    "uid": pa.uint32(),
    "gid": pa.uint32(),
    "mode": pa.uint32(),
    "sigset": pa.uint32(),
    "sigtype": pa.uint8(),
    "bool": pa.uint32(),
    "syscallid": pa.uint16(),
    "port": pa.uint16(),
    "l4proto": pa.uint8(),
    "sockfamily": pa.uint8(),
    "reltime": pa.uint64(),
    "abstime": pa.uint64(),
    "double": pa.float64(),
    "ipv4addr": pa.binary(4),
    "ipv6addr": pa.binary(16),
    "charbuf": pa.binary(),
    "fspath": pa.binary(),
    "fsrelpath": pa.binary(),
    "bytebuf": pa.binary(),
    "sockaddr": pa.binary(),
    "socktuple": pa.binary(),
    "charbuf_pair_array": pa.binary(),
    "charbufarray": _TEXTS,
    "fdlist": _FDLIST,
    "dyn": _DYNAMIC,
}


def parameter_type(parameter: Parameter) -> pa.DataType:
    """Arrow type of a parameter."""
    return PARAMETER_TYPES[parameter.type]


@functools.cache
def event_struct(code: int) -> pa.StructType:
    """Arrow struct of an event type: one nullable field a parameter."""
    return pa.struct([pa.field(p.name, parameter_type(p)) for p in event_table()[code].parameters])


@functools.lru_cache(maxsize=256)
def event_schema(codes: tuple[int, ...]) -> pa.Schema:
    """Schema of batches whose union has these event types, in this order.

    Raises ValueError for more than ``MAX_TYPES`` of them.
    """
    if len(codes) > MAX_TYPES:
        raise ValueError(f"a batch holds at most {MAX_TYPES} event types, not {len(codes)}")
    table = event_table()
    children = [pa.field(table[code].key.lower(), event_struct(code)) for code in codes]
    return pa.schema([*HEAD, pa.field("event", pa.dense_union(children), nullable=False)])


@functools.cache
def _codes_by_child() -> dict[str, int]:
    return {event.key.lower(): event.code for event in event_table().types}


@dataclass(frozen=True, slots=True)
class EventBatch:
    """A record batch of ``event_schema``, with its union taken apart.

    ``codes`` are the event types of the children; ``type_ids`` (int8) and ``offsets`` (int32) are
    the union's, of shape (rows,); ``section`` counts the sections of the capture from 0: each has
    its own state tables.
    """

    batch: pa.RecordBatch
    codes: tuple[int, ...]
    type_ids: npt.NDArray[np.int8]
    offsets: npt.NDArray[np.int32]
    section: int = 0

    @classmethod
    def of(cls, batch: pa.RecordBatch, section: int = 0) -> EventBatch:
        """Wrap a batch. Raises ValueError for one with a child that is no known event type."""
        union = batch.column("event")
        known = _codes_by_child()
        names = [union.type.field(child).name for child in range(union.type.num_fields)]
        for name in names:
            if name not in known:
                raise ValueError(f"no event type is called {name!r}")
        # UnionArray.type_codes and .offsets do not follow the array's own offset (pyarrow 26).
        first, end = union.offset, union.offset + len(union)
        buffers = union.buffers()
        type_ids = np.frombuffer(buffers[1] or b"", np.int8)[first:end]
        offsets = np.frombuffer(buffers[2] or b"", np.int32)[first:end]
        return cls(
            batch,
            tuple(known[name] for name in names),
            type_ids,
            offsets,
            section,
        )

    @property
    def num_rows(self) -> int:
        return int(self.batch.num_rows)

    @property
    def children(self) -> list[pa.StructArray]:
        """The struct arrays, by type id, whole: index them with ``offsets``."""
        union = self.batch.column("event")
        return [union.field(child) for child in range(len(self.codes))]

    def rows(self, code: int) -> npt.NDArray[np.int64]:
        """Positions of the events of this type, ascending; empty where there is none."""
        if code not in self.codes:
            return np.zeros(0, np.int64)
        return np.flatnonzero(self.type_ids == self.codes.index(code))

    def parameters(self, code: int) -> pa.StructArray:
        """Parameters of the events of this type; row i is the event at ``rows(code)[i]``."""
        if code not in self.codes:
            return pa.array([], event_struct(code))
        child = self.codes.index(code)
        places = self.offsets[self.type_ids == child]
        start = int(places[0]) if len(places) else 0
        # Offsets of one child rise by one, event by event, so its rows are one slice.
        return self.batch.column("event").field(child).slice(start, len(places))

    def judged(self) -> npt.NDArray[np.bool_]:
        """Which events Falco's rules get to see: bool, shape (rows,)."""
        unjudged = [event_table().by_key[key].code for key in UNJUDGED]
        flags = self.batch.column("flags").to_numpy()
        types = self.batch.column("type").to_numpy()
        state = (flags & np.uint32(STATE_ONLY | INITIAL_STATE)) != 0
        return np.asarray(~state & ~np.isin(types, unjudged), np.bool_)

    def event_type(self, row: int) -> EventType:
        """The event type of one row."""
        return event_table()[self.codes[self.type_ids[row]]]


def cut(batch: EventBatch, start: int, stop: int) -> EventBatch:
    """Rows ``start`` to ``stop`` with only their own parameters, shared and not copied.

    Slicing the record batch alone keeps all children whole, so that writing the slice would write
    the parameters of every event of the batch.
    """
    rows = batch.batch.slice(start, max(0, stop - start))
    part = EventBatch.of(rows, batch.section)
    children = [part.parameters(code) for code in batch.codes]
    firsts = np.zeros(len(batch.codes), np.int32)
    for child in range(len(batch.codes)):
        places = part.offsets[part.type_ids == child]
        firsts[child] = places[0] if len(places) else 0
    offsets = part.offsets - firsts[part.type_ids] if len(part.offsets) else part.offsets
    return _rebuilt(rows, batch.codes, part.type_ids, offsets, children, batch.section)


def widen(batch: EventBatch, codes: Sequence[int]) -> EventBatch:
    """The same events under the schema of ``codes``, which must hold all of the batch's.

    Children are shared, not copied; types that the batch lacks become empty children. Raises
    ValueError when the batch has a type that is not among ``codes``.
    """
    wanted = tuple(codes)
    if wanted == batch.codes:
        return batch
    missing = set(batch.codes) - set(wanted)
    if missing:
        raise ValueError(f"event types {sorted(missing)} are not in the wider schema")
    places = {code: child for child, code in enumerate(wanted)}
    moved = np.array([places[code] for code in batch.codes] or [0], np.int8)
    have = dict(zip(batch.codes, batch.children, strict=True))
    children = [have[code] if code in have else pa.array([], event_struct(code)) for code in wanted]
    type_ids = moved[batch.type_ids]
    return _rebuilt(batch.batch, wanted, type_ids, batch.offsets, children, batch.section)


def _rebuilt(
    head: pa.RecordBatch,
    codes: tuple[int, ...],
    type_ids: npt.NDArray[np.int8],
    offsets: npt.NDArray[np.int32],
    children: Sequence[pa.StructArray],
    section: int,
) -> EventBatch:
    union = pa.UnionArray.from_dense(
        pa.array(type_ids, pa.int8()),
        pa.array(offsets, pa.int32()),
        list(children),
        [event_table()[code].key.lower() for code in codes],
    )
    columns = [head.column(field.name) for field in HEAD]
    whole = pa.RecordBatch.from_arrays([*columns, union], schema=event_schema(codes))
    return EventBatch(whole, codes, type_ids, offsets, section)
