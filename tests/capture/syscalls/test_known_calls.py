"""A program of many kinds of calls with known arguments: strace sees of it what it says."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.capture.syscalls.known_calls import (
    COMPILER,
    FIRST,
    LAST,
    Expected,
    Said,
    Traced,
    build,
    names_of,
    parse,
    parse_strace,
)

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler is installed")
needs_strace = pytest.mark.skipif(
    shutil.which("strace") is None, reason="strace(1) is not installed"
)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("known"))


def run(program: Path, folder: Path, *before: str | Path) -> Said:
    folder.mkdir()
    done = subprocess.run([*before, program, folder], capture_output=True, timeout=300, check=False)
    said = parse(done.stdout.decode())
    assert done.returncode == 0, (said.unexpected, done.stderr.decode())
    return said


def between(calls: list[Traced]) -> list[Traced]:
    """The calls from the first marker to the last, both included."""
    marks = [
        place
        for place, one in enumerate(calls)
        if one.name == "close" and one.text.startswith((str(FIRST), str(LAST)))
    ]
    return calls[marks[0] : marks[-1] + 1]


def result_of(expected: Expected) -> int | None:
    """What the call gave, by the parameter that says so."""
    for name in ("res", "fd", "uid", "euid", "gid", "egid"):
        if name in expected.args:
            value = expected.args[name]
            return value if isinstance(value, int) else None
    return None


def test_it_makes_many_kinds_of_calls(program: Path, tmp_path: Path):
    said = run(program, tmp_path / "work")
    kinds = {name for events in said.events.values() for one in events for name in names_of(one)}
    assert len(kinds) >= 60
    assert said.unexpected == []


@needs_strace
def test_it_says_what_strace_sees(program: Path, tmp_path: Path):
    trace = tmp_path / "trace"
    tried = subprocess.run(["strace", "-o", "/dev/null", "true"], check=False, capture_output=True)
    if tried.returncode:
        pytest.skip("processes cannot be traced here")
    said = run(program, tmp_path / "work", "strace", "-f", "-o", trace, "-s", "100")
    seen = parse_strace(trace.read_text())
    own = next(iter(said.events))
    for tid, events in said.events.items():
        calls = between(seen[tid]) if tid == own else seen[tid]
        # What a process is born and dies with is no call of its own.
        done = [
            one
            for one in events
            if one.key != "PROCEXIT_1_E" and not (tid != own and _of_child(one))
        ]
        ended = [one for one in calls if one.result is not None and one.name != "exit_group"]
        ended = ended[: len(done)] if tid in said.open_ended else ended
        assert len(ended) == len(done), [one.name for one in ended]
        for expected, call in zip(done, ended, strict=True):
            assert call.name in names_of(expected), (expected, call)
            result = result_of(expected)
            if result is not None and result < 0:
                assert call.error == errno.errorcode[-result], (expected, call)
            elif result is not None:
                assert call.result == result, (expected, call)
            for name in ("name", "path", "filename", "oldpath", "newpath", "target"):
                text = expected.args.get(name)
                if isinstance(text, str) and expected.key != "SYSCALL_GETCWD_X":
                    assert os.fsdecode(text)[:100] in call.text, (expected, call)


def _of_child(expected: Expected) -> bool:
    return "CLONE" in expected.key or "FORK" in expected.key
