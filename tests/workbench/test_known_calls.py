"""A program of many kinds of calls with known arguments, recorded on this host's own kernel.

Every argument, every field, and the order of events are what the program did, and what strace,
watching the same run, saw of it.
"""

from __future__ import annotations

import errno
import grp
import json
import os
import pwd
import resource
import shutil
import subprocess
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from capture.events.schema import EventBatch
from capture.reader import open_capture
from capture.syscalls.check import check_host
from tests.capture.syscalls.known_calls import (
    COMPILER,
    FIRST,
    LAST,
    Expected,
    Recorded,
    Said,
    Traced,
    build,
    differences,
    names_of,
    parse,
    parse_strace,
    recorded,
)
from tests.workbench.command import falcowb

_why_not = check_host().why_not()
pytestmark = [
    pytest.mark.skipif(_why_not is not None, reason=f"no live capture here: {_why_not}"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed"),
]

#: Calls whose events tell what became of each message, as Falco has it.
OF_EACH_MESSAGE = ("SOCKET_SENDMMSG_X", "SOCKET_RECVMMSG_X")


@dataclass(frozen=True)
class Run:
    """A recording of the program, what it said, what strace saw (nothing where it is absent)."""

    capture: Path
    program: Path
    said: Said
    seen: dict[int, list[Recorded]]
    traced: dict[int, list[Traced]]
    own: int


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("known")
    program, work, capture = build(folder), folder / "work", folder / "x.fcap"
    work.mkdir()
    trace = folder / "trace"
    before: list[str | Path] = []
    if shutil.which("strace"):
        tried = subprocess.run(["strace", "-o", trace, "true"], check=False, capture_output=True)
        before = ["strace", "-f", "-o", trace, "-s", "100"] if not tried.returncode else []
    ran = falcowb(
        *("capture", "--all-syscalls", "-o", capture, "--", *before, program, work),
        env={"FALCOWB_KNOWN": "as given"},
        timeout=180,
    )
    said = parse(ran.out)
    assert ran.code == 0, (said.unexpected, ran.err)
    seen: dict[int, list[Recorded]] = defaultdict(list)
    with open_capture(capture) as opened:
        assert all(info.drops == 0 for info in opened.manifest.sources)
        for item in opened.system_calls():
            if isinstance(item, EventBatch):
                for event in recorded(item):
                    seen[event.tid].append(event)
    traced = parse_strace(trace.read_text()) if before else {}
    return Run(capture, program, said, seen, traced, next(iter(said.events)))


def matched(run: Run, tid: int) -> list[tuple[Expected, Recorded]]:
    """What was said of a thread beside what was recorded of it: as many, of the same types."""
    expected, seen = run.said.events[tid], run.seen[tid]
    if tid == run.own:
        marks = [
            place
            for place, event in enumerate(seen)
            if event.key == "SYSCALL_CLOSE_X" and event.args["fd"] in (FIRST, LAST)
        ]
        seen = seen[marks[0] : marks[-1] + 1]
    elif tid in run.said.open_ended:
        # The start of a program makes calls that nobody counts; it ends as was said.
        begun = run.said.open_ended[tid]
        seen = [*seen[:begun], *seen[-(len(expected) - begun) :]]
    assert [event.key for event in seen] == [one.key for one in expected]
    return list(zip(expected, seen, strict=True))


def test_every_event_and_argument_is_what_was_done(run: Run):
    assert len({one.key for events in run.said.events.values() for one in events}) >= 60
    found = [
        f"event {seen.num}: {difference}"
        for tid in run.said.events
        for expected, seen in matched(run, tid)
        for difference in differences(expected, seen)
    ]
    assert not found, "\n".join(found)


def test_fields_are_what_was_done(run: Run):
    checks = [
        (seen.num, field, value)
        for tid in run.said.events
        for expected, seen in matched(run, tid)
        for field, value in expected.fields.items()
    ]
    fields = sorted({field for _, field, _ in checks})
    assert {name.split(".")[0] for name in fields} >= {"proc", "fd", "user", "group"}
    shown = falcowb(
        *("events", run.capture, "-q", "--format", "jsonl", "-F", ",".join(["evt.num", *fields]))
    )
    assert shown.code == 0, shown.err
    rows: dict[int, dict[str, Any]] = {}
    for line in shown.out.splitlines():
        row = json.loads(line)
        rows[row["evt.num"]] = row
    found = [
        f"event {num}: {field} is {rows[num][field]!r}, {value!r} was done"
        for num, field, value in checks
        if rows[num][field] != value
    ]
    assert not found, "\n".join(found)


def test_the_process_is_told_whole(run: Run):
    """Of the program itself, as its first known call finds it."""
    work, program = run.program.parent / "work", run.program
    file = program.stat()
    loginuid = Path("/proc/self/loginuid")
    login = int(loginuid.read_text()) if loginuid.exists() else 0xFFFFFFFF
    first = matched(run, run.own)[0][1].num
    expected = {
        "proc.name": program.name[:15],
        "proc.exe": str(program),
        "proc.exepath": str(program),
        "proc.args": str(work),
        "proc.cmdline": f"{program.name[:15]} {work}",
        "proc.exeline": f"{program} {work}",
        "proc.cmdnargs": 1,
        "proc.cmdlenargs": len(str(work)),
        "proc.cwd": f"{work}/",
        "proc.env[FALCOWB_KNOWN]": "as given",
        "proc.pid": run.own,
        "proc.vpid": run.own,
        "proc.sid": os.getsid(0),
        "proc.pname": "strace" if run.traced else "falcowb",
        "thread.tid": run.own,
        "thread.vtid": run.own,
        "thread.ismain": True,
        "proc.nthreads": 1,
        "proc.exe_ino": file.st_ino,
        "proc.exe_ino.ctime": file.st_ctime_ns,
        "proc.exe_ino.mtime": file.st_mtime_ns,
        "proc.is_exe_writable": True,
        "proc.is_exe_from_memfd": False,
        "proc.fdlimit": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "proc.stdout.type": "pipe",
        "user.uid": os.geteuid(),
        "user.loginuid": -1 if login == 0xFFFFFFFF else login,
        "group.gid": os.getegid(),
    }
    shown = falcowb(
        *("events", run.capture, "-q", "--format", "jsonl", "-f", f"evt.num = {first}"),
        *("-F", ",".join(expected)),
    )
    assert shown.code == 0, shown.err
    assert json.loads(shown.out) == expected


def test_users_and_groups_by_name(run: Run):
    shown = falcowb(
        *("events", run.capture, "-q", "--format", "jsonl", "-n", "1"),
        *("-f", f"evt.type = close and fd.num = {FIRST}"),
        *("-F", "user.name,user.homedir,user.shell,group.name,container.id"),
    )
    row = json.loads(shown.out)
    if row["container.id"] != "host":
        pytest.skip("the control groups here look like a container's, whose users are its own")
    user = pwd.getpwuid(os.geteuid())
    assert (row["user.name"], row["user.homedir"], row["user.shell"]) == (
        user.pw_name,
        user.pw_dir,
        user.pw_shell,
    )
    assert row["group.name"] == grp.getgrgid(os.getegid()).gr_name


def test_strace_saw_the_same_calls(run: Run):
    if not run.traced:
        pytest.skip("strace(1) is not installed, or processes cannot be traced here")
    compared = 0
    for tid, events in run.said.events.items():
        pairs = matched(run, tid)
        born = tid != run.own
        done = [
            (expected, seen)
            for expected, seen in pairs
            if expected.key != "PROCEXIT_1_E"
            and not (born and ("CLONE" in expected.key or "FORK" in expected.key))
        ]
        calls = [
            one for one in run.traced[tid] if one.result is not None and one.name != "exit_group"
        ]
        if not born:
            marks = [
                place
                for place, one in enumerate(calls)
                if one.name == "close" and one.text.startswith((str(FIRST), str(LAST)))
            ]
            calls = calls[marks[0] : marks[-1] + 1]
        assert len(events) >= len(done) and len(calls) >= len(done)
        for (expected, seen), call in zip(done, calls, strict=False):
            assert call.name in names_of(expected), (seen, call)
            result = next((seen.args[name] for name in ("res", "fd") if name in seen.args), None)
            if isinstance(result, int) and call.result is not None and call.name != "execve":
                error = -result if -4096 < result < 0 else 0
                assert (call.result == -1) == bool(error), (seen, call)
                if error:
                    assert call.error == _name(error), (seen, call)
                elif seen.key not in OF_EACH_MESSAGE:
                    assert (result - call.result) % 2**64 == 0, (seen, call)
            compared += 1
    assert compared > 150


def _name(error: int) -> str:
    return errno.errorcode[error]


#: What the kernel's structures alone say, and so is empty where they are not known.
OF_STRUCTURES = frozenset(
    {
        *("dev", "ino", "tuple", "queuepct", "queuelen", "queuemax", "source", "peer"),
        *("status", "ret", "sig", "core", "reaper_tid", "vm_size", "vm_rss", "vm_swap"),
    }
)
#: What is read of a process while it lives, and is empty where that was too short.
OF_PROCESSES = frozenset(
    {
        *("trusted_exepath", "exe_ino", "exe_ino_ctime", "exe_ino_mtime", "flags", "tty"),
        *("cap_inheritable", "cap_permitted", "cap_effective", "loginuid", "pgid", "vpgid"),
        *("ptid", "fdlimit", "pgft_maj", "pgft_min", "cgroups", "pidns_init_start_ts"),
    }
)


def test_without_the_kernels_types_calls_are_what_was_done(tmp_path: Path):
    program, work, capture = build(tmp_path), tmp_path / "work", tmp_path / "x.fcap"
    work.mkdir()
    ran = falcowb(
        *("capture", "--all-syscalls", "-o", capture, "--", program, work),
        env={"FALCOWB_KNOWN": "as given", "FALCOWB_BTF": "none"},
        timeout=180,
    )
    said = parse(ran.out)
    assert ran.code == 0, (said.unexpected, ran.err)
    seen: dict[int, list[Recorded]] = defaultdict(list)
    with open_capture(capture) as opened:
        assert any("/proc" in text for text in opened.source().remarks)
        for item in opened.system_calls():
            if isinstance(item, EventBatch):
                for event in recorded(item):
                    seen[event.tid].append(event)
    run = Run(capture, program, said, seen, {}, next(iter(said.events)))
    found = [
        difference
        for tid in said.events
        for expected, event in matched(run, tid)
        for difference in differences(_opened(expected), event)
        if not of_structures(event, difference)
    ]
    assert not found, "\n".join(found)


def of_structures(seen: Recorded, difference: str) -> bool:
    """Whether something is empty that was in the kernel's structures or a process's ``/proc``."""
    name = difference.partition(":")[0].rpartition(".")[2]
    value = seen.args[name]
    if name == "tuple":  # one end may be known
        return True
    of_process = name in OF_PROCESSES and any(
        part in seen.key for part in ("EXEC", "CLONE", "FORK")
    )
    return value in (None, 0, b"") and (
        name in OF_STRUCTURES or of_process or seen.key == "SYSCALL_CAPSET_X"
    )


def _opened(expected: Expected) -> Expected:
    """The kernel alone knows whether opening a file made it."""
    flags = expected.args.get("flags")
    if not isinstance(flags, dict) or "flags" not in flags:
        return expected
    kept = [name for name in flags["flags"] if name != "O_F_CREATED"]
    return replace(expected, args={**expected.args, "flags": {"flags": kept}})
