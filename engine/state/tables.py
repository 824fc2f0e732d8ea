"""The tables that the numbers of an ``EventState`` index: states of threads, files, users.

A table is numpy columns and text columns. Text is bytes (what the kernel says need not be UTF-8)
and coded: ``Table.text(name)`` gives codes and the distinct values, ``Table.column(name)`` a plain
column. The rows of a batch hold every state that its events refer to, and every state that came up
while it was walked: put together over all batches, one row a ``serial``, ``threads`` and ``fds``
are the whole history, each row valid from event ``from_num`` on (0: since the start).

``threads``: one row a state of a thread.
  serial, from_num      number of the state, event that brought it
  tid pid ptid          ``thread.tid`` is the event's; ``proc.pid``
  sid vpgid pgid        ``proc.sid``, ``proc.vpgid``, ``proc.pgid``
  vtid vpid             ``thread.vtid``, ``proc.vpid`` (-1: no value)
  comm exe exepath      ``proc.name``, ``proc.exe``, ``proc.exepath``
  args                  NUL between arguments: ``proc.args`` (with spaces), ``proc.cmdnargs``;
                        ``proc.cmdline`` is comm and each argument after a space
  env cwd fd_limit      of the process: read them at the main thread (``main``); ``proc.env``,
                        ``proc.cwd`` (``./`` without a main thread), ``proc.fdlimit``
  root                  the thread's root directory
  cgroups               NUL between ``subsystem=path``: ``thread.cgroups``
  container_id          ``container.id``, empty on the host
  flags                 libsinsp's ``PPM_CL_*``: 1 << 18 is a thread that has exited
  uid gid loginuid tty  ``user.uid``, ``group.gid``, ``user.loginuid``, ``proc.tty``
  cap_*                 ``thread.cap_*``
  exe_*                 ``proc.is_exe_*``, ``proc.exe_ino*`` (0: no value)
  pidns_init_start_ts clone_ts   ``proc.pidns_init_start_ts``, ``proc.pid.ts`` (0: no value);
                        ``proc.duration`` is the event's time less clone_ts
  is_main               ``thread.ismain``

``nodes``: a thread among its relatives *as they are at the event*. ``thread`` row of threads,
``parent`` node of the thread that ``ptid`` names now, ``main`` node of the process's main thread
(itself, for one). -1: none. A capture can make circles of parents: nodes then do too.
``proc.pname`` and ``proc.aname[n]``: ``ancestors(lineage, n)``; ``proc.pvpid`` and ``proc.ppid.ts``
are of ``parent`` without the way over main threads; lists (``proc.aname`` without index,
``proc.loginshellid``) follow ``parent`` from the main thread on: ``ancestry``.

``lineages``: what an event's thread depends on. ``node``; ``sid_leader``, ``pgid_leader``,
``vpgid_leader`` rows of threads (``proc.sname``, ``proc.sid.exe``, ``proc.pgid.name`` …; without
one these fields are the empty text); ``std_in``, ``std_out``, ``std_err`` rows of fds
(``proc.stdin.name`` …); ``user``, ``login_user`` rows of users and ``group`` of groups (without
one the name is root for 0, else <NA>; homedir /root or <NA>; shell <NA>); ``container`` an index
into ``StateTables.containers`` (the JSON told about it), -1 when nothing is known about it, -2 LXC,
-3 libvirt, -4 BPM (known by name alone); ``threads`` and ``other_threads`` are ``proc.nthreads``
and ``proc.nchilds``.

``fds``: one row a state of a file. ``serial``, ``from_num``; ``tid`` and ``fd`` under which it came
up (of an event's file the number is ``EventState.fd_number``: a forked process shares the row);
``type`` libscap's (``FD_TYPES``; -1 for none); ``name`` (``fd.name``), ``name_raw``
(``fd.nameraw``, slashes not yet joined); ``open_flags`` libs' ``PPM_O_*``; ``flags``:
``ROLE_CLIENT``, ``ROLE_SERVER``, ``CONNECTED`` (``fd.connected``), ``OVERLAY_UPPER``,
``OVERLAY_LOWER``; ``dev`` ``ino``; ``pid`` of a pidfd; ``source_ip`` ``dest_ip`` (4 or 16 bytes,
empty for none) and ``source_port`` ``dest_port``: client and server once the role is known (a
listening socket has only dest); ``l4proto`` as Falco tells it (2 tcp, 3 udp, 4 icmp, 5 raw);
``source`` ``destination`` of a unix socket; ``source_is_local`` ``dest_is_local``: an address of
this host's interfaces (``fd.is_server``, ``fd.lip`` …; for a thread in a container Falco asks the
container's addresses instead).

``users``, ``groups``: ``container_id``, ``uid`` or ``gid``, ``name``, ``homedir``, ``shell``.

``memory``: ``size_kb``, ``rss_kb``, ``swap_kb`` (``proc.vmsize`` …, ``thread.vmsize`` for a main
thread, else 0), ``major_faults``, ``minor_faults`` (``thread.pfmajor`` …).

``references``: what parameters refer to: event ``row``, index of the ``parameter``, ``item`` within
an fdlist (0 for all others), and ``fd``: a row of ``fds``, or, by the parameter's type, of
``threads`` (``pid``), ``users`` (``uid``), ``groups`` (``gid``). A file parameter equal to
``fd_number`` is the event's file and not listed; what is not known is not listed either. For paths
relative to a directory, ``evt.arg.*`` and ``fdlist.*``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.state import _native

ffi, lib = _native.ffi, _native.lib

Rows = npt.NDArray[np.int32]

#: Bits of ``fds.flags``.
FROM_START = 1 << 0
ROLE_CLIENT = 1 << 2
ROLE_SERVER = 1 << 3
CONNECTED = 1 << 13
OVERLAY_UPPER = 1 << 17
OVERLAY_LOWER = 1 << 18

#: The bit of ``threads.flags`` of a thread that has exited.
EXITED = 1 << 18


@dataclass(slots=True)
class Table:
    """Columns of one length. ``numbers`` by name; ``codes`` are texts, codes into ``texts``, which
    all tables of a batch share."""

    rows: int
    numbers: dict[str, npt.NDArray[Any]]
    codes: dict[str, Rows]
    texts: pa.BinaryArray
    _compact: dict[str, tuple[Rows, pa.BinaryArray]] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.rows

    @property
    def names(self) -> list[str]:
        return [*self.numbers, *self.codes]

    def text(self, name: str) -> tuple[Rows, pa.BinaryArray]:
        """A text column as codes (int32, shape (rows,)) and the distinct values they stand for."""
        known = self._compact.get(name)
        if known is None:
            values, codes = np.unique(self.codes[name], return_inverse=True)
            known = codes.astype(np.int32), self.texts.take(pa.array(values, pa.int32()))
            self._compact[name] = known
        return known

    def column(self, name: str) -> npt.NDArray[Any] | pa.BinaryArray:
        """A whole column: numbers, or the texts one by one."""
        if name in self.numbers:
            return self.numbers[name]
        codes, values = self.text(name)
        return values.take(pa.array(codes))

    def arrow(self) -> pa.Table:
        """The table as Arrow's, texts as dictionary arrays."""
        columns: dict[str, pa.Array] = {k: pa.array(v) for k, v in self.numbers.items()}
        for name in self.codes:
            codes, values = self.text(name)
            columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes), values)
        return pa.table(columns)


@dataclass(slots=True)
class StateTables:
    """The tables of one batch; see the module. ``containers`` holds the JSON told so far."""

    threads: Table
    nodes: Table
    lineages: Table
    fds: Table
    users: Table
    groups: Table
    memory: Table
    references: Table
    containers: tuple[bytes, ...]

    def node(self, lineage: Rows) -> Rows:
        """Nodes of the threads of these lineages; -1 stays -1."""
        return gather(self.lineages.numbers["node"], lineage)

    def thread(self, lineage: Rows) -> Rows:
        """Rows of ``threads`` of these lineages."""
        return self.thread_of_node(self.node(lineage))

    def main(self, lineage: Rows) -> Rows:
        """Rows of ``threads`` of the main threads; -1 where it is not known."""
        return self.thread_of_node(gather(self.nodes.numbers["main"], self.node(lineage)))

    def ancestors(self, lineage: Rows, n: int) -> Rows:
        """Rows of ``threads`` of the n-th ancestor process, 0 being the process itself."""
        at = gather(self.nodes.numbers["main"], self.node(lineage))
        for _ in range(n):
            if not (at >= 0).any():
                break
            at = gather(self.nodes.numbers["parent"], at)
            at = gather(self.nodes.numbers["main"], at)
        return self.thread_of_node(at)

    def parent(self, lineage: Rows) -> Rows:
        """Rows of ``threads`` of the thread that ``ptid`` names, main thread or not."""
        return self.thread_of_node(gather(self.nodes.numbers["parent"], self.node(lineage)))

    def ancestry(self) -> tuple[npt.NDArray[np.int64], Rows]:
        """All ancestors of each lineage, nearest first: offsets (int64, shape (lineages + 1,)) into
        rows of ``threads``. The process itself is left out.

        The way up, and where it ends when parents form a circle, is that of libsinsp's
        ``traverse_parent_state``.
        """
        parents = self.nodes.numbers["parent"]
        tid = gather(self.threads.numbers["tid"], self.nodes.numbers["thread"])
        own = gather(self.threads.numbers["ptid"], self.nodes.numbers["thread"]) == tid
        own = own.astype(np.int8)
        slow = gather(parents, gather(self.nodes.numbers["main"], self.lineages.numbers["node"]))
        fast = gather(parents, slow)
        levels = []
        going = np.ones(len(slow), np.bool_)
        while (going := going & (slow >= 0) & (gather(tid, slow) != -1)).any():
            levels.append(np.where(going, slow, np.int32(-1)))
            slow = gather(parents, slow)
            for _ in range(2):
                fast = gather(parents, fast)
                going &= ~((slow >= 0) & ((slow == fast) | (gather(own, slow) == 1)))
        count = np.zeros(len(slow), np.int64)
        for level in levels:
            count += level >= 0
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(count)])
        rows = np.empty(int(offsets[-1]), np.int32)
        for depth, level in enumerate(levels):
            known = np.flatnonzero(level >= 0)
            rows[offsets[known] + depth] = self.thread_of_node(level[known])
        return offsets, rows

    def thread_of_node(self, node: Rows) -> Rows:
        """Rows of ``threads`` of these nodes."""
        return gather(self.nodes.numbers["thread"], node)


def gather(column: npt.NDArray[Any], rows: Rows) -> npt.NDArray[Any]:
    """``column[rows]``, -1 where the row is -1."""
    if not len(column):
        return np.full(len(rows), -1, column.dtype)
    return np.where(rows >= 0, column[rows], column.dtype.type(-1))


_TABLES = ("threads", "nodes", "lineages", "fds", "users", "groups", "memory", "references")


def read_tables(engine: Any, containers: tuple[bytes, ...]) -> StateTables:
    """Copies the tables out of the native engine."""
    offsets, data = ffi.new("int32_t **"), ffi.new("char **")
    count = lib.state_texts(engine, offsets, data)
    starts = bytes(ffi.buffer(offsets[0], (count + 1) * 4))
    total = int(np.frombuffer(starts, np.int32)[-1])
    held = bytes(ffi.buffer(data[0], total)) if total else b""
    texts = pa.BinaryArray.from_buffers(
        pa.binary(), count, [None, pa.py_buffer(starts), pa.py_buffer(held)]
    )
    column = ffi.new("state_column *")
    tables = {}
    for number, name in enumerate(_TABLES):
        numbers: dict[str, npt.NDArray[Any]] = {}
        codes: dict[str, Rows] = {}
        rows = 0
        index = 0
        while lib.state_column_at(engine, number, index, column) == 0:
            index += 1
            key = ffi.string(column.name).decode()
            type_ = ffi.string(column.type).decode()
            raw = bytes(ffi.buffer(column.data, column.bytes)) if column.bytes else b""
            values = np.frombuffer(raw, "i4" if type_ == "t" else type_)
            rows = len(values)
            if type_ == "t":
                codes[key] = values
            else:
                numbers[key] = values
        tables[name] = Table(rows, numbers, codes, texts)
    return StateTables(**tables, containers=containers)
