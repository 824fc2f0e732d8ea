"""The state at start of processes that do what is known."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.errors import CaptureError
from capture.events.state_schema import FD_TYPES, TABLES
from capture.syscalls.start_state import StartState, read_start_state

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: makes namespaces and users")

#: Reads the state in a process of its own and says what of it a test asks for.
_ASK = """
import json, sys
from capture.syscalls.start_state import read_start_state
state = read_start_state(containers=False)
rows = [row for row in state.section.threads.to_pylist() if row["pid"] == int(sys.argv[1])]
print(json.dumps({"rows": len(rows), "exe": [row["exe"].decode() for row in rows],
                  "root": [row["root"].decode() for row in rows], "notes": state.notes,
                  "threads": state.section.threads.num_rows}))
"""

_FILES = """
import json, sys
from capture.syscalls.start_state import read_start_state
rows = read_start_state(containers=False).section.fds.to_pylist()
print(json.dumps({row["fd"]: [(row["name"] or b"").decode(), row["ino"]]
                  for row in rows if row["tid"] == int(sys.argv[1])}))
"""


@contextlib.contextmanager
def waiting(*before: str | Path, folder: Path, env: dict[str, str] | None = None):
    """``open_files.py`` at rest; gives what it said."""
    process = subprocess.Popen(
        [*before, sys.executable, HERE / "open_files.py", folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=folder,
        env=env,
    )
    try:
        assert process.stdout
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def rows(state: StartState, pid: int) -> list[dict[str, Any]]:
    return [row for row in state.section.threads.to_pylist() if row["pid"] == pid]


def files(state: StartState, pid: int) -> dict[int, dict[str, Any]]:
    return {row["fd"]: row for row in state.section.fds.to_pylist() if row["tid"] == pid}


@pytest.fixture
def known(tmp_path: Path) -> Iterator[tuple[dict[str, Any], StartState, Path]]:
    with waiting(folder=tmp_path, env={"KNOWN": "yes", "EMPTY": ""}) as said:
        yield said, read_start_state(containers=False), tmp_path


def test_tables_are_those_of_the_schema(known: tuple[dict[str, Any], StartState, Path]):
    section = known[1].section
    for name, schema in TABLES.items():
        assert section.table(name).schema == schema
        section.table(name).validate(full=True)
    assert section.number == 0 and section.version == (0, 0)


def test_a_process_and_its_threads(known: tuple[dict[str, Any], StartState, Path]):
    said, state, folder = known
    main, *others = rows(state, said["pid"])
    exe = Path(sys.executable).resolve()
    assert main["tid"] == main["vtid"] == main["vpid"] == said["pid"]
    assert main["ptid"] == os.getpid()
    assert main["sid"] == os.getsid(0) and main["pgid"] == os.getpgid(0)
    assert main["exe"] == sys.executable.encode()
    assert main["exepath"] == str(exe).encode()
    assert main["args"] == b"%b\0%b\0" % (bytes(HERE / "open_files.py"), bytes(folder))
    assert main["cwd"] == bytes(folder) and main["root"] == b"/"
    assert {b"KNOWN=yes", b"EMPTY="} <= set(main["env"].split(b"\0"))
    assert (main["uid"], main["gid"], main["flags"]) == (os.geteuid(), os.getegid(), 0)
    file = exe.stat()
    assert main["exe_ino"] == file.st_ino
    assert main["exe_ino_mtime"] == file.st_mtime_ns
    assert main["exe_ino_ctime"] == file.st_ctime_ns
    assert main["exe_writable"] == (file.st_uid == os.geteuid() or os.access(exe, os.W_OK))
    assert main["vmsize_kb"] >= main["vmrss_kb"] > 0
    status = Path(f"/proc/{said['pid']}/status").read_text()
    effective = next(line for line in status.splitlines() if line.startswith("CapEff"))
    assert main["cap_effective"] == int(effective.split()[1], 16)

    assert sorted(row["tid"] for row in others) == sorted(said["tids"])
    for row in others:
        assert row["flags"] == 1 << 13 | 1
        same = ("ptid", "exe", "args", "exepath", "cwd", "cgroups", "fdlimit", "exe_ino")
        assert [row[key] for key in same] == [main[key] for key in same]
        assert row["env"] == b""


def test_files_by_kind(known: tuple[dict[str, Any], StartState, Path]):
    said, state, folder = known
    fds = files(state, said["pid"])

    def kind(name: str) -> str:
        return FD_TYPES[fds[said["fds"][name]]["type"]]

    def named(name: str) -> bytes:
        return fds[said["fds"][name]]["name"]

    path = bytes(folder)
    for name in ("read", "append", "both"):
        row = fds[said["fds"][name]]
        file = (folder / "file").stat()
        assert kind(name) == "file_v2" and row["name"] == path + b"/file"
        assert row["ino"] == file.st_ino
        assert row["dev"] == os.makedev(os.major(file.st_dev), os.minor(file.st_dev))
    flags = {name: fds[said["fds"][name]]["open_flags"] for name in ("read", "append", "both")}
    assert flags["read"] == 1 | 1 << 12
    assert flags["append"] == 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 12
    assert flags["both"] == 3 | 1 << 6 | 1 << 12
    assert kind("deleted") == "file_v2" and named("deleted") == path + b"/gone (deleted)"
    assert kind("directory") == "directory" and named("directory") == path
    assert kind("null") == "file_v2" and named("null") == b"/dev/null"
    assert kind("fifo") == "fifo" and named("fifo") == path + b"/fifo"
    assert fds[said["fds"]["fifo"]]["ino"] == (folder / "fifo").stat().st_ino
    assert kind("pipe") == kind("pipe end") == "fifo"
    assert named("pipe") == named("pipe end") == b"pipe:[%d]" % fds[said["fds"]["pipe"]]["ino"]
    assert kind("memfd") == "memfd" and named("memfd") == b"/memfd:payload (deleted)"
    for name, expected in (
        ("epoll", "eventpoll"),
        ("eventfd", "event"),
        ("inotify", "inotify"),
        ("timerfd", "timerfd"),
        ("signalfd", "signalfd"),
    ):
        assert (kind(name), named(name)) == (expected, b"")


def test_sockets_are_joined_to_the_tables(known: tuple[dict[str, Any], StartState, Path]):
    said, state, folder = known
    fds, ports = files(state, said["pid"]), said["ports"]

    def told(name: str) -> tuple[Any, ...]:
        row = fds[said["fds"][name]]
        return (
            FD_TYPES[row["type"]],
            row["source_ip"],
            row["source_port"],
            row["dest_ip"],
            row["dest_port"],
            row["l4proto"],
        )

    four, six = socket.inet_aton("127.0.0.1"), socket.inet_pton(socket.AF_INET6, "::1")
    tcp, udp = 2, 3
    assert told("tcp server") == ("ipv4_listening", four, ports["tcp"], None, None, tcp)
    client = ports["tcp client"]
    assert told("tcp client") == ("ipv4", four, client, four, ports["tcp"], tcp)
    assert told("tcp accepted") == ("ipv4", four, ports["tcp"], four, client, tcp)
    assert told("udp") == ("ipv4_listening", four, ports["udp"], None, None, udp)
    talk = ports["udp connected"]
    assert told("udp connected") == ("ipv4", four, talk, four, ports["udp"], udp)
    assert told("tcp6 server") == ("ipv6_listening", six, ports["tcp6"], None, None, tcp)
    assert told("tcp6 client") == ("ipv6", six, ports["tcp6 client"], six, ports["tcp6"], tcp)
    for name, path in (
        ("unix", bytes(folder / "a socket")),
        ("unix abstract", b"@falcowb test %d" % said["pid"]),
        ("pair", b""),
    ):
        row = fds[said["fds"][name]]
        assert (FD_TYPES[row["type"]], row["name"], row["destination"]) == ("unix", path, 0)
    assert FD_TYPES[fds[said["fds"]["netlink"]]["type"]] == "netlink"
    assert said["fds"]["unbound"] not in fds


@root_only
@pytest.mark.skipif(shutil.which("unshare") is None, reason="unshare(1) is not installed")
def test_sockets_and_pids_of_other_namespaces(tmp_path: Path):
    inside = ["unshare", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    up = ["sh", "-c", 'ip link set lo up 2>/dev/null || true; exec "$@"', "sh"]
    if subprocess.run([*inside, "true"], check=False, capture_output=True).returncode:
        pytest.skip("no new namespaces can be made here")
    if shutil.which("ip") is None:
        pytest.skip("ip(8) is not installed, so a new network has no loopback")
    with waiting(*inside, *up, folder=tmp_path) as said:
        state = read_start_state(containers=False)
        # It calls itself 1; here it is another.
        outer = [
            row
            for row in state.section.threads.to_pylist()
            if row["vpid"] == said["pid"] and bytes(HERE / "open_files.py") in row["args"]
        ]
        main = next(row for row in outer if row["tid"] == row["pid"])
        assert main["vtid"] == main["vpid"] == said["pid"] != main["tid"]
        assert sorted(row["vtid"] for row in outer if row is not main) == sorted(said["tids"])
        row = files(state, main["pid"])[said["fds"]["tcp accepted"]]
        assert row["source_port"] == said["ports"]["tcp"]
        assert row["dest_port"] == said["ports"]["tcp client"]


def test_odd_names(tmp_path: Path):
    """A name that looks like the end of itself, or like a line of the status file."""
    name = b"x) S 1\nTgid:7 "
    odd = tmp_path / os.fsdecode(name)
    shutil.copy("/bin/sleep", odd)
    process = subprocess.Popen([odd, "600"], env={})
    try:
        row = rows(read_start_state(containers=False), process.pid)[0]
        assert (row["pid"], row["ptid"]) == (process.pid, os.getpid())
        assert row["comm"] == name[:15]
        assert row["exepath"] == bytes(odd)
        assert row["exe_writable"] == 1
        assert row["env"] == b""
    finally:
        process.kill()
        process.wait()


def test_processes_that_come_and_go_meanwhile():
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            subprocess.run(["true"], check=False)

    threads = [threading.Thread(target=churn) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(20):
            state = read_start_state(containers=False)
            assert rows(state, os.getpid())
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _ask(*before: str, pid: int) -> dict[str, Any]:
    done = subprocess.run(
        [*before, sys.executable, "-c", _ASK, str(pid)],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@root_only
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv(1) is not installed")
def test_without_privileges_it_says_what_it_could_not_read():
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    reached = subprocess.run([*nobody, "test", "-r", __file__], check=False)
    if reached.returncode:
        pytest.skip("an ordinary user cannot read this checkout")
    told = _ask(*nobody, pid=os.getpid())
    assert told["rows"] >= 1 and told["exe"][0] and told["root"][0] == ""
    assert any("not permitted" in note and "executables" in note for note in told["notes"])
    assert any("tables of open files" in note for note in told["notes"])


@root_only
@pytest.mark.skipif(
    not shutil.which("setpriv") or not shutil.which("unshare"),
    reason="setpriv(1) and unshare(1) are needed",
)
def test_a_proc_that_hides_processes():
    nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups"
    mount = ["unshare", "--mount", "sh", "-c"]
    hide = "mount -t proc -o hidepid=2 proc /proc || exit 77; exec"
    tried = subprocess.run([*mount, f"{hide} {nobody} test -r {__file__}"], check=False)
    if tried.returncode:
        pytest.skip("/proc cannot be mounted anew, or an ordinary user cannot read this checkout")
    told = _ask(*mount, f'{hide} {nobody} "$@"', "sh", pid=os.getpid())
    assert told["rows"] == 0 and told["threads"] >= 1
    assert any("hidepid" in note for note in told["notes"])


def test_a_proc_that_is_none(tmp_path: Path):
    with pytest.raises(CaptureError, match="does not tell of processes") as refused:
        read_start_state(proc=str(tmp_path))
    assert "HOST_ROOT" in refused.value.hint


def test_a_proc_of_nonsense(tmp_path: Path):
    """Whatever stands there: read, left out, told of; never an exception."""
    for pid, content in ((1, b"\xff" * 5000), (2, b""), (3, b"Tgid:\t3\nUid:\tx\n")):
        folder = tmp_path / str(pid)
        (folder / "fd").mkdir(parents=True)
        (folder / "task" / "abc").mkdir(parents=True)
        for name in ("status", "stat", "cmdline", "environ", "cgroup", "loginuid", "mountinfo"):
            (folder / name).write_bytes(content)
    state = read_start_state(proc=str(tmp_path), containers=False)
    assert state.section.threads.num_rows == 0
    assert any("unknown form" in note for note in state.notes)


@root_only
@pytest.mark.skipif(not os.access("/dev/fuse", os.W_OK), reason="no file systems of programs here")
def test_a_file_system_that_never_answers(tmp_path: Path):
    """As one over a network that is away: its files are told of all the same."""
    place = tmp_path / "mounted"
    place.mkdir()
    silent = subprocess.Popen(
        [sys.executable, HERE / "silent_files.py", place],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    held = -1
    try:
        assert silent.stdin and silent.stdout
        if silent.stdout.readline() != "ready\n":
            pytest.skip("nothing can be mounted here")
        held = os.open(place / "file", os.O_RDONLY)
        silent.stdin.write("stop\n")
        silent.stdin.flush()
        assert silent.stdout.readline() == "silent\n"
        reader = subprocess.Popen(
            [sys.executable, "-c", _FILES, str(os.getpid())], cwd=ROOT, stdout=subprocess.PIPE
        )
        try:
            told = json.loads(reader.communicate(timeout=120)[0])
        except subprocess.TimeoutExpired:
            silent.kill()  # which lets the reader go
            reader.kill()
            reader.communicate()
            raise
    finally:
        silent.kill()
        silent.communicate()
        if held >= 0:
            with contextlib.suppress(OSError):  # its file system is gone
                os.close(held)
        subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    assert told[str(held)] == [str(place / "file"), 4242]
