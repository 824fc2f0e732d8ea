"""``fs.path.*``: the paths that calls on the file system name.

From sinsp_filtercheck_fspath.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn, Column, Mask
from engine.gather import constant, take
from engine.syscalls.assemble import BytesPart, bytes_of, gathered
from engine.syscalls.events import Group
from engine.syscalls.fdtypes import DIRECTORY
from engine.syscalls.pathnames import (
    UNKNOWN,
    from_cwd_or,
    is_absolute,
    join_columns,
    open_directories,
    text_parameter,
)

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

#: By the part of a path field: the event types that have such a path, and the parameter it is in.
#: ``fd.name`` is the name of the event's file. Links and mounts have source and target the way
#: round that libs has them.
_PARAMETERS: dict[str, dict[str, str]] = {
    "name": {
        "SYSCALL_MKDIR_2_X": "path",
        "SYSCALL_MKDIRAT_X": "path",
        "SYSCALL_RMDIR_2_X": "path",
        "SYSCALL_UNLINK_2_X": "path",
        "SYSCALL_UNLINKAT_2_X": "name",
        "SYSCALL_OPEN_X": "name",
        "SYSCALL_OPENAT_2_X": "name",
        "SYSCALL_OPENAT2_X": "name",
        "SYSCALL_FCHMODAT_X": "filename",
        "SYSCALL_CHMOD_X": "filename",
        "SYSCALL_FCHMOD_X": "fd.name",
        "SYSCALL_CHOWN_X": "path",
        "SYSCALL_LCHOWN_X": "path",
        "SYSCALL_FCHOWN_X": "fd.name",
        "SYSCALL_FCHOWNAT_X": "pathname",
        "SYSCALL_QUOTACTL_X": "special",
        "SYSCALL_UMOUNT_1_X": "name",
        "SYSCALL_UMOUNT2_X": "name",
    },
    "source": {
        "SYSCALL_RENAME_X": "oldpath",
        "SYSCALL_RENAMEAT_X": "oldpath",
        "SYSCALL_RENAMEAT2_X": "oldpath",
        "SYSCALL_LINK_2_X": "newpath",
        "SYSCALL_LINKAT_2_X": "newpath",
        "SYSCALL_SYMLINK_X": "linkpath",
        "SYSCALL_SYMLINKAT_X": "linkpath",
        "SYSCALL_MOUNT_X": "dev",
    },
    "target": {
        "SYSCALL_RENAME_X": "newpath",
        "SYSCALL_RENAMEAT_X": "newpath",
        "SYSCALL_RENAMEAT2_X": "newpath",
        "SYSCALL_LINK_2_X": "oldpath",
        "SYSCALL_LINKAT_2_X": "oldpath",
        "SYSCALL_SYMLINK_X": "target",
        "SYSCALL_SYMLINKAT_X": "target",
        "SYSCALL_MOUNT_X": "dir",
    },
}
#: Opening needs a descriptor that is not -1 (failures have other negative numbers); the rest must
#: have returned 0.
_OPENS = frozenset({"SYSCALL_OPEN_X", "SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X"})
_OPEN_AT = frozenset({"SYSCALL_OPENAT_2_X", "SYSCALL_OPENAT2_X"})
#: Calls whose directory descriptor is the event's file.
_FROM_FILE = frozenset(
    {
        "SYSCALL_FCHOWNAT_X",
        "SYSCALL_FCHMODAT_X",
        "SYSCALL_MKDIRAT_X",
        "SYSCALL_UNLINKAT_2_X",
    }
)


def _path(part: str, *, raw: bool) -> Callable[[SyscallSegment, str | None], Column]:
    def make(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        parts: list[BytesPart] = []
        for key, parameter in _PARAMETERS[part].items():
            group = segment.events.group(event_table().by_key[key].code)
            if group is None:
                continue
            group = group.only(_succeeded(segment, group))
            if not raw:
                group = group.only(segment.state.known()[group.at])
            if not len(group):
                continue
            names = _named(segment, group, parameter)
            if not raw:
                names = _resolved(segment, group, part, names)
            parts.append((group.at, names.codes, names.values))
        return bytes_of(len(segment), parts)

    return make


def _succeeded(segment: SyscallSegment, group: Group) -> Mask:
    opens = group.type.key in _OPENS
    index = group.type.index("fd" if opens else "res")
    array = segment.events.parameter(group, index)
    has = array.is_valid().to_numpy(zero_copy_only=False)
    values = array.fill_null(-1).to_numpy()
    return np.asarray(has & ((values != -1) if opens else (values == 0)))


def _named(segment: SyscallSegment, group: Group, parameter: str) -> BytesColumn:
    if parameter != "fd.name":
        return text_parameter(segment.events, group, group.type.index(parameter))
    column = take(segment.column("fd.name"), group.at)
    assert isinstance(column, BytesColumn)
    return column


def _resolved(segment: SyscallSegment, group: Group, part: str, names: BytesColumn) -> BytesColumn:
    """The names made absolute and clean."""
    key = group.type.key
    absolute = is_absolute(names)
    if absolute.all():
        return _cleaned(names)
    if key in _OPEN_AT:
        files = gathered(segment.state.fds.text("name"), segment.state.own_fd[group.at])
        known = pa.concat_arrays([names.values, files.values, pa.array([UNKNOWN], pa.binary())])
        shift = np.int32(len(names.values))
        last = np.int32(len(known) - 1)
        theirs = np.where(files.codes < 0, last, files.codes + shift)
        return _cleaned(BytesColumn(np.where(absolute, names.codes, theirs), known))
    done = join_columns(_base(segment, group, part), names)
    return BytesColumn(np.where(names.codes < 0, np.int32(-1), done.codes), done.values)


def _cleaned(names: BytesColumn) -> BytesColumn:
    done = join_columns(constant(b"", len(names)), names)
    return BytesColumn(np.where(names.codes < 0, np.int32(-1), done.codes), done.values)


def _base(segment: SyscallSegment, group: Group, part: str) -> BytesColumn:
    """What the relative paths of a group start from."""
    key = group.type.key
    if key in _FROM_FILE or (key == "SYSCALL_SYMLINKAT_X" and part == "source"):
        return _event_directory(segment, group)
    if key == "SYSCALL_SYMLINKAT_X":
        return constant(UNKNOWN, len(group))
    if key == "SYSCALL_RENAMEAT2_X":
        index = group.type.index("olddirfd" if part == "source" else "newdirfd")
        numbers = segment.events.parameter(group, index).fill_null(-1).to_numpy()
        folders = open_directories(segment.state, group, index, numbers, UNKNOWN, slash=False)
        return from_cwd_or(segment.state, group, numbers, folders)
    return segment.state.cwd(group.at)


def _event_directory(segment: SyscallSegment, group: Group) -> BytesColumn:
    """The event's file if it is a directory, a slash after."""
    ids = segment.state.own_fd[group.at]
    kinds = np.append(segment.state.fds.number("type"), -1)[ids]
    files = gathered(segment.state.fds.text("name"), ids)
    names = [
        name if not name or name.endswith(b"/") else name + b"/"
        for name in files.values.to_pylist()
    ]
    unknown = np.int32(len(names))
    codes = np.where((kinds == DIRECTORY) & (files.codes >= 0), files.codes, unknown)
    return BytesColumn(codes, pa.array([*names, UNKNOWN], pa.binary()))


FIELDS = {
    "fs.path.name": _path("name", raw=False),
    "fs.path.nameraw": _path("name", raw=True),
    "fs.path.source": _path("source", raw=False),
    "fs.path.sourceraw": _path("source", raw=True),
    "fs.path.target": _path("target", raw=False),
    "fs.path.targetraw": _path("target", raw=True),
}
