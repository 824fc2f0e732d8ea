"""``user.*`` and ``group.*``: as whom the thread of an event runs.

From sinsp_filtercheck_user.cpp and sinsp_filtercheck_group.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine.columns import BytesColumn, NumberColumn
from engine.syscalls.assemble import gathered_numbers
from engine.syscalls.containers import users_of_container_events
from engine.syscalls.ofthreads import Make, number, wide

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

_NOBODY = 0xFFFFFFFF


def _name(whose: str, part: str, id_: str, root: bytes) -> Make:
    """A text of the user or group; for one that is not known ``root`` if it is 0, else ``<NA>``."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        state = segment.state
        found = state.name_of(whose, part)
        values = pa.concat_arrays([found.values, pa.array([root, b"<NA>"], pa.binary())])
        last = np.int32(len(found.values))
        ids = gathered_numbers(state.threads.number(id_), state.thread, _NOBODY)
        unknown = np.where(ids == 0, last, last + np.int32(1))
        codes = np.where(found.codes < 0, unknown, found.codes)
        return BytesColumn(np.where(state.known(), codes, np.int32(-1)), values)

    return column


def _user_name(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """The user's name; for an event that makes a container known, the user it runs as."""
    column = _name("user", "name", "uid", b"root")(segment, arg)
    assert isinstance(column, BytesColumn)
    theirs = users_of_container_events(segment)
    if theirs is None:
        return column
    shift = np.int32(len(column.values))
    codes = np.where(theirs.codes >= 0, theirs.codes + shift, column.codes)
    return BytesColumn(codes.astype(np.int32), pa.concat_arrays([column.values, theirs.values]))


def _login_uid(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    state = segment.state
    ids = gathered_numbers(state.threads.number("loginuid"), state.thread).astype(np.int64)
    return wide(np.where(ids == _NOBODY, -1, ids), state.known())


FIELDS: dict[str, Make] = {
    "user.uid": number("uid"),
    "user.name": _user_name,
    "user.homedir": _name("user", "homedir", "uid", b"/root"),
    "user.shell": _name("user", "shell", "uid", b"<NA>"),
    "user.loginuid": _login_uid,
    "user.loginname": _name("login_user", "name", "loginuid", b"root"),
    "group.gid": number("gid"),
    "group.name": _name("group", "name", "gid", b"root"),
}
