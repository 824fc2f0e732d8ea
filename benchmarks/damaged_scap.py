"""200 damaged variants of real captures through the commands, each in a process of its own.

No speed: what is shown is that each ends within 10 s and 1 GB in a message, and gives the events of
before the damage. ``FALCOWB_DAMAGED`` sets how many, ``FALCOWB_SEED`` which.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from benchmarks import make_scap

_ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    captures = sorted((make_scap.SHARED / "upstream/captures").rglob("*.scap"))
    if not captures:
        print(f"no captures to damage at {make_scap.SHARED} (set FALCOWB_SHARED)")
        return
    count, seed = os.environ.get("FALCOWB_DAMAGED", "200"), os.environ.get("FALCOWB_SEED", "1")
    rules = _ROOT / "rules/syscall_rules.yaml"
    command = [sys.executable, "-m", "tests.workbench.damage", count, seed]
    subprocess.run([*command, str(rules), *map(str, captures)], cwd=_ROOT, check=False)
