"""The state at start beside that which the installed libscap reads of the same processes."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from capture.events.section import Section
from capture.scap.reader import ScapReader
from capture.syscalls.start_state import read_start_state
from tests.capture.syscalls import libscap_scan

pytestmark = pytest.mark.skipif(
    libscap_scan.library() is None, reason="no libscap of Debian to compare with"
)

#: Of a thread, what does not change while nobody runs, and means the same since. (Of vpgid newer
#: ones say 0 outside of nested pid namespaces.)
_FIELDS = [
    *("pid", "ptid", "sid", "comm", "exe", "exepath", "args", "cwd", "fdlimit", "flags"),
    *("uid", "gid", "env", "vtid", "vpid", "root", "loginuid"),
]


@pytest.fixture
def sleepers(tmp_path: Path):
    """Some processes at rest, of several users, folders, arguments and sizes."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    big = {f"V{i}": "x" * 90 for i in range(80)}
    commands = [
        (["sleep", "600"], {"A": "1", "B": ""}),
        (["sleep", "599", *["1"] * 3000], {}),
        (["sleep", "600"], big),
        (
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "sleep", "600"],
            {"C": "2"},
        ),
        (["bash", "-c", 'exec -a "odd name) (x" sleep 600'], {"PATH": "/usr/bin:/bin"}),
        (["sh", "-c", "ulimit -n 77; exec sleep 600"], {"PATH": "/usr/bin:/bin"}),
    ]
    running = [subprocess.Popen(words, cwd=folder, env=env) for words, env in commands]
    try:
        for process in running:
            _wait_until_asleep(process.pid)
        yield [process.pid for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()


def _wait_until_asleep(pid: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if Path(f"/proc/{pid}/comm").read_text() == "sleep\n":
            return
        time.sleep(0.01)
    raise AssertionError("the process did not begin")


def _first_section(path: Path) -> Section:
    with ScapReader(path) as reader:
        section = next(iter(reader))
    assert isinstance(section, Section)
    return section


def _compared(row: dict[str, Any]) -> dict[str, Any]:
    """Where texts are cut, that old one ends them otherwise."""
    return {key: row[key][:4000] if isinstance(row[key], bytes) else row[key] for key in _FIELDS}


def test_processes_users_and_interfaces_are_those_of_libscap(tmp_path: Path, sleepers: list[int]):
    to = tmp_path / "host.scap"
    subprocess.run([sys.executable, libscap_scan.__file__, to], check=True, timeout=120)
    theirs = _first_section(to)
    ours = read_start_state(containers=False).section

    told = {row["tid"]: row for row in theirs.threads.to_pylist()}
    own = {row["tid"]: row for row in ours.threads.to_pylist()}
    for pid in sleepers:
        if told[pid]["fdlimit"] == -1:  # prlimit was refused, which ours gets round
            told[pid]["fdlimit"] = own[pid]["fdlimit"]
        assert _compared(own[pid]) == _compared(told[pid])
        # That old one adds groups of version 2 that it has not understood.
        assert told[pid]["cgroups"].startswith(own[pid]["cgroups"])
    assert ours.users == theirs.users
    assert ours.groups == theirs.groups
    assert ours.interfaces == theirs.interfaces
    machine, other = ours.machine.to_pylist()[0], theirs.machine.to_pylist()[0]
    for key in ("num_cpus", "memory_size_bytes", "hostname"):
        assert machine[key] == other[key]
