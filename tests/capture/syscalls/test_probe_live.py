"""The probe in this host's kernel: who is recorded, what is lost, what a short life leaves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.syscalls.default_set import default_syscalls
from capture.syscalls.options import MAX_SNAPLEN, ProbeOptions
from capture.syscalls.probe import LiveProbe
from tests.capture.syscalls.known_calls import COMPILER
from tests.capture.syscalls.records import (
    Recording,
    Seen,
    go,
    needs_probe,
    record_while,
    shell,
    waiting,
)

pytestmark = needs_probe

HERE = Path(__file__).parent
STORM = HERE.parents[2] / "benchmarks" / "storm.c"
needs_compiler = pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed")

#: A program of many events of many kinds, and a process that nobody chose beside it.
SCRIPT = """
import os, socket, sys
sys.stdin.readline()
a, b = socket.socketpair()
a.send(b"x" * 300)
b.recv(300)
sent = a.sendmsg([b"one", b"two"])
b.recv(10)
os.close(os.memfd_create("held"))
for _ in range(3):
    if os.fork() == 0:
        os.execv("/bin/true", ["true", "with", "arguments"])
    os.wait()
os.getppid()
try:
    os.execv("/no/such/program", ["no", "", "args"])
except FileNotFoundError:
    pass
"""


@pytest.fixture(scope="module")
def recording() -> tuple[Recording, int]:
    """Everything of one process and its children, and its number."""
    found: list[int] = []

    def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
        other = waiting(shell("/bin/true; /bin/true"))
        chosen = waiting([sys.executable, "-c", SCRIPT])
        found.append(chosen.pid)
        probe.add_pid(chosen.pid)
        go(other)
        go(chosen)
        return [other, chosen]

    options = ProbeOptions(None, snaplen=50, only_added=True)
    return record_while(options, act), found[0]


def test_a_process_and_its_children_alone(recording: tuple[Recording, int]):
    got, pid = recording
    family = {pid} | {event.args["res"] for event in forks(got) if event.args["res"] > 0}
    assert len(family) == 4
    assert {event.tid for event in got.events()} == family
    assert got.losses == []


def forks(got: Recording) -> list[Seen]:
    kinds = ("SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X")
    return [event for event in got.events() if event.key in kinds]


def test_numbers_without_holes_and_times_in_order(recording: tuple[Recording, int]):
    events = recording[0].events()
    assert [event.num for event in events] == list(range(1, len(events) + 1))
    times = [event.time for event in events]
    assert times == sorted(times)


def test_a_life_of_a_millisecond_is_whole(recording: tuple[Recording, int]):
    got, pid = recording
    execs = [event for event in got.of("SYSCALL_EXECVE_19_X") if event.args["res"] == 0]
    ended = {event.tid for event in got.of("PROCEXIT_1_E")}
    assert len(execs) == 3
    for event in execs:
        args = event.args
        assert (args["exe"], args["args"], args["comm"]) == (
            b"true",
            b"with\0arguments\0",
            b"true",
        )
        assert args["ptid"] == pid and args["tid"] == event.tid
        assert args["trusted_exepath"] == os.path.realpath("/bin/true").encode()
        assert args["filename"] == b"/bin/true"
        assert args["exe_ino"] == Path("/bin/true").stat().st_ino
        assert args["exe_ino_mtime"] == Path("/bin/true").stat().st_mtime_ns
        assert args["uid"] == os.geteuid() and args["cwd"] is None
        assert args["pgid"] == os.getpgrp()
        assert b"PATH=" in args["env"] and args["cgroups"].startswith(b"c")
        assert event.tid in ended


def test_an_exec_that_fails(recording: tuple[Recording, int]):
    failed = [e for e in recording[0].of("SYSCALL_EXECVE_19_X") if e.args["res"] < 0]
    assert [(e.args["res"], e.args["exe"], e.args["args"]) for e in failed] == [
        (-2, b"no", b"\0args\0")
    ]
    assert failed[0].args["filename"] == b"/no/such/program"


def test_buffers_are_kept_to_the_snaplen(recording: tuple[Recording, int]):
    got = recording[0]
    sent = [event.args for event in got.of("SOCKET_SENDTO_X") if event.args["size"] == 300]
    assert [(args["res"], args["data"]) for args in sent] == [(300, b"x" * 50)]
    received = [event.args for event in got.of("SOCKET_RECVFROM_X") if event.args["res"] == 300]
    assert [args["data"] for args in received] == [b"x" * 50]
    messages = [event.args for event in got.of("SOCKET_SENDMSG_X") if event.args["res"] == 6]
    assert [(args["data"], args["size"]) for args in messages] == [(b"onetwo", 6)]


def test_calls_without_a_type_of_their_own(recording: tuple[Recording, int]):
    numbers = {event.args["nativeID"] for event in recording[0].of("GENERIC_X")}
    assert 110 in numbers  # getppid


def test_the_default_set_leaves_high_volume_out():
    def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
        chosen = waiting(shell("/bin/cat /etc/passwd > /dev/null"))
        probe.add_pid(chosen.pid)
        go(chosen)
        return [chosen]

    got = record_while(ProbeOptions(default_syscalls(), only_added=True), act)
    keys = {event.key for event in got.events()}
    assert {"SYSCALL_OPENAT_2_X", "SYSCALL_CLOSE_X", "SYSCALL_EXECVE_19_X"} <= keys
    assert not keys & {"SYSCALL_READ_X", "GENERIC_X", "SYSCALL_MMAP_X"}
    opened = [event.args for event in got.of("SYSCALL_OPENAT_2_X")]
    found = next(args for args in opened if args["name"] == b"/etc/passwd")
    status = Path("/etc/passwd").stat()
    assert (found["ino"], found["dev"]) == (status.st_ino, status.st_dev)


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's processes need root to start")
def test_users_and_processes_left_out():
    marks = {}

    def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
        ours = waiting(shell("exec 3< /dev/null"))
        theirs = subprocess.Popen(
            shell("exec 3< /dev/null"), stdin=subprocess.PIPE, user=65534, group=65534
        )
        marks.update(ours=ours.pid, theirs=theirs.pid)
        go(ours)
        go(theirs)
        return [ours, theirs]

    options = ProbeOptions(frozenset({"openat", "clone", "vfork"}), uids=(65534,))
    tids = {event.tid for event in record_while(options, act).events()}
    assert marks["theirs"] in tids and marks["ours"] not in tids

    options = ProbeOptions(frozenset({"openat", "clone", "vfork"}), exclude_pids=(os.getpid(),))
    tids = {event.tid for event in record_while(options, act).events()}
    assert {marks["theirs"], marks["ours"]} <= tids and os.getpid() not in tids


CGROUPS = Path("/sys/fs/cgroup")


@pytest.fixture
def cgroup():
    """A control group named as a container's: its folder and the id."""
    name = "falcowbtest" + os.urandom(26).hex()[:53]
    places = [CGROUPS / "memory", CGROUPS] if (CGROUPS / "memory").is_dir() else [CGROUPS]
    for place in places:
        folder = place / f"docker-{name}.scope"
        try:
            folder.mkdir()
            (folder / "cgroup.procs").read_text()
        except OSError:
            continue
        yield folder, name
        folder.rmdir()
        return
    pytest.skip("control groups cannot be made here")


def test_a_container(cgroup: tuple[Path, str]):
    folder, name = cgroup
    pids = {}
    inside = f"echo $$ > {folder}/cgroup.procs; exec /bin/sh -c 'exec 3< /dev/null; /bin/true'"
    running = waiting(shell("/bin/true"))  # in the container before the probe starts
    (folder / "cgroup.procs").write_text(str(running.pid))

    def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
        joins, other = waiting(shell(inside)), waiting(shell("/bin/true"))
        pids.update(joins=joins.pid, other=other.pid)
        for process in (joins, other, running):
            go(process)
        return [joins, other, running]

    got = record_while(ProbeOptions(default_syscalls(), containers=(name[:12],)), act)
    tids = {event.tid for event in got.events()}
    assert {pids["joins"], running.pid} <= tids and pids["other"] not in tids
    assert all(name.encode() in event.args["cgroups"] for event in got.of("SYSCALL_EXECVE_19_X"))


@needs_compiler
def test_what_is_lost_is_counted(tmp_path: Path):
    program = tmp_path / "storm"
    subprocess.run([str(COMPILER), "-O1", "-static", "-o", program, STORM], check=True)
    made: list[int] = []

    def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
        storms = [waiting([str(program), "0.3"]) for _ in range(2)]
        for storm in storms:
            probe.add_pid(storm.pid)
        for storm in storms:
            go(storm)
        for storm in storms:
            assert storm.stdout is not None
            made.append(int(storm.stdout.read().split()[0]))
        return storms

    options = ProbeOptions(
        frozenset({"openat", "close", "getpid"}), only_added=True, buffer_bytes=1 << 16
    )
    got = record_while(options, act, slowly=True)
    assert got.lost > 0
    classes = {loss.syscall_class for loss in got.losses}
    assert {loss.where for loss in got.losses} == {"kernel"} and "file" in classes
    # Each storm ends, which is an event too, and tells its result.
    assert got.count + got.lost == 3 * sum(made) + 2


@needs_compiler
def test_calls_of_32_bit_programs(tmp_path: Path):
    program = tmp_path / "int80"
    subprocess.run(
        [str(COMPILER), "-O1", "-static", "-no-pie", "-o", program, HERE / "int80.c"], check=True
    )
    tried = subprocess.run([program], input=b"x", check=False)
    if tried.returncode:
        pytest.skip("this kernel runs no 32-bit calls")

    def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
        process = waiting([str(program)])
        probe.add_pid(process.pid)
        go(process)
        return [process]

    names = frozenset({"open", "close", "socket", "execve"})
    got = record_while(ProbeOptions(names, only_added=True), act)
    assert [event.args["name"] for event in got.of("SYSCALL_OPEN_X")] == [b"/etc/passwd"]
    assert [event.args["domain"] for event in got.of("SOCKET_SOCKET_X")] == [int(socket.AF_INET)]
    (failed,) = [event for event in got.of("SYSCALL_EXECVE_19_X") if event.args["res"] < 0]
    assert (failed.args["exe"], failed.args["args"]) == (b"zero", b"one\0")
    assert failed.args["filename"] == b"/no/such"


def test_options_that_cannot_be():
    with pytest.raises(CaptureError, match="snaplen"):
        LiveProbe(ProbeOptions(None, snaplen=MAX_SNAPLEN + 1)).start()
    with pytest.raises(CaptureError, match="no system call 'opn'"):
        LiveProbe(ProbeOptions(frozenset({"opn"}))).start()
    with pytest.raises(CaptureError, match="no id of a container"):
        LiveProbe(ProbeOptions(None, containers=("x'; }",))).start()
    with pytest.raises(CaptureError, match="at most 8"):
        LiveProbe(ProbeOptions(None, exclude_pids=tuple(range(1, 10)))).start()
    with pytest.raises(CaptureError, match="not running"):
        LiveProbe(ProbeOptions(None)).next_batch()
