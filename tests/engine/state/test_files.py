"""Files: how they come, change and go."""

from __future__ import annotations

from typing import Any

import pytest

from .support import Made, Seen, Walk, begun, made, thread

CLOEXEC = 1 << 12
DIRECTORY = 1 << 10
UPPER, LOWER = 1 << 15, 1 << 16


def walk() -> Walk:
    return Walk(
        begun(
            threads=[thread(100)],
            fds=[
                {"tid": 100, "fd": 0, "type": 16, "name": b"/dev/null", "ino": 5},
                {"tid": 100, "fd": 4, "type": 2, "name": b"/var/lib", "ino": 7},
            ],
        )
    )


def openat(**values: Any) -> Made:
    own = {"fd": 3, "dirfd": -100, "name": b"x", "flags": 1, "dev": 8, "ino": 9, **values}
    return made("SYSCALL_OPENAT_2_X", **own)


def test_open() -> None:
    seen = walk()(made("SYSCALL_OPEN_X", fd=3, name=b"a/../b", flags=5, dev=2, ino=3))
    assert seen.fd is not None
    assert (seen.name, seen.fd["name_raw"], seen.number) == (b"/home/u/b", b"a/../b", 3)
    assert (seen.fd["type"], seen.fd["open_flags"], seen.fd["dev"], seen.fd["ino"]) == (16, 5, 2, 3)
    assert (seen.own, seen.changed, seen.count) == (True, True, 3)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, b"/home/u/x"),
        ({"dirfd": 4}, b"/var/lib/x"),
        ({"dirfd": 4, "name": b"../y"}, b"/var/y"),
        ({"dirfd": 4, "name": b"/abs"}, b"/abs"),
        ({"dirfd": 77, "name": b"/abs"}, b"/abs"),
        ({"dirfd": 77}, b"<UNKNOWN>x"),
        ({"name": None}, b"/home/u/<NA>"),
        ({"dirfd": None}, b"x"),
        ({"name": b"n" * 1100}, b"/DIR_TOO_LONG/FILENAME_TOO_LONG"),
    ],
)
def test_openat_and_directories(values: dict[str, Any], name: bytes) -> None:
    assert walk()(openat(**values)).name == name


def test_openat2_creat_and_by_handle() -> None:
    seen = walk()(
        made("SYSCALL_OPENAT2_X", fd=3, dirfd=4, name=b"x", flags=DIRECTORY, ino=9, dev=8)
    )
    assert seen.fd is not None
    assert (seen.name, seen.fd["type"], seen.fd["ino"]) == (b"/var/lib/x", 2, 9)
    seen = walk()(made("SYSCALL_CREAT_X", fd=3, name=b"c", dev=1, ino=2, creat_flags=1))
    assert seen.fd is not None
    assert (seen.name, seen.fd["flags"] >> 17 & 3) == (b"/home/u/c", 1)
    key = "SYSCALL_OPEN_BY_HANDLE_AT_X"
    seen = walk()(made(key, fd=3, mountfd=4, flags=LOWER, path=b"/h/./p", ino=2))
    assert seen.fd is not None
    assert (seen.name, seen.fd["flags"] >> 17 & 3) == (b"/h/p", 2)


def test_the_enter_event_is_believed() -> None:
    """Another thread may change the name in memory before the exit event is made."""
    enter = made("SYSCALL_OPENAT_2_E", dirfd=4, name=b"asked", flags=1)
    seen = walk()(enter, openat(name=b"/etc/shadow", flags=3 | 1 << 14))
    assert seen.fd is not None
    assert (seen.name, seen.fd["open_flags"]) == (b"/var/lib/asked", 1 | 1 << 14)
    enter = made("SYSCALL_OPEN_E", name=b"asked", flags=2, mode=0)
    seen = walk()(enter, made("SYSCALL_OPEN_X", fd=3, name=b"other", flags=1))
    assert seen.fd is not None
    assert (seen.name, seen.fd["open_flags"]) == (b"/home/u/asked", 2)
    # One that was of another call, or had no name, is not.
    assert walk()(enter, openat()).name == b"/home/u/x"
    seen = walk()(enter, made("SYSCALL_STAT_X", res=0), openat(name=b"y"))
    assert seen.name == b"/home/u/y"


def test_an_open_that_failed_leaves_the_last_file() -> None:
    w = walk()
    seen = w(openat(fd=-2))
    assert (seen.number, seen.fd, seen.own, seen.count) == (-1, None, False, 2)
    # Falco shows the last file of the thread when the enter event of this one came.
    enter = made("SYSCALL_OPENAT_2_E", dirfd=-100, name=b"no", flags=1)
    assert w(enter, openat(fd=-2)).fd is None


def test_a_file_is_there_at_its_close_and_gone_after() -> None:
    w = walk()
    w(openat())
    seen = w(made("SYSCALL_CLOSE_X", res=0, fd=3))
    assert (seen.name, seen.count) == (b"/home/u/x", 3)
    seen = w(made("SYSCALL_CLOSE_X", res=0, fd=3))
    assert (seen.fd, seen.number, seen.count) == (None, 3, 2)
    seen = w(made("SYSCALL_CLOSE_X", res=-9, fd=4), made("SYSCALL_STAT_X", res=0))
    assert seen.count == 2


def test_close_range() -> None:
    w = walk()
    w(
        openat(fd=10),
        openat(fd=2000),
        made("SYSCALL_CLOSE_RANGE_X", res=0, first=3, last=20, flags=0),
    )
    assert w(made("SYSCALL_STAT_X", res=0)).count == 2
    w(made("SYSCALL_CLOSE_RANGE_X", res=0, first=0, last=0xFFFFFFFF, flags=4))
    seen = w(made("SYSCALL_READ_X", res=1, fd=0))
    assert seen.fd is not None
    assert seen.fd["open_flags"] & CLOEXEC
    w(made("SYSCALL_CLOSE_RANGE_X", res=-22, first=0, last=9, flags=0))
    assert w(made("SYSCALL_STAT_X", res=0)).count == 2


def flags(seen: Seen) -> int:
    assert seen.fd is not None
    value: int = seen.fd["open_flags"]
    return value


def test_dup_and_its_kin() -> None:
    w = walk()
    w(openat(flags=1 | CLOEXEC))
    seen = w(made("SYSCALL_DUP_1_X", res=7, oldfd=3))
    assert (seen.name, seen.number, flags(seen), seen.changed) == (b"/home/u/x", 7, 0, False)
    seen = w(made("SYSCALL_DUP2_X", res=0, oldfd=3, newfd=0))
    assert (seen.name, seen.number, seen.std[0], seen.count) == (b"/home/u/x", 0, b"/home/u/x", 4)
    assert seen["flags"] >> 22 & 1
    seen = w(made("SYSCALL_DUP3_X", res=8, oldfd=3, newfd=8, flags=CLOEXEC))
    assert flags(seen) & CLOEXEC
    assert w(made("SYSCALL_DUP2_X", res=-9, oldfd=3, newfd=12)).count == 5
    assert w(made("SYSCALL_DUP_1_X", res=9, oldfd=77)).count == 5


def test_fcntl() -> None:
    w = walk()
    w(openat())
    seen = w(made("SYSCALL_FCNTL_X", res=9, fd=3, cmd=26, arg=0))
    assert (seen.number, flags(seen) & CLOEXEC) == (9, CLOEXEC)
    assert w(made("SYSCALL_FCNTL_X", res=10, fd=3, cmd=1, arg=0)).count == 5
    assert flags(w(made("SYSCALL_FCNTL_X", res=0, fd=3, cmd=3, arg=1))) & CLOEXEC
    assert not flags(w(made("SYSCALL_FCNTL_X", res=0, fd=3, cmd=3, arg=0))) & CLOEXEC
    assert w(made("SYSCALL_FCNTL_X", res=0, fd=3, cmd=2, arg=0)).count == 5


@pytest.mark.parametrize(
    ("event", "type_", "flags_"),
    [
        (made("SYSCALL_EVENTFD_X", res=3), 9, 0),
        (made("SYSCALL_EVENTFD2_X", res=3, flags=CLOEXEC), 9, CLOEXEC),
        (made("SYSCALL_SIGNALFD_X", res=3, fd=-1), 11, 0),
        (made("SYSCALL_SIGNALFD4_X", res=3, flags=CLOEXEC), 11, CLOEXEC),
        (made("SYSCALL_TIMERFD_CREATE_X", res=3, flags=64), 14, 64),
        (made("SYSCALL_INOTIFY_INIT_X", res=3), 13, 0),
        (made("SYSCALL_INOTIFY_INIT1_X", res=3, flags=CLOEXEC), 13, CLOEXEC),
        (made("SYSCALL_EPOLL_CREATE_X", res=3), 12, 0),
        (made("SYSCALL_EPOLL_CREATE1_X", res=3, flags=1), 12, CLOEXEC),
        (made("SYSCALL_BPF_2_X", fd=3, cmd=0), 17, 0),
        (made("SYSCALL_USERFAULTFD_X", res=3, flags=0), 18, 0),
        (made("SYSCALL_IO_URING_SETUP_X", res=3), 19, 0),
        (made("SYSCALL_MEMFD_CREATE_X", fd=3, name=b"m", flags=1), 20, 1),
    ],
)
def test_calls_that_give_a_file(event: Made, type_: int, flags_: int) -> None:
    seen = walk()(event)
    assert seen.fd is not None
    assert (seen.number, seen.fd["type"], flags(seen), seen.count) == (3, type_, flags_, 3)
    failed = Made(event.key, event.tid, {**event.values, "res": -1, "fd": -1})
    if event.key != "SYSCALL_MEMFD_CREATE_X":
        failed = Made(
            event.key, event.tid,
            {k: -1 if k == ("fd" if "BPF" in event.key else "res") else v
             for k, v in event.values.items()},
        )  # fmt: skip
        assert walk()(failed).count == 2


def test_pipes_and_pairs() -> None:
    w = walk()
    seen = w(made("SYSCALL_PIPE_X", res=0, fd1=5, fd2=6, ino=11))
    assert seen.fd is not None
    assert (seen.number, seen.fd["type"], seen.fd["ino"], seen.count) == (6, 7, 11, 4)
    seen = w(made("SYSCALL_PIPE2_X", res=0, fd1=7, fd2=8, ino=12, flags=CLOEXEC))
    assert (flags(seen), seen.count) == (CLOEXEC, 6)
    assert w(made("SYSCALL_PIPE_X", res=-24, fd1=-1, fd2=-1)).count == 6
    seen = w(made("SOCKET_SOCKETPAIR_X", res=0, fd1=20, fd2=21, source=1, peer=2))
    assert seen.fd is not None
    assert (seen.fd["source"], seen.fd["destination"], seen.count) == (1, 2, 8)
    assert (seen.fd["fd"], seen.number) == (20, 21)
    assert w(made("SOCKET_SOCKETPAIR_X", res=0, fd1=-1, fd2=-1)).count == 8


def test_pidfds() -> None:
    w = Walk(
        begun(
            threads=[thread(100), thread(200)],
            fds=[{"tid": 200, "fd": 5, "type": 16, "name": b"/secret"}],
        )
    )
    seen = w(made("SYSCALL_PIDFD_OPEN_X", fd=3, pid=200, flags=0))
    assert seen.fd is not None
    assert (seen.name, seen.fd["pid"]) == (b"/proc/200", 200)
    seen = w(made("SYSCALL_PIDFD_GETFD_X", fd=4, pid_fd=3, target_fd=5))
    assert (seen.name, seen.number, flags(seen)) == (b"/secret", 4, CLOEXEC)
    assert w(made("SYSCALL_PIDFD_GETFD_X", fd=6, pid_fd=4, target_fd=5)).count == 2


def test_parameters_that_name_other_files() -> None:
    w = walk()
    w(openat())
    seen = w(made("SYSCALL_RENAMEAT_X", res=0, olddirfd=4, oldpath=b"a", newdirfd=3, newpath=b"b"))
    names = [(parameter, item) for parameter, item, _ in seen.references]
    assert (names, seen.number) == ([(1, 0), (3, 0)], -1)
    seen = w(made("SYSCALL_POLL_X", res=1, fds=[{"fd": 3, "flags": 1}, {"fd": 9, "flags": 1}]))
    assert [(parameter, item) for parameter, item, _ in seen.references] == [(1, 0)]
    assert w(made("SYSCALL_READ_X", res=1, fd=3)).references == []


def test_an_unknown_file_has_a_number_and_no_more() -> None:
    seen = walk()(made("SYSCALL_READ_X", res=1, fd=55))
    assert (seen.number, seen.fd, seen.own) == (55, None, False)


def test_a_thread_nobody_told_of() -> None:
    w = Walk()
    seen = w(made("SYSCALL_READ_X", 9, res=1, fd=3))
    assert (seen["comm"], seen["pid"], seen.main) == (b"<NA>", -1, None)
    seen = w(made("SYSCALL_OPEN_X", 9, fd=3, name=b"x", flags=1))
    # It has files of its own, but no directory that is known.
    assert seen.name == b"./x"


def test_changes_of_one_thread_do_not_show_in_another() -> None:
    w = Walk(begun(threads=[thread(100), thread(200)]))
    w(openat())
    assert w(made("SYSCALL_READ_X", 200, res=1, fd=3)).fd is None
