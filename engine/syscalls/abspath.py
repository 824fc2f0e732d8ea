"""``evt.abspath``: the path of a call that takes a directory descriptor and a name.

From sinsp_filter_check_event::extract_abspath in falcosecurity/libs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from engine.columns import BytesColumn
from engine.gather import constant
from engine.syscalls.assemble import BytesPart, bytes_of
from engine.syscalls.events import Group
from engine.syscalls.pathnames import (
    from_cwd_or,
    join_columns,
    open_directories,
    text_parameter,
)
from engine.syscalls.results import returned

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

#: Directory and name of the only path of a call, or of its source and of its target.
_ONE = {
    "SYSCALL_SYMLINKAT_X": ("linkdirfd", "linkpath"),
    "SYSCALL_OPENAT_2_X": ("dirfd", "name"),
    "SYSCALL_OPENAT2_X": ("dirfd", "name"),
    "SYSCALL_UNLINKAT_2_X": ("dirfd", "name"),
    "SYSCALL_MKDIRAT_X": ("dirfd", "path"),
    "SYSCALL_FCHMODAT_X": ("dirfd", "filename"),
    "SYSCALL_FCHOWNAT_X": ("dirfd", "pathname"),
}
_RENAME = (("olddirfd", "oldpath"), ("newdirfd", "newpath"))
_TWO = {
    "SYSCALL_RENAMEAT_X": _RENAME,
    "SYSCALL_RENAMEAT2_X": _RENAME,
    "SYSCALL_LINKAT_2_X": (("olddir", "oldpath"), ("newdir", "newpath")),
}
_BY_HANDLE = "SYSCALL_OPEN_BY_HANDLE_AT_X"


def absolute_path(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """``arg``: ``src`` or ``dst`` where a call has two paths; none is the source."""
    parts: list[BytesPart] = []
    known = segment.state.known()
    for group in segment.events.groups:
        group = group.only(known[group.at])
        if not len(group):
            continue
        key = group.type.key
        if key == _BY_HANDLE:
            parts += _by_handle(segment, group)
        elif key in _ONE:
            parts += _joined(segment, group, *_ONE[key])
        elif key in _TWO:
            parts += _joined(segment, group, *_TWO[key][arg == "dst"])
    return bytes_of(len(segment), parts)


def _by_handle(segment: SyscallSegment, group: Group) -> list[BytesPart]:
    group = group.only(returned(segment.events, group) > 0)
    if not len(group):
        return []
    names = text_parameter(segment.events, group, group.type.index("path"))
    done = join_columns(constant(b"", len(group)), names)
    return [(group.at, done.codes, done.values)]


def _joined(segment: SyscallSegment, group: Group, folder: str, name: str) -> list[BytesPart]:
    """The name of each event as seen from its directory; none where either is empty."""
    events, state = segment.events, segment.state
    directory, path = group.type.index(folder), group.type.index(name)
    has = events.holds(group, max(directory, path))
    for index in (directory, path):
        has &= events.parameter(group, index).is_valid().to_numpy(zero_copy_only=False)
    group = group.only(has)
    if not len(group):
        return []
    numbers = events.parameter(group, directory).to_numpy().astype(np.int64)
    folders = open_directories(state, group, directory, numbers, b"<UNKNOWN>/", slash=True)
    done = join_columns(
        from_cwd_or(state, group, numbers, folders), text_parameter(events, group, path)
    )
    return [(group.at, done.codes, done.values)]
