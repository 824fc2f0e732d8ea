"""Every field of system calls, and the function that makes its column."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from engine.columns import Column
from engine.syscalls import (
    connections,
    containers,
    docker,
    evt,
    fd,
    fdlist,
    fspath,
    names,
    process,
    thread,
    users,
)

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

#: A field's column from the segment and the field's argument.
Make = Callable[["SyscallSegment", str | None], Column]

FIELDS: Mapping[str, Make] = {
    **evt.FIELDS,
    **names.FIELDS,
    **docker.FIELDS,
    **process.FIELDS,
    **thread.FIELDS,
    **users.FIELDS,
    **fd.FIELDS,
    **connections.FIELDS,
    **fspath.FIELDS,
    **fdlist.FIELDS,
    **containers.FIELDS,
}
