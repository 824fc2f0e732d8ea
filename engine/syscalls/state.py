"""What the field families ask of state: version tables, and the versions each event has.

The state engine gives tables for each batch and, for each event, a row of ``lineages`` and one of
``fds`` (``engine/state``). Here they become what fields are made of. Ids are int32, -1 for none.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, Mask, Rows
from engine.state.machine import EventState
from engine.state.tables import StateTables, Table, gather
from engine.syscalls.assemble import gathered, no_value

Numbers = npt.NDArray[np.generic]


class Versions:
    """A version table with the columns that are made of others."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._made: dict[str, BytesColumn] = {}

    def __len__(self) -> int:
        return len(self._table)

    def number(self, name: str) -> Numbers:
        """A column of numbers, one a version."""
        return self._table.numbers.get(name, np.zeros(len(self), np.int64))

    def text(self, name: str) -> BytesColumn:
        """A column of texts, one a version; only the texts that it has."""
        if name not in self._table.codes:
            return no_value(len(self))
        return BytesColumn(*self._table.text(name))

    def derived(self, name: str, make: Callable[[Versions], BytesColumn]) -> BytesColumn:
        """A column made of others, kept under ``name``."""
        known = self._made.get(name)
        if known is None:
            known = self._made[name] = make(self)
        return known


@dataclass(frozen=True)
class Tables:
    """The version tables of a batch, as ``engine.state.tables`` has them (``raw``)."""

    threads: Versions
    lineages: Versions
    fds: Versions
    users: Versions
    groups: Versions
    memory: Versions
    references: Versions
    containers: tuple[bytes, ...]
    raw: StateTables
    _ancestors: dict[int, Codes] = field(default_factory=dict)

    @classmethod
    def of(cls, tables: StateTables) -> Tables:
        return cls(
            Versions(tables.threads),
            Versions(tables.lineages),
            Versions(tables.fds),
            Versions(tables.users),
            Versions(tables.groups),
            Versions(tables.memory),
            Versions(tables.references),
            tables.containers,
            tables,
        )

    def of_lineages(self, name: str) -> Codes:
        """A column of ``lineages`` that holds ids."""
        return self.lineages.number(name).astype(np.int32, copy=False)

    @functools.cached_property
    def _every(self) -> Codes:
        return np.arange(len(self.lineages), dtype=np.int32)

    @functools.cached_property
    def thread(self) -> Codes:
        """The thread of each lineage."""
        return self.raw.thread(self._every)

    @functools.cached_property
    def parent_thread(self) -> Codes:
        return self.raw.parent(self._every)

    def ancestor(self, level: int) -> Codes:
        """The main thread of each lineage's ``level``-th ancestor; 0 is the process itself."""
        known = self._ancestors.get(level)
        if known is None:
            known = self._ancestors[level] = self.raw.ancestors(self._every, level)
        return known

    def parents(self, level: int) -> Codes:
        """The ``level``-th thread up the chain of parents, from each lineage's main thread."""
        nodes = gather(self.raw.nodes.numbers["main"], self.raw.node(self._every))
        for _ in range(level):
            if not (nodes >= 0).any():
                break
            nodes = gather(self.raw.nodes.numbers["parent"], nodes)
        return self.raw.thread_of_node(nodes)

    @functools.cached_property
    def ancestry(self) -> tuple[Rows, Codes]:
        """Of each lineage all threads up the chain of parents: offsets, and threads."""
        return self.raw.ancestry()


#: Columns that an empty table must have too.
_NEEDED = {"lineages": ("node",), "nodes": ("thread", "parent", "main")}
_NAMES = ("threads", "nodes", "lineages", "fds", "users", "groups", "memory", "references")


class State:
    """State as each of the events of a segment has it, after it was digested.

    ``positions`` are the events' rows in the batch that ``events`` is of.
    """

    def __init__(self, events: EventState, positions: Rows, tables: Tables) -> None:
        self.tables = tables
        self._events = events
        self._positions = positions

    @classmethod
    def of(cls, events: EventState) -> State:
        return cls(events, np.arange(len(events)), Tables.of(events.tables))

    @classmethod
    def unknown(cls, rows: int) -> State:
        """Nothing is known of any event."""
        empty = {name: Table(0, {}, {}, pa.array([], pa.binary())) for name in _NAMES}
        for name, columns in _NEEDED.items():
            empty[name].numbers.update({column: np.zeros(0, np.int32) for column in columns})
        none = np.full(rows, -1, np.int32)
        no = np.zeros(rows, np.bool_)
        events = EventState(
            none, none, np.full(rows, -1, np.int64), np.zeros(rows, np.int32),
            np.zeros(rows, np.uint32), none, no, no, StateTables(**empty, containers=()),
        )  # fmt: skip
        return cls.of(events)

    def take(self, rows: Rows) -> State:
        return State(self._events, self._positions[rows], self.tables)

    @property
    def threads(self) -> Versions:
        return self.tables.threads

    @property
    def fds(self) -> Versions:
        return self.tables.fds

    @property
    def memory(self) -> Versions:
        return self.tables.memory

    @functools.cached_property
    def lineage(self) -> Codes:
        return self._events.lineage[self._positions]

    @functools.cached_property
    def fd(self) -> Codes:
        """The file the event is about; where the event says none, the last its thread used."""
        return self._events.fd[self._positions]

    @functools.cached_property
    def own_fd(self) -> Codes:
        """The file the event is about; none where it says none."""
        own = self._events.own_fd[self._positions]
        return np.where(own, self.fd, np.int32(-1)).astype(np.int32)

    @functools.cached_property
    def fd_number(self) -> npt.NDArray[np.int64]:
        return self._events.fd_number[self._positions]

    @functools.cached_property
    def fd_count(self) -> npt.NDArray[np.int32]:
        return self._events.fd_count[self._positions]

    @functools.cached_property
    def fd_types(self) -> npt.NDArray[np.uint32]:
        return self._events.fd_types[self._positions]

    @functools.cached_property
    def memory_row(self) -> Codes:
        return self._events.memory[self._positions]

    @functools.cached_property
    def name_changed(self) -> Mask:
        return self._events.name_changed[self._positions]

    def known(self) -> Mask:
        """Which events have a thread."""
        return np.asarray(self.lineage >= 0)

    def _of_lineage(self, ids: Codes) -> Codes:
        """What lineages have, one an event."""
        return np.append(ids, np.int32(-1))[self.lineage]

    @functools.cached_property
    def thread(self) -> Codes:
        """The event's thread."""
        return self._of_lineage(self.tables.thread)

    @functools.cached_property
    def main_thread(self) -> Codes:
        """The main thread of the event's thread."""
        return self.ancestor(0)

    @functools.cached_property
    def is_main(self) -> Mask:
        flags = np.append(self.threads.number("is_main"), 0)[self.thread]
        return np.asarray((flags != 0) & (self.thread >= 0))

    @functools.cached_property
    def parent_thread(self) -> Codes:
        """The thread whose child the event's thread is."""
        return self._of_lineage(self.tables.parent_thread)

    def ancestor(self, level: int) -> Codes:
        """The main thread of the ``level``-th ancestor; 0 is the process itself."""
        return self._of_lineage(self.tables.ancestor(level))

    def parents(self, level: int) -> Codes:
        """The ``level``-th thread up the chain of parents, from the main thread."""
        return self._of_lineage(self.tables.parents(level))

    @functools.cached_property
    def ancestors(self) -> tuple[Rows, Codes]:
        """All threads up the chain of parents from the main thread, by event: offsets, and
        threads, the parent first."""
        bounds, flat = self.tables.ancestry
        lengths = np.append(np.diff(bounds), 0)[self.lineage]
        starts = np.append(bounds[:-1], 0)[self.lineage]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        places = np.repeat(starts - offsets[:-1], lengths) + np.arange(offsets[-1])
        return offsets, flat[places]

    def leader(self, which: str) -> Codes:
        """The leader of the session (``sid``) or process group (``pgid``, ``vpgid``)."""
        return self._of_lineage(self.tables.of_lineages(f"{which}_leader"))

    def thread_count(self, which: str) -> npt.NDArray[np.uint64]:
        """Living threads of the process: ``threads`` all, ``other_threads`` but the main one."""
        counts = self.tables.lineages.number(which).astype(np.uint64)
        return np.append(counts, np.uint64(0))[self.lineage]

    def stdio(self, number: int) -> Codes:
        """The file open as descriptor 0, 1 or 2."""
        return self._of_lineage(self.tables.of_lineages(("std_in", "std_out", "std_err")[number]))

    def referred(
        self,
        at: Rows,
        parameter: int,
        items: Rows | None = None,
        numbers: npt.NDArray[np.int64] | None = None,
    ) -> Codes:
        """What a parameter of the events at ``at`` refers to: a file, thread, user or group by its
        type; of a list of files the one at each of ``items``. Where it is files, ``numbers`` are
        their descriptors: one that is the event's own is the event's file."""
        keys, ids = self._references
        item = np.zeros(len(at), np.int64) if items is None else items
        wanted = _reference_key(self._positions[at], np.int64(parameter), item)
        places = np.searchsorted(keys, wanted)
        found = np.append(keys, -1)[places] == wanted
        referred = np.where(found, np.append(ids, np.int32(-1))[places], np.int32(-1))
        if numbers is not None:
            own = ~found & (numbers >= 0) & (numbers == self.fd_number[at])
            referred = np.where(own, self.fd[at], referred)
        return referred.astype(np.int32)

    @functools.cached_property
    def _references(self) -> tuple[npt.NDArray[np.int64], Codes]:
        table = self.tables.references
        rows, parameters = table.number("row").astype(np.int64), table.number("parameter")
        items = np.maximum(table.number("item").astype(np.int64), 0)
        keys = _reference_key(rows, parameters.astype(np.int64), items)
        order = np.argsort(keys, kind="stable")
        return keys[order], table.number("fd")[order].astype(np.int32)

    def cwd(self, at: Rows) -> BytesColumn:
        """Working directories, with a slash at their end; every row has one."""
        folders = gathered(self.threads.text("cwd"), self.main_thread[at])
        values = pa.concat_arrays([folders.values, pa.array([b"./"], pa.binary())])
        last = np.int32(len(values) - 1)
        return BytesColumn(np.where(folders.codes < 0, last, folders.codes), values)

    @functools.cached_property
    def container(self) -> Codes:
        """Number of the container, as the state engine was told; -1 for none that is known."""
        return self._of_lineage(self.tables.of_lineages("container"))

    def name_of(self, whose: str, name: str) -> BytesColumn:
        """A text of the event's ``user``, ``login_user`` or ``group``; no value for none known."""
        table = self.tables.groups if whose == "group" else self.tables.users
        return gathered(table.text(name), self._of_lineage(self.tables.of_lineages(whose)))


def _reference_key(
    rows: npt.NDArray[np.int64], parameter: npt.NDArray[np.int64] | np.int64, items: Rows
) -> npt.NDArray[np.int64]:
    return rows << 24 | parameter << 16 | items
