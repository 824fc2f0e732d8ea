"""Processes at a moment: the state there, and whose alerts those before it are."""

from __future__ import annotations

import time as clocks
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.events.section import Section
from engine.columns import BytesColumn, Column
from engine.fields.catalogue import SYSCALL
from engine.jsontext import replaced
from engine.state.tables import EXITED
from engine.syscalls.segment import SyscallSegment
from workbench.backend.answers.detail import row_of
from workbench.backend.answers.registry import answers
from workbench.backend.desk import Case, Desk
from workbench.backend.lanes import Asking
from workbench.backend.questions.processes import (
    ProcessAlerts,
    Processes,
    ProcessFacts,
    ProcessTree,
)

Ints = npt.NDArray[np.int64]

#: Alerts whose processes are looked for between two partial answers, about.
_STEP = 4096
#: Processes and their alerts that are sent.
_MOST = 20_000
#: Of those that have exited, so many that alerted last.
_MOST_GONE = 1000
#: Seconds between two partial answers, at least.
_AGAIN = 0.4
_MOST_COMMAND = 400
_CONTAINER_LENGTH = 12
_NO_USER = 0xFFFFFFFF

#: What tells a process from a later one of its number: process id and when it began.
_Key = tuple[int, int]


@dataclass(eq=False)
class _Known:
    """Whose alerts some rows are: ``pids`` (-1: nobody's) and ``starts`` by row, where ``there``;
    what processes were when they gave their last alert that was looked at."""

    pids: Ints
    starts: Ints
    there: npt.NDArray[np.bool_]
    rows: Ints
    facts: dict[_Key, ProcessFacts] = field(default_factory=dict)


_KNOWN: weakref.WeakKeyDictionary[Case, _Known] = weakref.WeakKeyDictionary()


@answers(Processes)
def processes(desk: Desk, question: Processes, asking: Asking) -> ProcessTree:
    case = desk.case_now()
    row = row_of(case, question.number, question.source)
    time = int(case.index.times[row])
    of_call = _last_call(case, row)
    state = None if of_call is None else case.index.state_at(of_call)
    if of_call is None or state is None:
        return ProcessTree(question.number, time, -1, None, (), 0, 0)
    asking.check()
    alive = _alive(state)
    pid = _pid_at(case, row)
    verdicts = case.verdicts
    before = verdicts.alert_rows[: int(np.searchsorted(verdicts.alert_rows, row, side="right"))]
    names = [rule.name for rule in verdicts.rules]
    priorities = [int(rule.priority) for rule in verdicts.rules]
    which = verdicts.alert_rules[: len(before)]

    def tree(known: _Known, looked: int) -> ProcessTree:
        found = _alerts(case, known, before, which, names, priorities)
        here = {(each.pid, each.start) for each in alive}
        gone = [
            key
            for key in dict.fromkeys((each.pid, each.start) for each in found)
            if key not in here and key in known.facts
        ]
        shown = here.union(gone[:_MOST_GONE])
        return ProcessTree(
            question.number,
            time,
            pid,
            (*alive, *(known.facts[key] for key in gone[:_MOST_GONE])),
            tuple(each for each in found if (each.pid, each.start) in shown),
            looked,
            len(before),
            max(len(gone) - _MOST_GONE, 0),
        )

    known = _known(case, verdicts.alert_rows)
    # Putting an answer together takes its time too: most of it is to be for looking.
    due, looked = 0.0, 0
    for looked in _look(case, known, before, asking):
        now = clocks.monotonic()
        if now >= due and looked < len(before):
            asking.tell(tree(known, looked))
            due = clocks.monotonic() + max(_AGAIN, 5 * (clocks.monotonic() - now))
    return tree(known, looked)


def _last_call(case: Case, row: int) -> int | None:
    """The row of the last system call up to a row."""
    for located in case.index.locate(np.array([row], np.int64)):
        if case.index.source_of(located.batch) == SYSCALL:
            return row
    for window in reversed(case.index.rows.windows):
        if window.first > row:
            continue
        for part in window.parts:
            if case.index.source_of(part.batch) == SYSCALL:
                rows = part.all_rows()
                place = int(np.searchsorted(rows, row, side="right"))
                if place:
                    return int(rows[place - 1])
    return None


def _pid_at(case: Case, row: int) -> int:
    (located,) = case.index.locate(np.array([row], np.int64))
    segment = case.index.segment(located.batch)
    if not isinstance(segment, SyscallSegment):
        return -1
    part = segment.take(located.places)
    thread = int(part.state.thread[0])
    return int(part.state.threads.number("pid")[thread]) if thread >= 0 else -1


def _alive(state: Section) -> list[ProcessFacts]:
    """The processes of a moment: its main threads."""
    threads = state.threads
    tids, pids = _numbers(threads, "tid"), _numbers(threads, "pid")
    exited = (_numbers(threads, "flags") & EXITED) != 0
    pid_of = dict(zip(tids.tolist(), pids.tolist(), strict=True))
    main = np.flatnonzero((tids == pids) & ~exited)[:_MOST]
    walked = state.walked.get("walked_threads")
    starts = np.zeros(len(tids), np.int64)
    containers = [b""] * len(tids)
    if walked is not None:
        starts = _numbers(walked, "clone_ts")
        containers = walked.column("container_id").to_pylist()
    users = {
        uid: replaced(name or b"")
        for uid, name in zip(
            state.users.column("uid").to_pylist(),
            state.users.column("name").to_pylist(),
            strict=True,
        )
    }
    rows = threads.take(pa.array(main))
    parents, uids = _numbers(rows, "ptid").tolist(), _numbers(rows, "uid").tolist()
    comms, args = rows.column("comm").to_pylist(), rows.column("args").to_pylist()
    found = []
    for at, row in enumerate(main.tolist()):
        name = replaced(comms[at] or b"")
        found.append(
            ProcessFacts(
                int(tids[row]),
                pid_of.get(parents[at], parents[at]),
                name,
                _command(name, args[at] or b""),
                users.get(uids[at]) or _user(uids[at]),
                replaced(containers[row] or b"")[:_CONTAINER_LENGTH],
                int(starts[row]),
            )
        )
    return found


def _user(uid: int) -> str:
    return "" if uid == _NO_USER else str(uid)


def _numbers(batch: pa.RecordBatch, name: str) -> Ints:
    numbers: Ints = batch.column(name).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    return numbers


def _command(name: str, args: bytes) -> str:
    words = [replaced(word) for word in args[: 4 * _MOST_COMMAND].rstrip(b"\0").split(b"\0")]
    return " ".join([name, *words]).strip()[:_MOST_COMMAND]


# Whose alerts.


def _known(case: Case, rows: Ints) -> _Known:
    """What is known of these rows; what was found of them before stays."""
    old = _KNOWN.get(case)
    if old is not None and old.rows is rows:
        return old
    count = len(rows)
    new = _Known(np.full(count, -1), np.zeros(count, np.int64), np.zeros(count, np.bool_), rows)
    if old is not None and len(old.rows):
        places = np.minimum(np.searchsorted(old.rows, rows), len(old.rows) - 1)
        same = (old.rows[places] == rows) & old.there[places]
        new.there[same] = True
        new.pids[same], new.starts[same] = old.pids[places[same]], old.starts[places[same]]
        new.facts = old.facts
    _KNOWN[case] = new
    return new


def _look(case: Case, known: _Known, before: Ints, asking: Asking) -> Iterator[int]:
    """Look whose alerts these rows are, the last ones first: how many are known."""
    end = len(before)
    while end:
        start = max(end - _STEP, 0)
        left = np.flatnonzero(~known.there[start:end]) + start
        for located in case.index.locate(before[left]):
            asking.check()
            _note(case, known, left[located.asked], located.batch, located.places)
            yield len(before) - end
        end = start
    yield len(before)


def _note(case: Case, known: _Known, at: Ints, batch: int, places: Ints) -> None:
    segment = case.index.segment(batch)
    known.there[at] = True
    if not isinstance(segment, SyscallSegment):
        return
    part = segment.take(places)
    state = part.state
    rows = np.where(state.main_thread >= 0, state.main_thread, state.thread)
    there = rows >= 0
    threads = state.threads
    # int64 before anything is appended: numpy makes floats of uint64 and int64 together.
    pids = np.append(threads.number("pid").astype(np.int64), -1)[np.where(there, rows, -1)]
    starts = np.append(threads.number("clone_ts").astype(np.int64), 0)[np.where(there, rows, -1)]
    known.pids[at], known.starts[at] = pids, starts
    comm, args = threads.text("comm"), threads.text("args")
    users, containers = part.column("user.name"), part.column("container.id")
    # Of several alerts of a process the last one tells what it was.
    last = {
        key: place for place, key in enumerate(zip(pids.tolist(), starts.tolist(), strict=True))
    }
    for key, place in last.items():
        if key[0] < 0 or key in known.facts:
            continue
        row = int(rows[place])
        name, container = _cell(comm, row), _cell(containers, place)
        known.facts[key] = ProcessFacts(
            key[0],
            int(threads.number("ptid")[row]),
            replaced(name),
            _command(replaced(name), _cell(args, row)),
            replaced(_cell(users, place)),
            "" if container == b"host" else replaced(container)[:_CONTAINER_LENGTH],
            key[1],
            exited=True,
        )


def _cell(column: Column, row: int) -> bytes:
    assert isinstance(column, BytesColumn)
    code = int(column.codes[row])
    text: bytes = b"" if code < 0 else column.values[code].as_py()
    return text


def _alerts(
    case: Case,
    known: _Known,
    before: Ints,
    which: Ints,
    names: list[str],
    priorities: list[int],
) -> tuple[ProcessAlerts, ...]:
    """Of those that were looked at, by process and rule; the last ones first."""
    count = len(before)
    mine = np.flatnonzero(known.there[:count] & (known.pids[:count] >= 0))
    if not len(mine):
        return ()
    pids, starts, rules = known.pids[mine], known.starts[mine], which[mine]
    order = np.lexsort((mine, rules, starts, pids))
    pids, starts, rules, mine = pids[order], starts[order], rules[order], mine[order]
    new = (np.diff(pids) != 0) | (np.diff(starts) != 0) | (np.diff(rules) != 0)
    edges = np.concatenate([[0], np.flatnonzero(new) + 1, [len(mine)]])
    heads, last = edges[:-1], mine[edges[1:] - 1]
    order = np.argsort(-last, kind="stable")[:_MOST]
    numbers = case.index.numbers
    return tuple(
        ProcessAlerts(
            int(pids[heads[place]]),
            int(starts[heads[place]]),
            names[int(rules[heads[place]])],
            priorities[int(rules[heads[place]])],
            int(edges[place + 1] - edges[place]),
            int(numbers[before[mine[heads[place]]]]),
            int(numbers[before[last[place]]]),
        )
        for place in order.tolist()
    )
