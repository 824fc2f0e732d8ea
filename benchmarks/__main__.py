"""``python -m benchmarks [NAME…]``: run benchmarks and print their figures."""

from __future__ import annotations

import importlib
import platform
import sys
from pathlib import Path

NAMES = ("extract", "replay_audit", "read_scap", "import_scap", "walk_state", "judge_scap")
#: Long ones, run when asked for by name.
LONG = ("damaged_scap", "sql", "storm", "soak", "workbench")


def _machine() -> str:
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, Linux {platform.release()}, Python {platform.python_version()}"


def main() -> None:
    names = sys.argv[1:] or NAMES
    known = (*NAMES, *LONG)
    unknown = set(names) - set(known)
    if unknown:
        sys.exit(f"no benchmark named {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    print(f"Machine: {_machine()}")
    for name in names:
        print(f"\n== {name} ==")
        importlib.import_module(f"benchmarks.{name}").main()


main()
