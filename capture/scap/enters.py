"""Enter events put back before their exits, for readers of old that expect them.

Today's events are exits that hold the parameters of the call; until libs 0.22 these came in an
enter event of their own, and a reader such as sysdig 0.29 takes an exit's file from there. This is
the way back of ``conversions.tsv``: an exit loses the parameters that a conversion would give it
anew, and gets an enter event with them just before it, at its own time. A reader of today folds the
two together again, to the very event this began with.

An import keeps enter events as they were (``capture.scap.folded``), and then nothing is made here.
Of captures without that, what a conversion does not keep of enter events stays lost, and is not
made up: their times and CPUs (each stands just before its exit, at its time), the files that
``poll`` and ``ppoll`` were asked to watch, and those that no exit follows, of calls that do not
return (``exit``, ``exit_group``, ``rt_sigreturn``) or were under way at the end.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from capture.events.schema import (
    HEAD,
    MAX_TYPES,
    PARAMETER_TYPES,
    UNJUDGED,
    EventBatch,
    event_struct,
)
from capture.events.shapes import build, narrow, split
from capture.events.table import EventType, event_table, rows

#: Exits that the new thread or process sees too: it has entered no call.
_TWICE = ("SYSCALL_CLONE_20_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X", "SYSCALL_CLONE3_X")


#: Parameters of enter events that exits of today have had all along: by exit, enter's and exit's.
_OWN = {
    "GENERIC_X": {0: 0},  # the call itself stands in both
    "SYSCALL_DUP_1_X": {0: 1},
    "SYSCALL_DUP2_X": {0: 1},
    "SYSCALL_DUP3_X": {0: 1},
    "SYSCALL_BPF_2_X": {0: 1},
}


@dataclass(frozen=True, slots=True)
class _Step:
    """Where a conversion takes a parameter from: ``empty``, ``default``, ``enter``; ``or_empty``:
    empty, not default, without an enter event."""

    source: str
    number: int
    or_empty: bool = False


@dataclass(frozen=True, slots=True)
class _Addition:
    """An exit with ``count`` parameters gets these more."""

    count: int
    steps: tuple[_Step, ...]


class Enters:
    """Puts enter events back, batch by batch in order.

    With ``exits`` false nothing is put back: only the enter events that captures keep are written
    as they were.
    """

    def __init__(self, exits: bool = True) -> None:
        self._exits = exits
        #: Enter events that captures keep, seen with a parameter that a conversion would use.
        self._seen: set[int] = set()

    def put_back(self, batch: EventBatch) -> Iterator[EventBatch]:
        """The batch with its enter events, in pieces of no more types than a batch can have."""
        whole = narrow(batch)
        wanted = [code for code in whole.codes if _enter_of(code) is not None and self._exits]
        if len(whole.codes) + len(wanted) > MAX_TYPES and whole.num_rows > 1:
            for half in split(whole, max(whole.num_rows // 2, 1), 1 << 62):
                yield from self.put_back(half)
            return
        self._look(whole)
        yield _with_enters(whole, wanted, self._present(whole))

    def _look(self, batch: EventBatch) -> None:
        for code in _kept_enters():
            if code in batch.codes and code not in self._seen:
                parameters = batch.parameters(code)
                numbers = range(parameters.type.num_fields)
                if any(parameters.field(n).null_count < len(parameters) for n in numbers):
                    self._seen.add(code)

    def _present(self, batch: EventBatch) -> npt.NDArray[np.uint8]:
        """How many parameters each event keeps."""
        present: npt.NDArray[np.uint8] = batch.batch.column("present").to_numpy().copy()
        for code in batch.codes:
            if code in _additions() and (self._exits or code in _kept_enters()):
                mine = batch.rows(code)
                parameters = batch.parameters(code)
                present[mine] = self._shortened(code, parameters, present[mine])
        return present

    def _shortened(
        self, code: int, parameters: pa.StructArray, present: npt.NDArray[np.uint8]
    ) -> npt.NDArray[np.uint8]:
        event = event_table()[code]
        for addition in _additions()[code]:
            now = addition.count + len(addition.steps)
            lost = present == now
            for place, step in enumerate(addition.steps, addition.count):
                lost &= self._restored(event, place, step, parameters.field(place))
            present = np.where(lost, np.uint8(addition.count), present)
        return present

    def _restored(
        self, event: EventType, place: int, step: _Step, column: pa.Array
    ) -> npt.NDArray[np.bool_]:
        """For which events the conversion gives this parameter as it is now."""
        if step.source == "enter" and _enter_of(event.code) is not None:
            return np.ones(len(column), np.bool_)
        null = np.asarray(column.is_null())
        if step.source == "enter":
            # The capture keeps such enter events itself, and a reader would take from them.
            return null if event.code - 1 not in self._seen else np.zeros(len(column), np.bool_)
        type_ = event.parameters[place].type
        if step.source == "empty" or not pa.types.is_integer(PARAMETER_TYPES[type_]):
            return null
        ones = type_ in ("uid", "gid")
        usual = (1 << column.type.bit_width) - 1 if ones else 0
        return np.asarray(pc.equal(column, pa.scalar(usual, column.type)).fill_null(False))


def _with_enters(
    batch: EventBatch, wanted: list[int], present: npt.NDArray[np.uint8]
) -> EventBatch:
    entered = np.isin(batch.batch.column("type").to_numpy(), np.array(wanted, np.uint16))
    entered &= ~_unentered(batch, wanted)
    count = int(entered.sum())
    if not count:
        head = [batch.batch.column(field.name) for field in HEAD]
        head[5] = pa.array(present)
        return build(
            head, batch.codes, batch.type_ids, batch.offsets, batch.children, batch.section
        )
    exits = np.arange(batch.num_rows) + np.cumsum(entered)
    enters = exits[entered] - 1
    origin = np.repeat(np.arange(batch.num_rows), entered + 1)
    is_enter = np.zeros(batch.num_rows + count, np.bool_)
    is_enter[enters] = True

    codes, children = list(batch.codes), list(batch.children)
    type_ids = batch.type_ids[origin]
    offsets = batch.offsets[origin]
    types = batch.batch.column("type").to_numpy()[origin]
    kept = present[origin]
    for code in wanted:
        mine = is_enter & (types == code)
        made = _enter_of(code)
        assert made is not None
        own = batch.rows(code)
        parameters = batch.parameters(code).filter(pa.array(entered[own]))
        type_ids[mine] = len(codes)
        offsets[mine] = np.arange(int(mine.sum()))
        types[mine] = made.code
        kept[mine] = len(made.parameters)
        codes.append(made.code)
        children.append(_enter_parameters(code, made, parameters))
    columns: Mapping[str, pa.Array] = {"type": pa.array(types), "present": pa.array(kept)}
    places = pa.array(origin)
    head = [
        columns[field.name]
        if field.name in columns
        else batch.batch.column(field.name).take(places)
        for field in HEAD
    ]
    return build(head, tuple(codes), type_ids, offsets, children, batch.section)


def _unentered(batch: EventBatch, wanted: list[int]) -> npt.NDArray[np.bool_]:
    """Exits of a clone or fork in the new process, and those that lack a number of their enter
    event: there was none."""
    found = np.zeros(batch.num_rows, np.bool_)
    for key in _TWICE:
        code = event_table().by_key[key].code
        if code in batch.codes:
            results = batch.parameters(code).field(0)
            found[batch.rows(code)] = np.asarray(pc.equal(results, 0).fill_null(True))
    for code in wanted:
        for addition in _additions().get(code, ()):
            for place, step in enumerate(addition.steps, addition.count):
                column = batch.parameters(code).field(place)
                if step.or_empty and pa.types.is_integer(column.type):
                    found[batch.rows(code)] |= np.asarray(column.is_null())
    return found


def _enter_parameters(code: int, enter: EventType, exits: pa.StructArray) -> pa.StructArray:
    """The parameters of the enter events of these exits."""
    held = _taken(code)
    columns = []
    for number, field in enumerate(event_struct(enter.code)):
        place = held.get(number)
        if place is None:
            columns.append(_unknown(enter.parameters[number].type, field.type, len(exits)))
        else:
            column = exits.field(place)
            columns.append(
                column if column.type == field.type else column.cast(field.type, safe=False)
            )
    if not columns:
        return pa.array([{}] * len(exits), event_struct(enter.code))
    return pa.StructArray.from_arrays(columns, fields=list(event_struct(enter.code)))


def _unknown(kind: str, type_: pa.DataType, count: int) -> pa.Array:
    """Of a fixed width: readers of old take the bytes that follow a missing number for it."""
    if kind == "fdlist":
        return pa.repeat(pa.scalar([], type_), count)
    if pa.types.is_integer(type_):
        return pa.repeat(pa.scalar(-1 if kind == "fd" else 0, type_), count)
    return pa.nulls(count, type_)


@functools.cache
def _taken(code: int) -> Mapping[int, int]:
    """Which parameter of an exit holds each one of its enter event."""
    held = {
        step.number: place
        for addition in _additions().get(code, ())
        for place, step in enumerate(addition.steps, addition.count)
        if step.source == "enter"
    }
    return {**_OWN.get(event_table()[code].key, {}), **held}


@functools.cache
def _enter_of(code: int) -> EventType | None:
    """The enter event that a reader of today folds into this exit."""
    event = event_table()[code]
    if event.enter or event.kind != "syscall" or event.old or not event.used:
        return None
    enter = event_table()[code - 1]
    folded = enter.enter and enter.old and enter.kind == "syscall"
    return enter if folded and enter.code not in _kept_enters() else None


@functools.cache
def _kept_enters() -> tuple[int, ...]:
    return tuple(event_table().by_key[key].code for key in UNJUDGED)


@functools.cache
def _additions() -> Mapping[int, tuple[_Addition, ...]]:
    """What conversions add to each event of today, the last addition first."""
    found: dict[int, list[_Addition]] = {}
    for row in rows(Path(__file__).with_name("conversions.tsv")):
        event = event_table().by_key[row["key"]]
        if row["action"] == "add":
            steps = tuple(_step(word) for word in row["steps"].split())
            found.setdefault(event.code, []).append(_Addition(int(row["parameters"]), steps))
    return {
        code: tuple(sorted(additions, key=lambda each: -each.count))
        for code, additions in found.items()
    }


def _step(word: str) -> _Step:
    source, _, number = word.rstrip("?").partition(":")
    return _Step(source, int(number or 0), word.endswith("?"))
