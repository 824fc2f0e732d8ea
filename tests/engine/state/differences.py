"""Two walks over the same events compared at every event, by all that fields are made of."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pyarrow as pa

from capture.events.schema import EventBatch
from capture.events.table import event_table
from engine.state.machine import EventState
from engine.state.tables import Table, gather

#: Numbers of states, which count from the start of a walk.
OWN = {"serial", "from_num"}


def differences(batch: EventBatch, one: EventState, other: EventState) -> list[str]:
    wrong = [
        f"{name}: {getattr(one, name)[at]} and {getattr(other, name)[at]} at event {at}"
        for name in ("fd_number", "fd_count", "fd_types", "own_fd", "name_changed")
        for at in np.flatnonzero(getattr(one, name) != getattr(other, name))[:1]
    ]
    left, right = _shown(batch, one), _shown(batch, other)
    assert left.keys() == right.keys()
    for name, values in left.items():
        wrong += [
            f"{name}: {a!r} and {b!r} at event {at} ({batch.event_type(at).key})"
            for at, (a, b) in enumerate(zip(values, right[name], strict=True))
            if a != b
        ][:1]
    return wrong


def _shown(batch: EventBatch, state: EventState) -> dict[str, list[Any]]:
    """Every column of every row that an event leads to, one value an event."""
    tables, line = state.tables, state.lineage
    of = {name: gather(column, line) for name, column in tables.lineages.numbers.items()}
    rows = {
        "thread": (tables.threads, tables.thread(line)),
        "main": (tables.threads, tables.main(line)),
        "parent": (tables.threads, tables.parent(line)),
        "sid_leader": (tables.threads, of["sid_leader"]),
        "pgid_leader": (tables.threads, of["pgid_leader"]),
        "vpgid_leader": (tables.threads, of["vpgid_leader"]),
        "fd": (tables.fds, state.fd),
        "std_in": (tables.fds, of["std_in"]),
        "std_out": (tables.fds, of["std_out"]),
        "std_err": (tables.fds, of["std_err"]),
        "user": (tables.users, of["user"]),
        "login_user": (tables.users, of["login_user"]),
        "group": (tables.groups, of["group"]),
        "memory": (tables.memory, state.memory),
    }
    shown = {
        f"{what}.{name}": _values(table, name, at)
        for what, (table, at) in rows.items()
        for name in table.names
        if name not in OWN and not (table is tables.fds and name in ("tid", "fd"))
    }
    shown["threads"], shown["other"] = of["threads"].tolist(), of["other_threads"].tolist()
    shown["container"] = [
        tables.containers[each] if each >= 0 else each for each in of["container"].tolist()
    ]
    offsets, above = tables.ancestry()
    tids = gather(tables.threads.numbers["tid"], above).tolist()
    spans = [tuple(tids[a:b]) for a, b in itertools.pairwise(offsets)]
    shown["ancestors"] = [spans[each] if each >= 0 else None for each in line.tolist()]
    shown["references"] = _references(batch, state)
    return shown


def _references(batch: EventBatch, state: EventState) -> list[Any]:
    tables = state.tables
    found: list[list[Any]] = [[] for _ in range(batch.num_rows)]
    by_type = {"pid": tables.threads, "uid": tables.users, "gid": tables.groups}
    whole = {
        id(table): table.arrow().drop_columns([n for n in table.names if n in {*OWN, "tid", "fd"}])
        for table in (tables.fds, *by_type.values())
    }
    shown = {key: [tuple(row.values()) for row in _plain(table)] for key, table in whole.items()}
    for reference in tables.references.arrow().to_pylist():
        parameter = event_table()[batch.event_type(reference["row"]).code].parameters[
            reference["parameter"]
        ]
        table = by_type.get(parameter.type, tables.fds)
        found[reference["row"]].append(
            (reference["parameter"], reference["item"], shown[id(table)][reference["fd"]])
        )
    return [sorted(each, key=repr) for each in found]


def _plain(table: pa.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _values(table: Table, name: str, at: Any) -> list[Any]:
    column = table.column(name)
    taken = pa.array(np.where(at >= 0, at, 0), mask=at < 0)
    if not len(table):
        return [None] * len(at)
    return (column if isinstance(column, pa.Array) else pa.array(column)).take(taken).to_pylist()
