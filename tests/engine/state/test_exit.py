"""Processes and threads that end, and who takes in their children."""

from __future__ import annotations

from .support import Walk, begun, clone, made, thread
from .test_clone import THREAD, shell

STAT = "SYSCALL_STAT_X"


def family(**values: int) -> Walk:
    """init 1 - manager 10 - middle 20 - leaf 30."""
    return Walk(
        begun(
            threads=[
                thread(1, comm=b"init", ptid=0),
                thread(10, comm=b"manager", ptid=1, **values),
                thread(20, comm=b"middle", ptid=10, **values),
                thread(30, comm=b"leaf", ptid=20, **values),
            ]
        )
    )


def test_a_process_is_there_at_its_exit_and_gone_after() -> None:
    walk = Walk(shell())
    seen = walk(made("PROCEXIT_1_E", 50, status=0))
    assert (seen["comm"], seen["flags"] >> 18 & 1) == (b"bash", 1)
    assert walk(made(STAT, 50, res=0))["comm"] == b"<NA>"


def test_an_exit_of_an_unknown_thread_makes_none() -> None:
    walk = Walk(shell())
    assert walk(made("PROCEXIT_1_E", 99, status=0)).thread is None
    assert walk.engine.counts.threads == 2


def test_children_go_to_the_reaper_that_the_kernel_names() -> None:
    walk = family()
    walk(made("PROCEXIT_1_E", 20, status=0, reaper_tid=10), made(STAT, 1, res=0))
    leaf = walk(made(STAT, 30, res=0))
    assert (leaf["ptid"], leaf.ancestors) == (10, [b"manager", b"init"])


def test_children_go_to_init_when_nobody_else_reaps() -> None:
    walk = family()
    walk(made("PROCEXIT_1_E", 20, status=0), made(STAT, 1, res=0))
    assert walk(made(STAT, 30, res=0))["ptid"] == 1


def test_children_go_to_a_process_that_made_itself_a_reaper() -> None:
    for option in (36, 37):
        walk = family()
        walk(made("SYSCALL_PRCTL_X", 10, res=0, option=option, arg2_int=1))
        walk(made("PROCEXIT_1_E", 20, status=0), made(STAT, 1, res=0))
        assert walk(made(STAT, 30, res=0))["ptid"] == 10
    walk = family()
    walk(
        made("SYSCALL_PRCTL_X", 10, res=0, option=36, arg2_int=1),
        made("SYSCALL_PRCTL_X", 10, res=0, option=36, arg2_int=0),
        made("SYSCALL_PRCTL_X", 10, res=-22, option=36, arg2_int=1),
        made("SYSCALL_PRCTL_X", 10, res=0, option=15, arg2_int=1),
        made("PROCEXIT_1_E", 20, status=0),
        made(STAT, 1, res=0),
    )
    assert walk(made(STAT, 30, res=0))["ptid"] == 1


def test_a_reaper_that_is_not_known_is_looked_for() -> None:
    walk = family()
    walk(made("PROCEXIT_1_E", 20, status=0, reaper_tid=77), made(STAT, 1, res=0))
    assert walk(made(STAT, 30, res=0))["ptid"] == 1


def test_children_stay_in_their_namespace() -> None:
    walk = Walk(
        begun(
            threads=[
                thread(1, comm=b"init", ptid=0),
                thread(10, comm=b"inner", ptid=1, vtid=1, vpid=1),
                thread(20, comm=b"middle", ptid=10, vtid=2, vpid=2),
                thread(30, comm=b"leaf", ptid=20, vtid=3, vpid=3),
            ]
        )
    )
    walk(made("PROCEXIT_1_E", 20, status=0), made(STAT, 1, res=0))
    assert walk(made(STAT, 30, res=0))["ptid"] == 10
    walk(made("PROCEXIT_1_E", 10, status=0), made(STAT, 1, res=0))
    assert walk(made(STAT, 30, res=0))["ptid"] == 0


def test_children_of_a_thread_go_to_another_thread_of_its_process() -> None:
    walk = Walk(shell())
    walk(clone(50, 61, flags=THREAD), clone(61, 70, ptid=61))
    assert walk(made(STAT, 70, res=0)).ancestors == [b"sh", b"init"]
    walk(made("PROCEXIT_1_E", 61, status=0), made(STAT, 1, res=0))
    assert walk(made(STAT, 70, res=0))["ptid"] == 50


def test_a_main_thread_stays_until_its_process_has_ended() -> None:
    walk = Walk(shell())
    walk(clone(50, 61, flags=THREAD), made("PROCEXIT_1_E", 50, status=0), made(STAT, 1, res=0))
    other = walk(made(STAT, 61, res=0))
    assert other.main is not None
    assert (other.main["tid"], other.count) == (50, 2)
    assert other.lineage is not None
    assert (other.lineage["threads"], other.lineage["other_threads"]) == (1, 1)
    walk(made("PROCEXIT_1_E", 61, status=0), made(STAT, 1, res=0))
    assert walk.engine.counts.threads == 1


def test_leaders_of_sessions_and_groups() -> None:
    walk = Walk(
        begun(
            threads=[
                thread(1, comm=b"init", ptid=0),
                thread(40, comm=b"login", ptid=1, sid=40, pgid=40, vpgid=40),
                thread(50, comm=b"bash", ptid=40, sid=40, pgid=50, vpgid=50),
            ]
        )
    )
    seen = walk(made(STAT, 50, res=0))
    names = walk.history["threads"]
    by_serial = {row["comm"] for row in names}
    assert by_serial == {b"init", b"login", b"bash"}
    assert seen.lineage is not None
    assert names[seen.lineage["sid_leader"]]["comm"] == b"login"
    assert names[seen.lineage["pgid_leader"]]["comm"] == b"bash"
    walk(made("PROCEXIT_1_E", 40, status=0), made(STAT, 1, res=0))
    seen = walk(made(STAT, 50, res=0))
    assert seen.lineage is not None
    assert seen.lineage["sid_leader"] == -1
    assert walk(made("SYSCALL_SETSID_X", 50, res=50))["sid"] == 50


def test_in_a_namespace_the_leader_is_the_farthest_ancestor_of_the_session() -> None:
    walk = Walk(
        begun(
            threads=[
                thread(1, comm=b"init", ptid=0, sid=0),
                thread(10, comm=b"inner", ptid=1, vtid=1, vpid=1, sid=1),
                thread(20, comm=b"middle", ptid=10, vtid=2, vpid=2, sid=1),
                thread(30, comm=b"leaf", ptid=20, vtid=3, vpid=3, sid=1),
            ]
        )
    )
    seen = walk(made(STAT, 30, res=0))
    assert seen.lineage is not None
    assert walk.history["threads"][seen.lineage["sid_leader"]]["comm"] == b"inner"
