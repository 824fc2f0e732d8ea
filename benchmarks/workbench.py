"""The workbench's engine process on a large capture, asked as the screen asks.

    python -m benchmarks.workbench [CAPTURE]

Without CAPTURE a public one is repeated to ``FALCOWB_BENCH_EVENTS`` events (10,000,000). Told are,
the first time the capture is opened and again when it was opened before: seconds from starting the
process to the first page of events; of pages from all over the capture while it is judged by
Falco's rules, the median, the 95th percentile and the longest; seconds until all is judged; then
seconds from an edited rule to the new counts, and of some filters.
"""

from __future__ import annotations

import os
import queue
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import make_scap
from workbench.backend.client import EngineClient
from workbench.backend.messages import Question
from workbench.backend.questions.events import Look, Page, View
from workbench.backend.questions.opening import Open, Opened
from workbench.backend.questions.rules import LoadRules

_RULES = make_scap.SHARED / "upstream/rules/falcosecurity-rules"
_FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
_FIELDS = ("evt.num", "evt.time", "proc.name", "proc.pid", "evt.type", "evt.args")
_EDITS = (
    ("    open_read\n", "    open_read and proc.name != cat\n"),
    ("    open_read\n", "    open_read and not proc.pname in (a, b)\n"),
    ("    spawned_process\n", "    spawned_process and user.name != root\n"),
)
_FILTERS = (
    "evt.type in (open, openat) and fd.name startswith /etc",
    "evt.type = execve",
    "proc.name = dockerd",
    "fd.name contains passwd",
)
_PATIENCE = 600.0
Parts = list[tuple[Any, bool]]


class _Asked:
    """An engine process of its own."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self.began = time.perf_counter()
        self.client = EngineClient(deliver=self._waiting.put)
        self.client.start()

    def start(self, question: Question) -> Parts:
        got: Parts = []
        self.client.ask(
            question,
            lambda answer, last: got.append((answer, last)),
            lambda trouble: got.append((trouble, True)),
        )
        return got

    def wait(self, until: Callable[[], object]) -> None:
        end = time.perf_counter() + _PATIENCE
        while not until() and time.perf_counter() < end:
            try:
                self._waiting.get(timeout=0.01)()
            except queue.Empty:
                continue

    def took(self, question: Question) -> tuple[float, Any]:
        """Seconds to the last answer, and that."""
        begin = time.perf_counter()
        got = self.start(question)
        self.wait(lambda: got and got[-1][1])
        return time.perf_counter() - begin, got[-1][0]


def main(arguments: Sequence[str] = ()) -> None:
    if not make_scap.DEFAULT.is_file():
        print(f"no captures to repeat at {make_scap.SHARED} (set FALCOWB_SHARED)")
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = str(Path(folder) / "cache")
        config = Path(folder) / "falco.yaml"
        config.write_text("rules: [{enable: {rule: '*'}}]\n", encoding="utf-8")
        path = Path(arguments[0]) if arguments else _made(Path(folder))
        for label in ("opened the first time", "opened before"):
            print(label)
            _one(path, config)


def _made(folder: Path) -> Path:
    from capture.scap.importer import import_scap

    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "10000000"))
    # Of this capture two events of three are left when enter events are joined with their exits.
    scap, path = folder / "made.scap", folder / "made.fcap"
    make_scap.make(count * 3 // 2, scap)
    import_scap(scap, path)
    scap.unlink()
    return path


def _one(path: Path, config: Path) -> None:
    asked = _Asked()
    opening = asked.start(Open(str(path), str(config)))
    asked.wait(lambda: any(isinstance(answer, Opened) for answer, _ in opening))
    looked = asked.start(Look(View()))
    asked.wait(lambda: looked and looked[-1][0].rows)
    asked.took(Page(0, 100, _FIELDS))
    print(f"  first page of events after {time.perf_counter() - asked.began:.2f} s")
    files = tuple(str(_RULES / name) for name in _FILES)
    begin = time.perf_counter()
    judging = asked.start(LoadRules(files))
    pages = []
    while not (judging and judging[-1][1]):
        first = (len(pages) * 7919) % max(looked[-1][0].rows - 200, 1)
        pages.append(asked.took(Page(first, 120, _FIELDS))[0])
        time.sleep(0.05)
        asked.wait(lambda: True)
    pages.sort()
    print(
        f"  judged after {time.perf_counter() - begin:.1f} s; {len(pages)} pages meanwhile: median "
        f"{pages[len(pages) // 2]:.3f} s, 95% under {pages[int(len(pages) * 0.95)]:.3f} s, "
        f"longest {pages[-1]:.3f} s"
    )
    asked.wait(lambda: opening[-1][1])
    text = Path(files[0]).read_text(encoding="utf-8")
    for before, after in _EDITS:
        edited = text.replace(before, after, 1)
        seconds, judged = asked.took(LoadRules(files, ((files[0], edited),)))
        print(f"  edited rule to new counts: {seconds:.3f} s ({len(judged.matches)} rules)")
    for condition in _FILTERS:
        seconds, found = asked.took(Look(View(condition)))
        print(f"  filter {condition}: {seconds:.3f} s, {found.rows:,} events")
    status = Path(f"/proc/{asked.client.pid}/status").read_text(encoding="utf-8")
    peak = next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    print(f"  engine process: {int(peak) // 1024:,} MB at most")
    asked.client.close()


if __name__ == "__main__":
    main(sys.argv[1:])
