"""Replays a long audit log with Falco's own Kubernetes rules and measures the whole command.

The peer of the same run is a plain Python loop that parses each line with ``json.loads`` and does
nothing else. ``FALCOWB_BENCH_EVENTS`` sets the length (1,000,000 by default).
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import make_audit
from benchmarks.took import run

_RULES = make_audit.SHARED / "upstream/rules/plugins/k8saudit/rules/k8s_audit_rules.yaml"
_PEER_SHARE = 20  # the peer reads one event in so many; its speed does not depend on the length


def main() -> None:
    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "1000000"))
    rules = _RULES if _RULES.is_file() else make_audit.ROOT / "rules/k8s_audit_rules.yaml"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.jsonl"
        size = make_audit.make(log, count)
        origin = make_audit.real_events()[1]
        print(f"{count:,} events, {size / 1e6:,.0f} MB, repeated from {origin}; {rules.name}")
        peer = _peer(log, count // _PEER_SHARE) * _PEER_SHARE
        print(f"peer, json.loads of each line: {size / 1e6 / peer:,.0f} MB/s")
        falcowb = str(Path(sys.executable).with_name("falcowb"))
        replay = [falcowb, "replay", "--plugin", "k8s_audit", "-r", str(rules)]
        _measure("replay of the log", [*replay, str(log)], size, peer)
        capture = Path(folder) / "audit.fcap"
        record = [falcowb, "capture", "--plugin", "k8s_audit", "--open", str(log)]
        _measure("capture of the log", [*record, "-o", str(capture)], size, peer)
        _measure("replay of the capture", [*replay, str(capture)], size, peer)


def _peer(log: Path, count: int) -> float:
    """CPU seconds of parsing ``count`` lines."""
    started = time.process_time()
    with log.open("rb") as lines:
        for _, line in zip(range(count), lines, strict=False):
            json.loads(line)
    return time.process_time() - started


def _measure(name: str, command: list[str], size: int, peer: float) -> None:
    # As installed: Python keeps its compiled modules.
    environment = {key: os.environ[key] for key in os.environ if key != "PYTHONDONTWRITEBYTECODE"}
    took = run(command, environment)
    print(
        f"{name}: {size / 1e6 / took.cpu:,.0f} MB a second of CPU time "
        f"({size / 1e6 / took.clock:,.0f} MB/s by the clock), {peer / took.cpu:.1f} x the peer, "
        f"peak memory {took.memory:,.0f} MB"
    )
