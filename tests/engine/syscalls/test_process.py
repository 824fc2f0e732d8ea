"""``proc.*``, ``thread.*``, ``user.*``, ``group.*``: who did it."""

from __future__ import annotations

import numpy as np

from engine.values import spaced
from tests.engine.syscalls.made import BASE, CAT, begun, made, segment, thread, values

CLOSE = made("SYSCALL_CLOSE_X", res=0, fd=0)


def one(field: str) -> object:
    """The field of one event of the process ``cat``."""
    return values(segment([CLOSE]), field)[0]


def test_the_process_itself() -> None:
    assert one("proc.name") == "cat"
    assert one("proc.exe") == "/bin/cat"
    assert one("proc.exepath") == "/usr/bin/cat"
    assert one("proc.args") == "-n /etc/passwd"
    assert one("proc.args[1]") == "/etc/passwd"
    assert one("proc.args[2]") == ""
    assert one("proc.cmdline") == "cat -n /etc/passwd"
    assert one("proc.exeline") == "/bin/cat -n /etc/passwd"
    assert one("proc.cmdnargs") == 2
    assert one("proc.cmdlenargs") == 13
    assert one("proc.cwd") == "/home/u/"
    assert one("proc.pid") == 100
    assert one("proc.tty") == 34816
    assert one("thread.tid") == 100
    assert one("thread.ismain") is True
    assert one("proc.is_sid_leader") is True
    assert one("proc.exe_ino") is None
    assert one("proc.nthreads") == 1
    assert one("proc.nchilds") == 0


def test_ancestors() -> None:
    assert one("proc.ppid") == 50
    assert one("proc.pname") == "bash"
    assert one("proc.pcmdline") == "bash -i"
    assert one("proc.aname[0]") == "cat"
    assert one("proc.aname[2]") == "init"
    assert one("proc.aname[3]") is None
    assert one("proc.aname") == "bash init"
    assert one("proc.aexe") == "-bash /sbin/init"
    # init was started without arguments; nothing stands for them but the blank.
    assert one("proc.aargs") == "-i "
    assert one("proc.apid[1]") == 50
    # Outputs show the process itself, conditions look at every ancestor.
    assert one("proc.apid") == 100
    column = segment([CLOSE]).column("proc.apid")
    assert column.items.values.tolist() == [50, 1]  # type: ignore[union-attr]
    assert one("proc.loginshellid") == 50


def test_environments() -> None:
    assert one("proc.env") == "HOME=/home/u"
    assert one("proc.env[HOME]") == "/home/u"
    assert one("proc.env[NONE]") == ""
    assert one("proc.aenv") == "HOME=/home/u"
    assert one("proc.aenv[2]") == "A=1 B= two "
    assert one("proc.aenv[B]") == "two"
    assert one("proc.aenv[3]") is None
    assert one("proc.aenv[NONE]") == ""


def test_words_of_a_line() -> None:
    assert spaced([b"", b"a", b"", b"b"]) == b"a  b"
    assert spaced([]) == b""


def test_files_of_the_process() -> None:
    assert one("proc.fdopencount") == 4
    assert one("proc.fdlimit") == 1024
    assert one("proc.fdusage") == 400 / 1024
    assert one("proc.stdin.type") == "file"
    assert one("proc.stdin.name") == "/dev/null"
    assert one("proc.stdout.type") == "pipe"
    assert one("proc.stderr.type") is None


def test_users_and_groups() -> None:
    assert one("user.uid") == 1000
    assert one("user.name") == "u"
    assert one("user.homedir") == "/home/u"
    assert one("user.shell") == "/bin/sh"
    assert one("user.loginuid") == 1000
    assert one("user.loginname") == "u"
    assert one("group.gid") == 1000
    assert one("group.name") == "g"


def test_users_that_are_not_known() -> None:
    def of(uid: int) -> list[object]:
        start = begun(threads=[thread(100, uid=uid, gid=uid, loginuid=0xFFFFFFFF)])
        event = segment([CLOSE], start)
        names = ("user.name", "user.homedir", "user.shell", "group.name", "user.loginuid")
        return [values(event, name)[0] for name in names]

    assert of(0) == ["root", "/root", "<NA>", "root", -1]
    assert of(77) == ["<NA>", "<NA>", "<NA>", "<NA>", -1]


def test_a_thread_that_is_not_known() -> None:
    of = segment([made("SCHEDSWITCH_6_E", tid=999, next=1), CLOSE])
    for name in ("proc.name", "proc.aname", "user.name", "group.gid", "proc.cwd", "proc.sname"):
        assert values(of, name)[0] is None, name
    assert values(of, "thread.tid")[0] == 999
    assert values(of, "container.id")[0] is None


def test_control_groups_and_capabilities() -> None:
    start = begun(
        threads=[
            thread(100, cgroups=b"cpu=/a\0memory=/b\0", cap_permitted=1 | 1 << 21),
            thread(101, cap_effective=1 << 40),
        ]
    )
    of = segment([CLOSE, made("SYSCALL_CLOSE_X", tid=101, res=0, fd=0)], start)
    assert values(of, "thread.cgroups") == ["cpu=/a memory=/b", None]
    assert values(of, "thread.cgroup.memory") == ["/b", None]
    assert values(of, "thread.cgroup.none") == [None, None]
    assert values(of, "thread.cap_permitted") == ["CAP_CHOWN CAP_SYS_ADMIN", ""]
    assert values(of, "thread.cap_effective") == ["", "CAP_CHECKPOINT_RESTORE"]


def test_a_child_is_as_old_as_its_clone() -> None:
    child = made(
        "SYSCALL_CLONE_20_X", tid=100, res=200, exe=b"cat", args=b"", tid_=0, pid=100, ptid=50,
        cwd=b"", fdlimit=0, comm=b"cat", cgroups=b"", flags=0, uid=1000, gid=1000, vtid=100,
        vpid=100,
    )  # fmt: skip
    child = made(child.key, 100, **{k: v for k, v in child.values.items() if k != "tid_"})
    of = segment([child, made("SYSCALL_CLOSE_X", tid=200, res=0, fd=0)])
    assert values(of, "evt.arg.res") == ["cat", "0"]
    assert values(of, "proc.pid") == [100, 200]
    assert values(of, "proc.pname") == ["bash", "cat"]
    assert values(of, "proc.duration") == [None, 1000]
    assert values(of, "proc.pid.ts")[1] == BASE + 1000
    # Of a parent whose start is not known: the open files of the process.
    assert values(of, "proc.ppid.duration") == [4, 4]
    assert np.array_equal(values(of, "proc.ppid.ts"), [0, 0])


def test_a_state_of_a_process_is_that_after_the_event() -> None:
    of = segment([CLOSE, made("SYSCALL_CHDIR_X", res=0, path=b"/tmp"), CLOSE], CAT)
    assert values(of, "proc.cwd") == ["/home/u/", "/tmp/", "/tmp/"]
