"""Processes and threads that begin: which of the two returns of a clone makes them, and of what."""

from __future__ import annotations

from typing import Any

from .support import Walk, begun, clone, execve, made, thread

FILES, NEWPID, PARENT, THREAD, VFORK, IN_PIDNS = 1, 1 << 6, 1 << 8, 1 << 13, 1 << 27, 1 << 29
SECOND = 1_000_000_000


def shell(**values: Any) -> Any:
    """init, and its child 50 with two files, one of which is to be closed on exec."""
    return begun(
        threads=[
            thread(1, comm=b"init", ptid=0, uid=0),
            thread(
                50, comm=b"bash", ptid=1, exepath=b"/bin/bash", tty=5, env=b"HOME=/\0", **values
            ),
        ],
        fds=[
            {"tid": 50, "fd": 0, "type": 16, "name": b"/dev/pts/0", "ino": 1},
            {"tid": 50, "fd": 3, "type": 16, "name": b"/etc/x", "open_flags": 1 << 12, "ino": 2},
        ],
    )


def test_a_child_made_by_its_parent() -> None:
    walk = Walk(shell())
    parent = walk(clone(50, 60))
    assert (parent["comm"], parent["pid"]) == (b"bash", 50)
    child = walk(made("SYSCALL_STAT_X", 60, res=0))
    assert (child["pid"], child["ptid"], child["vpid"]) == (60, 50, 60)
    assert (child["comm"], child["exe"], child["args"]) == (b"sh", b"/bin/sh", b"-c\0x")
    assert (child["exepath"], child["tty"]) == (b"/bin/bash", 5)
    assert (child["cwd"], child["env"], child["root"]) == (b"/home/u/", b"HOME=/", b"/")
    assert (child["uid"], child["gid"], child["loginuid"]) == (7, 8, 1000)
    assert child["clone_ts"] > 0
    assert child.ancestors == [b"bash", b"init"]
    assert child.count == 2
    assert child.std == (b"/dev/pts/0", None, None)


def test_the_child_then_returns_and_changes_nothing() -> None:
    walk = Walk(shell())
    walk(clone(50, 60))
    child = walk(clone(60, 0, comm=b"other"))
    assert child["comm"] == b"sh"


def test_a_child_that_returns_first_makes_itself() -> None:
    walk = Walk(shell())
    child = walk(clone(60, 0))
    assert (child["pid"], child["ptid"], child["comm"]) == (60, 50, b"sh")
    assert child.count == 2
    again = walk(clone(50, 60, comm=b"late"), made("SYSCALL_STAT_X", 60, res=0))
    assert again["comm"] == b"sh"
    assert again.ancestors == [b"bash", b"init"]


def test_fork_vfork_and_clone3_are_clones() -> None:
    for key in ("SYSCALL_FORK_20_X", "SYSCALL_CLONE3_X"):
        walk = Walk(shell())
        walk(clone(50, 60, key=key))
        assert walk(made("SYSCALL_STAT_X", 60, res=0))["comm"] == b"sh"
    # The parent of a vfork returns when its child may be gone: only the child makes itself.
    walk = Walk(shell())
    walk(clone(50, 60, key="SYSCALL_VFORK_20_X"))
    assert walk.engine.counts.threads == 2
    assert walk(clone(60, 0, key="SYSCALL_VFORK_20_X"))["comm"] == b"sh"
    walk = Walk(shell())
    walk(clone(50, 60, flags=VFORK))
    assert walk.engine.counts.threads == 2


def test_a_thread_shares_what_its_process_has() -> None:
    walk = Walk(shell())
    walk(clone(50, 61, flags=THREAD))
    other = walk(made("SYSCALL_STAT_X", 61, res=0))
    assert (other["pid"], other["ptid"], other["is_main"]) == (50, 1, 0)
    assert other.main is not None
    assert (other.main["tid"], other.main["cwd"]) == (50, b"/home/u/")
    assert other.lineage is not None
    assert (other.lineage["threads"], other.lineage["other_threads"]) == (2, 1)
    opened = walk(made("SYSCALL_OPEN_X", 61, fd=9, name=b"/tmp/y", flags=1))
    assert (opened.name, opened.count) == (b"/tmp/y", 3)
    assert walk(made("SYSCALL_CLOSE_X", 50, res=0, fd=9)).name == b"/tmp/y"
    walk(made("SYSCALL_CHDIR_X", 61, res=0, path=b"/srv"))
    assert walk(made("SYSCALL_STAT_X", 50, res=0)).main["cwd"] == b"/srv/"  # type: ignore[index]


def test_a_process_has_its_own_files() -> None:
    walk = Walk(shell())
    walk(clone(50, 60))
    walk(made("SYSCALL_OPEN_X", 60, fd=9, name=b"/tmp/y", flags=1))
    walk(made("SYSCALL_CLOSE_X", 60, res=0, fd=0))
    mine = walk(made("SYSCALL_STAT_X", 50, res=0))
    assert (mine.count, mine.std[0]) == (2, b"/dev/pts/0")
    assert walk(made("SYSCALL_STAT_X", 60, res=0)).std[0] is None


def test_in_a_namespace_only_the_child_knows_its_number() -> None:
    for flags in (IN_PIDNS, NEWPID, PARENT):
        walk = Walk(shell())
        walk(clone(50, 2, flags=flags))
        assert walk.engine.counts.threads == 2
    child = walk(clone(60, 0, flags=IN_PIDNS, vtid=2, vpid=2, pidns_init_start_ts=77))
    assert (child["vpid"], child["pidns_init_start_ts"]) == (2, 77)
    # A caller whose own numbers differ is in one, whatever the flags say.
    walk = Walk(shell(vtid=3, vpid=3))
    walk(clone(50, 2))
    assert walk.engine.counts.threads == 2


def test_a_caller_nobody_told_of_is_known_from_its_clone() -> None:
    walk = Walk()
    caller = walk(clone(50, 60, pid=50, ptid=1, vtid=50, vpid=50))
    assert (caller["pid"], caller["comm"], caller["args"]) == (50, b"sh", b"-c\0x")
    child = walk(made("SYSCALL_STAT_X", 60, res=0))
    assert (child["pid"], child["comm"], child["exepath"]) == (60, b"sh", b"")
    assert child.ancestors == [b"sh"]
    assert child.count == 0


def test_a_thread_that_comes_before_its_process_tells_of_it() -> None:
    walk = Walk(begun(threads=[thread(1, comm=b"init", ptid=0)]))
    other = walk(clone(61, 0, flags=THREAD, pid=60, ptid=1, vtid=61, vpid=60))
    assert other.main is not None
    assert (other.main["tid"], other.main["comm"], other.main["ptid"]) == (60, b"sh", 1)
    assert other.ancestors == [b"init"]


def test_a_clone_that_failed_makes_nothing() -> None:
    walk = Walk(shell())
    walk(clone(50, -11))
    assert walk.engine.counts.threads == 2


def test_a_child_that_is_gone_is_not_made_again() -> None:
    walk = Walk(shell())
    walk(clone(60, 0), made("PROCEXIT_1_E", 60, status=0), made("SYSCALL_STAT_X", 50, res=0))
    assert walk.engine.counts.threads == 2
    walk(clone(50, 60))
    assert walk.engine.counts.threads == 2


def test_a_number_used_again_is_another_thread() -> None:
    walk = Walk(shell())
    walk(clone(50, 60), execve(60))
    assert walk(made("SYSCALL_STAT_X", 60, res=0))["comm"] == b"ls"
    # Its exit was missed; the parent makes a new one over it.
    walk(clone(50, 60))
    assert walk(made("SYSCALL_STAT_X", 60, res=0))["comm"] == b"sh"
    # The child alone does so only when the old one is not fresh.
    walk(execve(60))
    late = clone(60, 0)
    stale = type(late)(late.key, late.tid, late.values, time=1_700_000_000 * SECOND + 3 * SECOND)
    assert walk(stale)["comm"] == b"sh"
    assert walk.engine.counts.threads == 3
