"""``evt.is_open_*``: what an open call asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from capture.events.table import event_table, flag_tables
from engine.columns import Column, Mask, NumberColumn
from engine.syscalls.events import Group
from engine.syscalls.results import returned

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

_OPENS = (
    "SYSCALL_OPEN_X",
    "SYSCALL_OPENAT_2_X",
    "SYSCALL_OPENAT2_X",
    "SYSCALL_OPEN_BY_HANDLE_AT_X",
)
_EXECUTABLE = 0o111
_FLAG = dict(flag_tables()["file_flags"])

Asks = Callable[["SyscallSegment", Group], Mask]


def open_flags(asked: str) -> Callable[[SyscallSegment, str | None], Column]:
    """Whether each event is an open call that asks for ``read``, ``write``, ``exec`` or
    ``create``."""
    asks = _ASKS[asked]
    keys = (*_OPENS, "SYSCALL_CREAT_X") if asked == "exec" else _OPENS

    def make(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        answers = np.zeros(len(segment), np.bool_)
        for key in keys:
            group = segment.events.group(event_table().by_key[key].code)
            if group is not None:
                answers[group.at] = asks(segment, group)
        return NumberColumn(answers, None)

    return make


def _number(segment: SyscallSegment, group: Group, name: str) -> npt.NDArray[np.int64]:
    index = group.type.index(name)
    if index < 0:
        return np.zeros(len(group), np.int64)
    array = segment.events.parameter(group, index)
    return np.asarray(array.fill_null(0).to_numpy(), np.int64)


def _set(name: str) -> Asks:
    def asks(segment: SyscallSegment, group: Group) -> Mask:
        return np.asarray(_number(segment, group, "flags") & _FLAG[name] != 0)

    return asks


def _creates(segment: SyscallSegment, group: Group) -> Mask:
    flags = _number(segment, group, "flags")
    temporary = (flags & _FLAG["O_TMPFILE"] != 0) & (returned(segment.events, group) >= 0)
    return np.asarray((flags & _FLAG["O_F_CREATED"] != 0) | temporary)


def _executable(segment: SyscallSegment, group: Group) -> Mask:
    mode = _number(segment, group, "mode") & _EXECUTABLE != 0
    if group.type.key == "SYSCALL_CREAT_X":
        return np.asarray(mode)
    creates = _number(segment, group, "flags") & (_FLAG["O_TMPFILE"] | _FLAG["O_CREAT"]) != 0
    return np.asarray(mode & creates)


_ASKS: dict[str, Asks] = {
    "read": _set("O_RDONLY"),
    "write": _set("O_WRONLY"),
    "exec": _executable,
    "create": _creates,
}
