"""The states that threads and open files were in, as tables: one row a state.

A row holds from event ``from_num`` on (null: since before the first event) until the next row of
the same thread or file. What the state engine tells is in ``engine.state.tables``; here texts are
strings and vectors lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.state_schema import FD_TYPES
from capture.events.table import event_table
from capture.reader import Capture
from engine.jsontext import replaced
from engine.state.tables import (
    CONNECTED,
    EXITED,
    ROLE_CLIENT,
    ROLE_SERVER,
    StateTables,
    Table,
)
from engine.syscalls.addresses import address
from engine.syscalls.fdtypes import _WORDS as _TYPE_WORDS
from workbench.sql.schemas import (
    CAPS,
    FDS,
    IDS,
    LIST,
    MARKS,
    NUMBERS,
    THREAD_TEXTS,
    THREADS,
    TIME,
    VECTORS,
)
from workbench.sql.walks import states

#: What the kernel has for no user.
_NOBODY = 0xFFFFFFFF
_PROTOCOLS = {2: "tcp", 3: "udp", 4: "icmp", 5: "raw"}
_PROCEXIT = "PROCEXIT_1_E"


def thread_states(capture: Capture) -> Iterator[pa.RecordBatch]:
    """Batches of schema ``THREADS``."""
    for part, batch, tables in _parts(capture, "threads"):
        yield _record(THREADS, {**part.head, **_thread(part, batch, tables)})


def file_states(capture: Capture) -> Iterator[pa.RecordBatch]:
    """Batches of schema ``FDS``."""
    for part, _, tables in _parts(capture, "fds"):
        yield _record(FDS, {**part.head, **_file(part, tables)})


class _Seen:
    """The serials of states that came before."""

    def __init__(self) -> None:
        self._mask = np.zeros(1 << 10, np.bool_)

    def new(self, serials: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of those that were not seen yet."""
        top = int(serials.max(initial=0)) + 1
        if top > len(self._mask):
            grown = np.zeros(2 * top, np.bool_)
            grown[: len(self._mask)] = self._mask
            self._mask = grown
        rows = np.flatnonzero(~self._mask[serials])
        self._mask[serials] = True
        return rows


class _Part:
    """The new rows of a table of one batch."""

    def __init__(
        self, table: Table, rows: npt.NDArray[np.int64], batch: EventBatch, section: int
    ) -> None:
        self.table = table
        self.rows = rows
        from_num = table.numbers["from_num"][rows].astype(np.int64)
        nums = batch.batch.column("num").to_numpy().astype(np.int64)
        times = batch.batch.column("time").cast(pa.int64()).to_numpy()
        places = np.minimum(np.searchsorted(nums, from_num), len(nums) - 1)
        known = (from_num > 0) & (nums[places] == from_num)
        self.from_num = from_num
        self.head: dict[str, pa.Array] = {
            "section": pa.array(np.full(len(rows), section, np.int32)),
            "serial": pa.array(table.numbers["serial"][rows].astype(np.int64)),
            "from_num": pa.array(from_num, mask=from_num == 0),
            "from_time": _times(np.where(known, times[places], 0)),
        }

    def number(self, name: str) -> npt.NDArray[Any]:
        return self.table.numbers[name][self.rows]

    def text(self, name: str) -> pa.DictionaryArray:
        """A text as strings."""
        codes, values = self.table.text(name)
        strings = pa.array([replaced(value) for value in values.to_pylist()], pa.string())
        return pa.DictionaryArray.from_arrays(pa.array(codes[self.rows]), strings)

    def vector(self, name: str) -> pa.Array:
        """Texts with NUL between as lists."""
        codes, values = self.table.text(name)
        return pa.array([_split(value) for value in values.to_pylist()], LIST).take(
            pa.array(codes[self.rows])
        )


def _parts(capture: Capture, which: str) -> Iterator[tuple[_Part, EventBatch, StateTables]]:
    section, seen = -1, _Seen()
    for batch, tables in states(capture):
        if not batch.num_rows:
            continue
        if batch.section != section:
            section, seen = batch.section, _Seen()
        table: Table = getattr(tables, which)
        rows = seen.new(table.numbers["serial"].astype(np.int64)) if len(table) else _NONE
        if len(rows):
            yield _Part(table, rows, batch, section), batch, tables


_NONE = np.zeros(0, np.int64)


def _record(schema: pa.Schema, columns: dict[str, pa.Array]) -> pa.RecordBatch:
    arrays = []
    for field in schema:
        array = columns[field.name]
        arrays.append(array if array.type == field.type else array.cast(field.type))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _thread(part: _Part, batch: EventBatch, tables: StateTables) -> dict[str, pa.Array]:
    columns: dict[str, pa.Array] = {}
    for name in (*IDS, *NUMBERS):
        columns[name] = pa.array(part.number(name).astype(np.int64))
    for name in ("uid", "gid", "loginuid"):
        ids = part.number(name).astype(np.int64)
        columns[name] = pa.array(ids, mask=ids == _NOBODY)
    for name in THREAD_TEXTS:
        columns[name] = part.text(name)
    for name in VECTORS:
        columns[name] = part.vector(name)
    for name in CAPS:
        columns[name] = pa.array(part.number(name).astype(np.uint64))
    for name in MARKS:
        columns[name] = pa.array(part.number(name) != 0)
    columns["cmdline"] = _cmdlines(part)
    columns["user"] = _users(part, tables, "uid")
    columns["login_user"] = _users(part, tables, "loginuid")
    columns["clone_time"] = _times(part.number("clone_ts").astype(np.int64))
    columns["is_main"] = pa.array(part.number("is_main") != 0)
    exited = (part.number("flags") & EXITED) != 0
    columns["exited"] = pa.array(exited)
    columns["exit_code"], columns["exit_signal"] = _exits(part, batch, exited)
    return columns


def _cmdlines(part: _Part) -> pa.DictionaryArray:
    """``proc.cmdline``: the name, and the arguments after blanks; once a distinct pair."""
    names, name_values = part.table.text("comm")
    args, arg_values = part.table.text("args")
    pairs = np.stack((names[part.rows], args[part.rows]))
    distinct, places = np.unique(pairs, axis=1, return_inverse=True)
    lines = []
    for name, arg in distinct.T.tolist():
        words = [name_values[name].as_py(), *arg_values[arg].as_py().split(b"\0")]
        lines.append(replaced(b" ".join(words).rstrip(b" ")))
    return pa.DictionaryArray.from_arrays(
        pa.array(places.reshape(-1).astype(np.int32)), pa.array(lines, pa.string())
    )


def _users(part: _Part, tables: StateTables, which: str) -> pa.DictionaryArray:
    """Names of users, of those that the batch knows; root is always known."""
    users = tables.users
    known: dict[tuple[str, int], str] = {}
    if len(users):
        names = users.column("name").to_pylist()  # type: ignore[union-attr] # a text column
        where = users.column("container_id").to_pylist()  # type: ignore[union-attr] # the same
        ids = users.numbers["uid"].tolist()
        known = {
            (replaced(place), uid): replaced(name)
            for place, uid, name in zip(where, ids, names, strict=True)
        }
    uids = part.number(which).astype(np.int64)
    codes, values = part.table.text("container_id")
    containers = [replaced(value) for value in values.to_pylist()]
    pairs = np.stack((codes[part.rows].astype(np.int64), uids))
    distinct, places = np.unique(pairs, axis=1, return_inverse=True)
    found = [
        known.get((containers[place], uid)) or ("root" if uid == 0 else None)
        for place, uid in distinct.T.tolist()
    ]
    return pa.array(found, pa.string()).take(pa.array(places.reshape(-1))).dictionary_encode()


def _exits(
    part: _Part, batch: EventBatch, exited: npt.NDArray[np.bool_]
) -> tuple[pa.Array, pa.Array]:
    """What a thread that has exited returned, and the signal that ended it."""
    code = event_table().by_key[_PROCEXIT].code
    rows = batch.rows(code)
    empty = pa.nulls(len(exited), pa.int64())
    if not len(rows) or not exited.any():
        return empty, empty
    nums = batch.batch.column("num").to_numpy().astype(np.int64)[rows]
    places = np.minimum(np.searchsorted(nums, part.from_num), len(nums) - 1)
    told = exited & (nums[places] == part.from_num)
    at = pa.array(places, mask=~told)
    parameters = batch.parameters(code)
    signal = parameters.field("sig").take(at).cast(pa.int64())
    return parameters.field("ret").take(at).cast(pa.int64()), signal


def _file(part: _Part, tables: StateTables) -> dict[str, pa.Array]:
    flags = part.number("flags")
    words = [_TYPE_WORDS.get(FD_TYPES[code], b"").decode() or None for code in sorted(FD_TYPES)]
    types = part.number("type").astype(np.int32)
    known = (types >= 0) & (types < len(words))
    columns: dict[str, pa.Array] = {
        "tid": pa.array(part.number("tid").astype(np.int64)),
        "fd": pa.array(part.number("fd").astype(np.int64)),
        "type": pa.array(words, pa.string()).take(pa.array(types, mask=~known)).dictionary_encode(),
        "name": part.text("name"),
        "name_raw": part.text("name_raw"),
        "open_flags": pa.array(part.number("open_flags").astype(np.int64)),
        "dev": pa.array(part.number("dev").astype(np.int64)),
        "ino": pa.array(part.number("ino").astype(np.uint64)),
        "is_client": pa.array((flags & ROLE_CLIENT) != 0),
        "is_server": pa.array((flags & ROLE_SERVER) != 0),
        "connected": pa.array((flags & CONNECTED) != 0),
    }
    names = pa.array([_PROTOCOLS.get(number) for number in range(256)], pa.string())
    protocol = pa.array(part.number("l4proto").astype(np.int32))
    columns["l4proto"] = names.take(protocol).dictionary_encode()
    for ours, theirs in (("client", "source"), ("server", "dest")):
        columns[f"{ours}_ip"], there = _addresses(part, f"{theirs}_ip")
        ports = part.number(f"{theirs}_port").astype(np.int64)
        columns[f"{ours}_port"] = pa.array(ports, mask=~there)
    return columns


def _addresses(part: _Part, name: str) -> tuple[pa.DictionaryArray, npt.NDArray[np.bool_]]:
    codes, values = part.table.text(name)
    texts = []
    for value in values.to_pylist():
        family = {4: b"\2", 16: b"\12"}.get(len(value))
        text = None if family is None else address(family + value + b"\0\0")
        texts.append(None if text is None else text.rpartition(b":")[0].decode())
    array = pa.array(texts, pa.string()).take(pa.array(codes[part.rows]))
    return array.dictionary_encode(), np.asarray(array.is_valid())


def _times(nanoseconds: npt.NDArray[np.int64]) -> pa.Array:
    """Moments, null for none (0)."""
    return pa.array(nanoseconds, pa.int64(), mask=nanoseconds <= 0).cast(TIME)


def _split(value: bytes) -> list[str]:
    return [replaced(word) for word in value.removesuffix(b"\0").split(b"\0")] if value else []
