"""What each event type does to the state: the event table laid out for the native walk.

Facts from libsinsp/parsers.cpp (which event goes to which parser) and libscap/scap_event.c (which
parameter of an exit event names its file).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from capture.events.schema import PARAMETER_TYPES
from capture.events.table import EventType, event_table
from engine.state import _native

ffi, lib = _native.ffi, _native.lib


@dataclass(frozen=True, slots=True)
class Action:
    """``name`` is a ``STATE_`` constant; ``argument`` and ``option`` are the action's own.

    ``option`` is a parameter: open flags of a new file (of dup3: its flags), the tuple of traffic,
    the effective user or group, or, of an enter event, the one without which it is not kept.
    ``argument`` is a type of file for ``NEW_FD``; 1 marks vfork, execve (not execveat), the enter
    event of execveat, and sends that show an unknown socket.
    """

    name: str
    argument: int = 0
    option: int = -1


def _new(type_: int, option: int = -1) -> Action:
    return Action("NEW_FD", type_, option)


ACTIONS: dict[str, Action] = {
    "SYSCALL_OPEN_E": Action("STORE_ENTER", option=0),
    "SYSCALL_CREAT_E": Action("STORE_ENTER", option=0),
    "SYSCALL_OPENAT_2_E": Action("STORE_ENTER", option=0),
    "SYSCALL_OPENAT2_E": Action("STORE_ENTER", option=0),
    "SYSCALL_EXECVE_19_E": Action("STORE_ENTER", option=0),
    "SYSCALL_EXECVEAT_E": Action("STORE_ENTER", argument=1),
    "SOCKET_CONNECT_E": Action("STORE_ENTER"),
    "SYSCALL_READ_X": Action("READ"),
    "SYSCALL_READV_X": Action("READ"),
    "SYSCALL_PREAD_X": Action("READ"),
    "SYSCALL_PREADV_X": Action("READ"),
    "SOCKET_RECV_X": Action("READ", option=4),
    "SOCKET_RECVFROM_X": Action("READ", option=2),
    "SOCKET_RECVMSG_X": Action("READ", option=3),
    "SOCKET_RECVMMSG_X": Action("READ", option=4),
    "SYSCALL_WRITE_X": Action("WRITE"),
    "SYSCALL_WRITEV_X": Action("WRITE"),
    "SYSCALL_PWRITE_X": Action("WRITE"),
    "SYSCALL_PWRITEV_X": Action("WRITE"),
    "SOCKET_SEND_X": Action("WRITE", 1, 4),
    "SOCKET_SENDTO_X": Action("WRITE", 1, 4),
    "SOCKET_SENDMSG_X": Action("WRITE", 1, 4),
    "SOCKET_SENDMMSG_X": Action("WRITE", 0, 4),
    "SYSCALL_OPEN_X": Action("OPEN"),
    "SYSCALL_CREAT_X": Action("CREAT"),
    "SYSCALL_OPENAT_2_X": Action("OPENAT"),
    "SYSCALL_OPENAT2_X": Action("OPENAT2"),
    "SYSCALL_OPEN_BY_HANDLE_AT_X": Action("OPEN_BY_HANDLE"),
    "SYSCALL_UNSHARE_X": Action("UNSHARE"),
    "SYSCALL_SETNS_X": Action("SETNS"),
    "SYSCALL_MEMFD_CREATE_X": Action("MEMFD"),
    "SYSCALL_CLONE_20_X": Action("CLONE"),
    "SYSCALL_FORK_20_X": Action("CLONE"),
    "SYSCALL_VFORK_20_X": Action("CLONE", 1),
    "SYSCALL_CLONE3_X": Action("CLONE"),
    "SYSCALL_PIDFD_OPEN_X": Action("PIDFD_OPEN"),
    "SYSCALL_PIDFD_GETFD_X": Action("PIDFD_GETFD"),
    "SYSCALL_EXECVE_19_X": Action("EXECVE", 1),
    "SYSCALL_EXECVEAT_X": Action("EXECVE"),
    "PROCEXIT_1_E": Action("PROCEXIT"),
    "SYSCALL_PIPE_X": Action("PIPE"),
    "SYSCALL_PIPE2_X": Action("PIPE", option=4),
    "SOCKET_SOCKET_X": Action("SOCKET"),
    "SOCKET_BIND_X": Action("BIND"),
    "SOCKET_CONNECT_X": Action("CONNECT"),
    "SOCKET_ACCEPT_5_X": Action("ACCEPT"),
    "SOCKET_ACCEPT4_6_X": Action("ACCEPT", option=5),
    "SYSCALL_CLOSE_X": Action("CLOSE"),
    "SYSCALL_CLOSE_RANGE_X": Action("CLOSE_RANGE"),
    "SYSCALL_FCNTL_X": Action("FCNTL"),
    "SYSCALL_EVENTFD_X": _new(9),
    "SYSCALL_EVENTFD2_X": _new(9, 1),
    "SYSCALL_CHDIR_X": Action("CHDIR"),
    "SYSCALL_GETCWD_X": Action("CHDIR"),
    "SYSCALL_FCHDIR_X": Action("FCHDIR"),
    "SYSCALL_DUP_1_X": Action("DUP"),
    "SYSCALL_DUP2_X": Action("DUP"),
    "SYSCALL_DUP3_X": Action("DUP", option=3),
    "SYSCALL_SIGNALFD_X": _new(11),
    "SYSCALL_SIGNALFD4_X": _new(11, 1),
    "SYSCALL_TIMERFD_CREATE_X": _new(14, 2),
    "SYSCALL_INOTIFY_INIT_X": _new(13),
    "SYSCALL_INOTIFY_INIT1_X": _new(13, 1),
    "SYSCALL_BPF_2_X": _new(17),
    "SYSCALL_USERFAULTFD_X": _new(18),
    "SYSCALL_IO_URING_SETUP_X": _new(19),
    "SYSCALL_EPOLL_CREATE_X": _new(12),
    "SYSCALL_EPOLL_CREATE1_X": _new(12, 1),
    "SYSCALL_GETRLIMIT_X": Action("RLIMIT"),
    "SYSCALL_SETRLIMIT_X": Action("RLIMIT"),
    "SYSCALL_PRLIMIT_X": Action("PRLIMIT"),
    "SOCKET_SOCKETPAIR_X": Action("SOCKETPAIR"),
    "SCHEDSWITCH_6_E": Action("SCHEDSWITCH"),
    "SYSCALL_BRK_4_X": Action("MEMORY"),
    "SYSCALL_MMAP_X": Action("MEMORY"),
    "SYSCALL_MMAP2_X": Action("MEMORY"),
    "SYSCALL_MUNMAP_X": Action("MEMORY"),
    "SYSCALL_SETRESUID_X": Action("SETUID", option=2),
    "SYSCALL_SETREUID_X": Action("SETUID", option=2),
    "SYSCALL_SETUID_X": Action("SETUID", option=1),
    "SYSCALL_SETRESGID_X": Action("SETGID", option=2),
    "SYSCALL_SETREGID_X": Action("SETGID", option=2),
    "SYSCALL_SETGID_X": Action("SETGID", option=1),
    "SYSCALL_CHROOT_X": Action("CHROOT"),
    "SYSCALL_SETSID_X": Action("SETSID"),
    "SYSCALL_CAPSET_X": Action("CAPSET"),
    "USER_ADDED_E": Action("USER_ADDED"),
    "USER_DELETED_E": Action("USER_DELETED"),
    "GROUP_ADDED_E": Action("GROUP_ADDED"),
    "GROUP_DELETED_E": Action("GROUP_DELETED"),
    "SYSCALL_PRCTL_X": Action("PRCTL"),
}

#: Parameter of an exit event that names its file, where it is not the second (1).
FD_PARAMETER: dict[str, int] = {
    **dict.fromkeys(
        (
            "SYSCALL_READ_X", "SYSCALL_PREAD_X", "SOCKET_BIND_X", "SYSCALL_WRITE_X",
            "SYSCALL_PWRITE_X", "SOCKET_RECV_X", "SOCKET_SEND_X", "SOCKET_SENDTO_X",
            "SOCKET_SENDMSG_X", "SYSCALL_SENDFILE_X", "SYSCALL_SPLICE_X", "SYSCALL_WRITEV_X",
            "SYSCALL_PWRITEV_X", "SOCKET_CONNECT_X", "SYSCALL_SYMLINKAT_X",
        ),
        2,
    ),
    **dict.fromkeys(("SOCKET_RECVFROM_X", "SYSCALL_READV_X", "SYSCALL_PREADV_X"), 3),
    "SOCKET_RECVMSG_X": 5,
    "SYSCALL_MMAP_X": 8,
    "SYSCALL_MMAP2_X": 8,
}  # fmt: skip

#: Events that belong to no thread.
META = (
    "CONTAINER_JSON_2_E", "USER_ADDED_E", "USER_DELETED_E", "GROUP_ADDED_E", "GROUP_DELETED_E",
    "PLUGINEVENT_E", "ASYNCEVENT_E",
)  # fmt: skip

#: Events after which an unknown thread stays unknown.
NO_QUERY = (
    "SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X",
    "SCHEDSWITCH_6_E", "PROCEXIT_1_E",
)  # fmt: skip

_WIDTHS = {
    pa.int8(): "I8", pa.int16(): "I16", pa.int32(): "I32", pa.int64(): "I64",
    pa.uint8(): "U8", pa.uint16(): "U16", pa.uint32(): "U32", pa.uint64(): "U64",
    pa.binary(): "BYTES",
}  # fmt: skip


#: What a parameter of a type refers to.
_REFERS = {"fd": "FD", "fdlist": "FDS", "pid": "THREAD", "uid": "USER", "gid": "GROUP"}


def kind_of(type_: pa.DataType) -> int:
    """The ``STATE_`` number of how values of this type lie in memory."""
    if type_ == PARAMETER_TYPES["fdlist"]:
        return int(lib.STATE_FDLIST)
    return int(getattr(lib, f"STATE_{_WIDTHS.get(type_, 'OTHER')}"))


@functools.cache
def native_types() -> tuple[Any, int, Any, int]:
    """The event table as C arrays: types and their number, parameters and theirs."""
    table = event_table()
    parameters: list[tuple[int, int]] = []
    types: list[tuple[int, ...]] = []
    for event in table.types:
        referring = 0
        first = len(parameters)
        for index, parameter in enumerate(event.parameters):
            refers = _REFERS.get(parameter.type, "")
            to = int(getattr(lib, f"STATE_TO_{refers}")) if refers else 0
            referring |= bool(to) << index
            parameters.append((kind_of(PARAMETER_TYPES[parameter.type]), to))
        action = ACTIONS.get(event.key, Action("NOTHING"))
        types.append(
            (
                int(getattr(lib, f"STATE_{action.name}")),
                action.argument,
                action.option,
                _bits(event),
                _fd_parameter(event),
                len(event.parameters),
                referring,
                first,
            )
        )
    return (
        ffi.new("state_type[]", types),
        len(types),
        ffi.new("state_parameter[]", parameters),
        len(parameters),
    )


def _bits(event: EventType) -> int:
    bits = 0
    if event.enter:
        bits |= lib.STATE_ENTER
    if "uses_fd" in event.flags:
        bits |= lib.STATE_USES_FD
    if event.flags & {"creates_fd", "uses_fd", "destroys_fd"}:
        bits |= lib.STATE_FD_RELATED
    if "skip_parse_reset" in event.flags:
        bits |= lib.STATE_SKIP
    if event.key in META:
        bits |= lib.STATE_META
    if event.key in NO_QUERY:
        bits |= lib.STATE_NO_QUERY
    if event.key == "PROCINFO_E":
        bits |= lib.STATE_PROCINFO
    return bits


def _fd_parameter(event: EventType) -> int:
    if "uses_fd" not in event.flags:
        return -1
    return 0 if event.enter else FD_PARAMETER.get(event.key, 1)
