"""The probe where nothing is known of the kernel's structures: details come from ``/proc``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.syscalls import _native
from capture.syscalls.btf import SWITCH, has_types
from capture.syscalls.calls import calls
from capture.syscalls.check import check_host
from capture.syscalls.default_set import default_syscalls
from capture.syscalls.loader import _text
from capture.syscalls.options import ProbeOptions
from capture.syscalls.probe import LiveProbe
from capture.syscalls.proc_details import ProcDetails
from tests.capture.syscalls.records import (
    Recording,
    go,
    needs_probe,
    record_while,
    shell,
    waiting,
)

ffi, lib = _native.ffi, _native.lib

#: Short lives, and one that waits to be looked at.
SCRIPT = """
import os, socket, sys
sys.stdin.readline()
for _ in range(3):
    if os.fork() == 0:
        os.execve("/bin/true", ["true", "with", "arguments"], {"KEY": "given"})
    os.wait()
if os.fork() == 0:
    os.execve("/bin/sleep", ["sleep", "1"], {})
os.wait()
try:
    os.execv("/no/such/program", ["no", "", "args"])
except FileNotFoundError:
    pass
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
with open("/etc/hostname", "rb"):
    pass
os._exit(3)
"""


@pytest.fixture(scope="module")
def recording() -> Iterator[tuple[Recording, int, int, LiveProbe]]:
    found: list[tuple[int, LiveProbe]] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        threading.Thread(target=server.accept, daemon=True).start()

        def act(probe: LiveProbe) -> list[subprocess.Popen[bytes]]:
            other = waiting(shell("/bin/true; /bin/true"))
            chosen = waiting([sys.executable, "-c", SCRIPT, str(port)])
            probe.add_pid(chosen.pid)
            found.append((chosen.pid, probe))
            go(other)
            go(chosen)
            return [other, chosen]

        options = ProbeOptions(default_syscalls(), only_added=True, kernel_types=False)
        got = record_while(options, act)
    yield got, found[0][0], port, found[0][1]


@needs_probe
def test_a_process_and_its_children_alone(recording: tuple[Recording, int, int, LiveProbe]):
    got, pid, _, _ = recording
    kinds = ("SYSCALL_CLONE_20_X", "SYSCALL_CLONE3_X", "SYSCALL_FORK_20_X", "SYSCALL_VFORK_20_X")
    forks = [event for event in got.events() if event.key in kinds]
    family = {pid} | {event.args["res"] for event in forks if event.args["res"] > 0}
    assert len(family) == 5
    assert {event.tid for event in got.events()} == family
    assert got.losses == []
    # Whose they are is known of all, read or remembered.
    assert {event.args["ptid"] for event in forks if event.tid != pid} == {pid}


@needs_probe
def test_what_a_program_is_given_is_whole_however_short_it_lives(
    recording: tuple[Recording, int, int, LiveProbe],
):
    got = recording[0]
    begun = [event for event in got.of("SYSCALL_EXECVE_19_X") if event.args["res"] == 0]
    assert [event.args["comm"] for event in begun] == [b"true"] * 3 + [b"sleep"]
    for event in begun[:3]:
        args = event.args
        assert (args["exe"], args["args"]) == (b"true", b"with\0arguments\0")
        assert (args["filename"], args["env"]) == (b"/bin/true", b"KEY=given\0")
        assert (args["tid"], args["pid"], args["uid"]) == (event.tid, event.tid, os.getuid())
        # Of the file all is known or nothing, never that of another program.
        true = os.path.realpath("/bin/true").encode()
        assert (args["trusted_exepath"], args["exe_ino"]) in (
            (true, Path("/bin/true").stat().st_ino),
            (b"", 0),
        )
    last = begun[3].args
    assert (last["exe"], last["args"], last["env"]) == (b"sleep", b"1\0", None)
    assert last["filename"] == b"/bin/sleep"


@needs_probe
def test_details_of_a_process_that_lives(recording: tuple[Recording, int, int, LiveProbe]):
    got, pid, _, _ = recording
    args = got.of("SYSCALL_EXECVE_19_X")[3].args
    sleep = Path("/bin/sleep").stat()
    assert args["trusted_exepath"] == os.path.realpath("/bin/sleep").encode()
    assert (args["exe_ino"], args["exe_ino_mtime"]) == (sleep.st_ino, sleep.st_mtime_ns)
    assert args["exe_ino_ctime"] == sleep.st_ctime_ns
    assert (args["ptid"], args["pgid"]) == (pid, os.getpgrp())
    assert args["cgroups"].startswith(b"c") and args["vm_size"] > 0
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    assert args["cap_effective"] == int(status["CapEff"], 16)
    assert args["loginuid"] == int(Path("/proc/self/loginuid").read_text())


@needs_probe
def test_an_exec_that_fails(recording: tuple[Recording, int, int, LiveProbe]):
    failed = [e for e in recording[0].of("SYSCALL_EXECVE_19_X") if e.args["res"] < 0]
    assert [(e.args["res"], e.args["exe"], e.args["args"]) for e in failed] == [
        (-2, b"no", b"\0args\0")
    ]


@needs_probe
def test_what_nobody_saw_is_empty(recording: tuple[Recording, int, int, LiveProbe]):
    got, pid, port, _ = recording
    opened = [e.args for e in got.of("SYSCALL_OPENAT_2_X") if e.args["name"] == b"/etc/hostname"]
    assert [(args["dev"], args["ino"]) for args in opened] == [(None, None)]
    ended = [event.args for event in got.of("PROCEXIT_1_E") if event.tid == pid]
    assert [(args["status"], args["ret"], args["sig"]) for args in ended] == [(None,) * 3]
    # The end of a connection that a program names is known, its own is not.
    (connected,) = [e.args["tuple"] for e in got.of("SOCKET_CONNECT_X") if e.tid == pid]
    local, remote = bytes(6), socket.inet_aton("127.0.0.1") + port.to_bytes(2, "little")
    assert connected == bytes([socket.AF_INET]) + local + remote


@needs_probe
def test_it_says_so(recording: tuple[Recording, int, int, LiveProbe]):
    probe = recording[3]
    assert probe.details is not None
    assert 0 <= probe.details.missed < probe.details.asked
    assert "read from /proc" in probe.remarks()[0]
    assert f"of {probe.details.asked} records" in probe.last_remarks()[0]


def test_the_text_has_no_offsets():
    text = _text(ProbeOptions(None, only_added=True), None, 2, 2)
    assert "#define OFF_" not in text and "#define PLAIN (1)" in text


def test_containers_cannot_be_chosen():
    with pytest.raises(CaptureError) as refused:
        _text(ProbeOptions(None, containers=("abcdef123456",)), None, 2, 2)
    assert "--pid" in refused.value.hint


def test_the_switch(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv(SWITCH, "none")
    assert not has_types()
    row = next(row for row in check_host().rows if row.name == "BTF")
    assert not row.ok and not row.needed and row.meaning.startswith("not needed, but ")


def asked(call: int, pid: int, given: bytes = b"", result: int = 0):
    """``probe_details`` as the native side hands them over."""
    details = ffi.new("struct probe_details *")
    details.call, details.result = call, result
    details.task.tid = details.task.pid = pid
    held = ffi.new("uint8_t[]", given or b"\0")
    details.given, details.given_size = held, len(given)
    return details, held


def test_a_living_process():
    reader = ProcDetails()
    given = Path("/proc/self/cmdline").read_bytes()[:4096]
    details, _ = asked(lib.CALL_EXEC, os.getpid(), given)
    reader.fill(details)
    file = Path("/proc/self/exe").stat()
    assert (details.exe.ino, details.exe.mode) == (file.st_ino, file.st_mode)
    assert details.exe.groups == len(os.getgroups())
    assert details.task.ptid == os.getppid() and details.task.pgid == os.getpgrp()
    assert details.known == lib.KNOWN_READ
    assert (reader.asked, reader.missed) == (1, 0)


def test_another_program_by_now():
    reader = ProcDetails()
    details, _ = asked(lib.CALL_EXEC, os.getpid(), b"something\0else\0")
    reader.fill(details)
    assert details.exe_size == 0 and details.task.ptid == os.getppid()
    assert bytes(details.path[0 : details.path_size]) == b"\1\0"
    assert (reader.asked, reader.missed) == (1, 1)


def test_a_process_that_has_ended():
    """It has what it shares with the one that made it, where that is known."""
    clone = next(number for number, call in calls().items() if call.name == "clone")
    child = subprocess.Popen(["true"])
    child.wait()
    reader = ProcDetails()
    details, _ = asked(clone, child.pid)
    reader.fill(details)
    assert details.known == lib.KNOWN_SEEN and details.cgroups_size == 0
    parents, _ = asked(clone, os.getpid(), result=child.pid)
    reader.fill(parents)
    details, _ = asked(clone, child.pid)
    reader.fill(details)
    assert details.known == lib.KNOWN_RECALLED
    assert (details.task.ptid, details.task.pgid) == (os.getpid(), os.getpgrp())
    assert bytes(details.args[0 : details.args_size]) == bytes(parents.args[0 : parents.args_size])
    assert (reader.asked, reader.missed) == (3, 2)
