"""Damaged captures end in a message, and give what comes before the damage."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.cases import ROOT, UPSTREAM

NAMES = ("cat_write", "connect_localhost", "test_ipv6_client", "intrusion")
RULES = """
- rule: Files
  desc: what touches files, programs and connections
  condition: >
    evt.type in (open, openat, openat2, connect, accept4, execve, clone, dup, dup3, procexit)
    and (proc.name contains a or fd.name contains e)
  output: "%evt.type %proc.cmdline %proc.aname[2] %fd.name %user.name %container.id %evt.args"
  priority: notice
- rule: Late
  desc: what cannot be folded
  condition: evt.rawtime.ns < 20000000 and proc.pname exists and fs.path.name != /x
  output: "%proc.pname %proc.aname[2] %fs.path.name %evt.dir %fd.type"
  priority: error
"""


def test_damaged_captures(tmp_path: Path) -> None:
    captures = sorted((UPSTREAM / "captures").rglob("*.scap"))
    chosen = [path for path in captures if path.stem in NAMES]
    if not chosen:
        pytest.skip(f"no captures at {UPSTREAM} (set FALCOWB_SHARED)")
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    command = [sys.executable, "-m", "tests.workbench.damage", "--forked", "12", "3"]
    done = subprocess.run(
        [*command, str(rules), *map(str, chosen)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "12 damaged captures" in done.stdout
