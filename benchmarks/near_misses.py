"""How long near misses take on an opened capture of system calls.

    python -m benchmarks.near_misses CAPTURE RULES

The capture is judged first, as ``falcowb replay`` does, and how its events were folded is kept in a
scratch folder. Then the near misses of every rule are counted from that, and each is told.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from engine.explain.conjuncts import conjuncts
from engine.explain.near import NearCounter
from engine.explain.near_kept import count_kept
from engine.explain.outline import Outliner
from engine.fields.catalogue import SYSCALL
from engine.folding.judge import FoldingJudge
from engine.folding.keep import Keeper
from engine.folding.opened import OpenedCapture
from workbench.authoring.walk import Walk
from workbench.core.events import open_capture_events
from workbench.core.session import Session


def main() -> None:
    path, rules_file = sys.argv[1:]
    with Session.open() as session, tempfile.TemporaryDirectory() as scratch:
        ruleset = session.load_rules([rules_file]).ruleset
        catalogue = session.plugins.surroundings.catalogue
        rules = ruleset.enabled(SYSCALL)
        keeper = Keeper(Path(scratch) / "kept")
        folding = FoldingJudge(
            catalogue, SYSCALL, [(rule.name, rule.condition) for rule in rules], keeper
        )
        walk = Walk(lambda: open_capture_events(session, path, None, None), session, path)
        started = time.perf_counter()
        for _, segment in walk.segments(SYSCALL):
            folding.judge(segment)  # type: ignore[arg-type]  # segments of this source are such
        folding.end()
        keeper.close({})
        opened = OpenedCapture(keeper.folder, catalogue, SYSCALL)
        rows = sum(len(part.rows) for part in opened.parts)
        print(
            f"opened: {opened.events:,} events, {rows:,} distinct rows,"
            f" {time.perf_counter() - started:.1f} s"
        )
        outliner = Outliner(ruleset.definitions)
        worst = 0.0
        for rule in rules:
            started = time.perf_counter()
            counter = NearCounter(conjuncts(outliner.rule(rule)), catalogue, SYSCALL)
            count_kept(counter, opened)
            found = counter.result()
            took = time.perf_counter() - started
            worst = max(worst, took)
            print(
                f"{took * 1000:8.1f} ms  {found.matched:>9,} match, {found.count:>9,} near"
                f"  {rule.name}"
            )
        print(f"slowest: {worst:.3f} s")


if __name__ == "__main__":
    main()
