"""Programs that begin, and what becomes of files and threads meanwhile."""

from __future__ import annotations

from .support import Walk, begun, clone, execve, made, thread
from .test_clone import THREAD, shell


def test_the_new_program_is_there_at_its_execve() -> None:
    walk = Walk(shell())
    seen = walk(execve(50, b"/bin/ls", tty=9, vpgid=3, pgid=4, uid=0, gid=5, loginuid=6))
    assert (seen["comm"], seen["exe"], seen["exepath"]) == (b"ls", b"/bin/ls", b"/bin/ls")
    assert (seen["args"], seen["env"]) == (b"-l\0/", b"A=1")
    assert (seen["tty"], seen["vpgid"], seen["pgid"]) == (9, 3, 4)
    assert (seen["uid"], seen["gid"], seen["loginuid"]) == (0, 5, 6)
    assert seen.ancestors == [b"init"]


def test_files_to_close_on_exec_are_closed() -> None:
    walk = Walk(shell())
    assert walk(execve(50)).count == 1
    assert walk(made("SYSCALL_CLOSE_X", 50, res=0, fd=3)).fd is None


def test_an_execve_that_failed_changes_nothing() -> None:
    walk = Walk(shell())
    seen = walk(execve(50, res=-2))
    assert (seen["comm"], seen.count) == (b"bash", 2)


def test_the_other_threads_of_the_process_end() -> None:
    walk = Walk(shell())
    walk(clone(50, 61, flags=THREAD), clone(50, 62, flags=THREAD))
    assert walk.engine.counts.threads == 4
    walk(execve(50))
    assert walk.engine.counts.threads == 2


def test_facts_about_the_program() -> None:
    walk = Walk(shell())
    walk(clone(50, 60))
    seen = walk(
        execve(
            60,
            flags=1 | 2 | 4 | 8,
            cap_inheritable=1,
            cap_permitted=2,
            cap_effective=3,
            exe_ino=4,
            exe_ino_ctime=5,
            exe_ino_mtime=6,
        )
    )
    assert [seen[f"exe_{name}"] for name in ("writable", "upper_layer", "lower_layer")] == [1] * 3
    assert seen["exe_from_memfd"] == 1
    assert (seen["cap_inheritable"], seen["cap_permitted"], seen["cap_effective"]) == (1, 2, 3)
    assert (seen["exe_ino"], seen["exe_ino_ctime"], seen["exe_ino_mtime"]) == (4, 5, 6)
    assert seen["exe_ino_ctime_duration_clone_ts"] == seen["clone_ts"] - 5


def test_a_program_that_is_deleted_keeps_its_path() -> None:
    walk = Walk(shell())
    assert walk(execve(50, trusted_exepath=b"/tmp/x (deleted)"))["exepath"] == b"/tmp/x"
    assert walk(execve(50, trusted_exepath=b" (deleted)"))["exepath"] == b" (deleted)"


def test_an_old_capture_has_the_path_from_the_enter_event() -> None:
    walk = Walk(shell())
    enter = made("SYSCALL_EXECVE_19_E", 50, filename=b"../bin/./ls")
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"/home/bin/ls"
    enter = made("SYSCALL_EXECVE_19_E", 50, filename=b"<NA>")
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"<NA>"
    # Without one the old path stays; an enter event of something else is none.
    assert walk(execve(50, trusted_exepath=None))["exepath"] == b"<NA>"


def test_execveat_relative_to_a_directory() -> None:
    walk = Walk(
        begun(
            threads=[thread(50)],
            fds=[
                {"tid": 50, "fd": 4, "type": 2, "name": b"/opt/bin"},
                {"tid": 50, "fd": 5, "type": 20, "name": b"memfd:x"},
            ],
        )
    )
    enter = made("SYSCALL_EXECVEAT_E", 50, dirfd=4, pathname=b"tool", flags=0)
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"/opt/bin/tool"
    enter = made("SYSCALL_EXECVEAT_E", 50, dirfd=4, pathname=None, flags=1)
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"/opt/bin"
    enter = made("SYSCALL_EXECVEAT_E", 50, dirfd=5, pathname=None, flags=1)
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"memfd:x"
    enter = made("SYSCALL_EXECVEAT_E", 50, dirfd=77, pathname=b"tool", flags=0)
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"<NA>"
    enter = made("SYSCALL_EXECVEAT_E", 50, dirfd=-100, pathname=b"tool", flags=0)
    assert walk(enter, execve(50, trusted_exepath=None))["exepath"] == b"/home/u/tool"


def test_an_unknown_thread_is_known_from_its_execve() -> None:
    walk = Walk(begun(threads=[thread(1, comm=b"init", ptid=0)]))
    seen = walk(execve(70, ptid=1))
    assert (seen["pid"], seen["ptid"], seen["vpid"], seen["comm"]) == (70, 1, 70, b"ls")
    assert seen.ancestors == [b"init"]
    assert seen.lineage is not None
    assert seen.lineage["threads"] == 1


def test_a_main_thread_that_had_ended_lives_again() -> None:
    walk = Walk(shell())
    walk(clone(50, 61, flags=THREAD), made("PROCEXIT_1_E", 50, status=0))
    seen = walk(execve(50))
    assert (seen["comm"], seen["flags"] >> 18 & 1) == (b"ls", 0)
    assert walk.engine.counts.threads == 2
    walk(made("PROCEXIT_1_E", 50, status=0), made("SYSCALL_STAT_X", 1, res=0))
    assert walk.engine.counts.threads == 1


def test_old_names_of_the_program() -> None:
    walk = Walk(shell())
    seen = walk(execve(50, b"/opt/tool", comm=None))
    assert seen["comm"] == b"/opt/tool"
    assert walk(execve(50, comm=b"x", env=None, args=b""))["args"] == b""
