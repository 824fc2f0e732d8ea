"""Damaged captures given to the commands, as a program: ``python -m tests.workbench.damage``.

    [--forked] COUNT SEED RULES CAPTURE…

Every damaged capture (see ``tests.capture.scap.spoiling``) goes through ``falcowb events``,
``replay``, ``import`` and ``info``, each a process of its own with bounds on its memory and time;
``--forked`` spares it Python's start. A command must end by itself with a message where something
is wrong, and give what comes before the damage. Prints what does not hold and a line of totals, and
ends with 1 where anything does not.
"""

from __future__ import annotations

import importlib
import os
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.capture.scap.spoiling import Spoiled, spoiled
from tests.workbench.command import FALCOWB

#: Bytes and seconds: of memory in use, of address space, of processor time.
MEMORY, SPACE, SECONDS = 1 << 30, 4 << 30, 10
#: The number comes first; in alerts, last.
FIELDS = "evt.num,evt.rawtime,evt.type,thread.tid,proc.cmdline,proc.aname[2],fd.name,evt.args"

#: What commands import when they run; that starts no threads.
_USED = (
    "capture.scap.importer", "workbench.cli.main", "workbench.cli.opening",
    "workbench.cli.progress", "workbench.cli.summary", "workbench.core.events_output",
    "workbench.core.events_query", "workbench.core.judging", "workbench.core.when",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: ``code`` below 0 for a signal; memory in bytes; seconds of processor
    time, and those that passed."""

    code: int
    out: bytes
    err: str
    memory: int
    busy: float
    elapsed: float


Start = Callable[[list[str]], None]


def by_exec(arguments: list[str]) -> None:
    os.execv(FALCOWB, [str(FALCOWB), *arguments])


def by_call(arguments: list[str]) -> None:
    from workbench.cli.main import main

    sys.argv = ["falcowb", *arguments]
    main()


def run(start: Start, folder: Path, *arguments: str) -> Ended:
    """Runs a command in a child."""
    out, err = folder / "out", folder / "err"
    began = time.monotonic()
    child = os.fork()
    if not child:
        try:
            for number, path in ((1, out), (2, err)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
            resource.setrlimit(resource.RLIMIT_AS, (SPACE, SPACE))
            resource.setrlimit(resource.RLIMIT_CPU, (2 * SECONDS, 2 * SECONDS))
            start(list(arguments))
            sys.stdout.flush()
            os._exit(0)
        except SystemExit as end:
            sys.stdout.flush()
            os._exit(end.code if isinstance(end.code, int) else 1)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.stderr.flush()
            os._exit(99)
    _, status, used = os.wait4(child, 0)
    return Ended(
        os.waitstatus_to_exitcode(status),
        out.read_bytes(),
        err.read_text(errors="replace"),
        used.ru_maxrss << 10,
        used.ru_utime + used.ru_stime,
        time.monotonic() - began,
    )


class Trial:
    """Asks the same of a sound capture and of a damaged one."""

    def __init__(self, start: Start, rules: Path, folder: Path) -> None:
        self._start = start
        self._rules = rules
        self._folder = folder
        self._config = folder / "falco.yaml"
        self._config.write_text("append_output: [{extra_output: '%evt.num'}]\n")
        self._sound: dict[tuple[str, Path], list[bytes]] = {}
        self.ran = Counter[str]()
        self.busiest = self.longest = self.largest = 0.0

    def of(self, one: Spoiled) -> list[str]:
        """What does not hold of a damaged capture, in words."""
        path = self._folder / "spoiled.scap"
        path.write_bytes(one.data)
        wrong: list[str] = []
        for name in ("events", "replay", "import", "info"):
            ended = self._run(name, path)
            problems = self._problems(ended)
            if not problems and name in ("events", "replay"):
                problems += self._lost(name, one, ended.out)
            if one.cut and name != "info" and not ended.err.strip():
                problems.append("says nothing of what is missing")
            wrong += [f"{one.name}: falcowb {name}: {problem}" for problem in problems]
        return wrong

    def _run(self, name: str, path: Path) -> Ended:
        arguments = {
            "events": ["-F", FIELDS],
            "replay": ["-r", str(self._rules), "-c", str(self._config), "--all"],
            "import": ["-o", str(self._folder / "made.fcap"), "--overwrite"],
            "info": [],
        }[name]
        ended = run(self._start, self._folder, name, str(path), *arguments)
        self.ran[f"{name} {ended.code}"] += 1
        self.busiest = max(self.busiest, ended.busy)
        self.longest = max(self.longest, ended.elapsed)
        self.largest = max(self.largest, ended.memory)
        return ended

    def _problems(self, ended: Ended) -> list[str]:
        found = []
        if ended.code not in (0, 1):
            found.append(f"ended with {ended.code}: {ended.err[-500:]}")
        if ended.code == 1 and not ended.err.strip():
            found.append("failed without a word")
        if "Traceback" in ended.err or "Error:" in ended.err:
            found.append(ended.err[-500:])
        if ended.busy > SECONDS:
            found.append(f"took {ended.busy:.1f} s of processor time")
        if ended.memory > MEMORY:
            found.append(f"took {ended.memory >> 20} MiB")
        return found

    def _lost(self, name: str, one: Spoiled, out: bytes) -> list[str]:
        """Events or alerts of before the damage that are not as they are without it."""
        key = name, one.source
        if key not in self._sound:
            ended = self._run(name, one.source)
            assert ended.code == 0, ended.err
            self._sound[key] = ended.out.splitlines()
        place = 0 if name == "events" else -1
        before = [each for each in self._sound[key] if int(each.split()[place]) <= one.intact]
        lines = out.splitlines()
        got = lines[: len(before)]
        if got == before:
            return []
        at = next((i for i, line in enumerate(got) if line != before[i]), len(got))
        had = got[at] if at < len(got) else b"nothing"
        return [f"line {at + 1} of {len(before)} before the damage: {had!r}, not {before[at]!r}"]


def main() -> int:
    forked = "--forked" in sys.argv
    count, seed, rules, *names = [each for each in sys.argv[1:] if each != "--forked"]
    start = by_call if forked else by_exec
    if forked:
        for name in _USED:
            importlib.import_module(name)
    wrong = []
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_CACHE_HOME"] = scratch
        trial = Trial(start, Path(rules), Path(scratch))
        for one in spoiled(list(map(Path, names)), int(count), int(seed)):
            found = trial.of(one)
            wrong += found
            for each in found:
                print(each, flush=True)
    ran = ", ".join(f"{times} {name}" for name, times in sorted(trial.ran.items()))
    print(
        f"{count} damaged captures (command and exit code: {ran}); at most {trial.busiest:.1f} s "
        f"of processor time, {trial.longest:.1f} s passed, {int(trial.largest) >> 20} MiB; "
        f"{len(wrong)} do not hold"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
