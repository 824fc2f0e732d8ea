"""A command that waits until it is let go."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from capture.errors import FalcowbError
from workbench.core.child import Child


def test_it_runs_when_it_is_let_go(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    child = Child(["/bin/sh", "-c", f"echo $$ > {mark}; exit 7"])
    assert child.status is None and not mark.exists()
    child.let_go()
    assert child.wait() == 7 == child.status
    assert int(mark.read_text()) == child.pid


def test_a_signal_that_killed_it_is_told_as_a_shell_does() -> None:
    child = Child(["/bin/sh", "-c", "kill -TERM $$"])
    child.let_go()
    assert child.wait() == 143


def test_it_may_be_ended_before_it_runs() -> None:
    child = Child(["/bin/sh", "-c", "exit 7"])
    child.terminate()
    assert child.wait() == 143


def test_what_cannot_be_run_is_said(tmp_path: Path) -> None:
    file = tmp_path / "plain"
    file.write_text("no program")
    file.chmod(0o644)
    child = Child([str(file)])
    with pytest.raises(FalcowbError, match="cannot be run: Permission denied"):
        child.let_go()
    assert child.status == 127


def test_signals_are_as_the_command_expects_them(tmp_path: Path) -> None:
    """Python ignores SIGPIPE and SIGXFSZ; a command does not."""
    file = tmp_path / "status"
    child = Child(["/bin/sh", "-c", f"grep SigIgn /proc/self/status > {file}"])
    child.let_go()
    assert child.wait() == 0
    ignored = int(file.read_text().split()[1], 16)
    assert not ignored & (1 << 12 | 1 << 24)


def test_it_never_runs_when_we_are_killed(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    script = f"""
        import os, signal
        from workbench.core.child import Child
        child = Child(["/bin/sh", "-c", "touch {mark}"])
        print(child.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        cwd=Path(__file__).resolve().parents[3],
        check=False,
    )
    pid = int(run.stdout)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and Path(f"/proc/{pid}").exists():
        time.sleep(0.05)
    assert not mark.exists()
