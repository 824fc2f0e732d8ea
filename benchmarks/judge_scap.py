"""Judges large .scap files by Falco's own 93 rules, beside ``sysdig -r FILE evt.num=0``.

Two captures: one that mostly reads, writes and polls, and one of many short processes; the second
twice as long too, for the memory. Opened first by ``falcowb replay --all``; then, in a process that
has the rules loaded, all rules are judged again of what was kept, and one rule after the other is
edited and judged alone. ``FALCOWB_BENCH_EVENTS`` sets the length (10,000,000 by default).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import make_scap
from benchmarks.took import Took, run

_NEW = make_scap.SHARED / "upstream/captures/live/ordinary.scap"
_RULES = make_scap.SHARED / "upstream/rules/falcosecurity-rules"
_FILES = ("falco_rules.yaml", "falco-incubating_rules.yaml", "falco-sandbox_rules.yaml")
#: Rules that upstream ships turned off are judged as well.
_CONFIG = "rules: [{enable: {rule: '*'}}]\n"
_EVERY_OPEN = """
- rule: Opens
  desc: every file that is opened
  condition: evt.type in (open, openat)
  output: "%evt.num %proc.name %fd.name"
  priority: debug
"""


def main() -> None:
    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "10000000"))
    if not make_scap.DEFAULT.is_file():
        print(f"no captures to repeat at {make_scap.SHARED} (set FALCOWB_SHARED)")
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, source, times in (
            ("few processes", make_scap.DEFAULT, 1),
            ("many processes", _NEW, 1),
            ("many processes, twice as long", _NEW, 2),
        ):
            path = Path(folder) / "made.scap"
            events = make_scap.make(count * times, path, source)
            print(f"{name}: {events:,} events, {path.stat().st_size / 1e6:,.0f} MB")
            _one(path, Path(folder))
            path.unlink()


def _one(path: Path, folder: Path) -> None:
    cache, config, rules = folder / "cache", folder / "falco.yaml", folder / "opens.yaml"
    config.write_text(_CONFIG, encoding="utf-8")
    rules.write_text(_EVERY_OPEN, encoding="utf-8")
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache), "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    falcowb = str(Path(sys.executable).with_name("falcowb"))
    files = [word for name in _FILES for word in ("-r", str(_RULES / name))]
    sysdig = shutil.which("sysdig")
    peer = run([sysdig, "-r", str(path), "evt.num=0"], environment) if sysdig else None
    replay = [falcowb, "replay", str(path), "-c", str(config), *files, "--all"]
    first = run(replay, environment)
    if sysdig and peer:  # on either side: a machine is not equally busy all the time
        again = run([sysdig, "-r", str(path), "evt.num=0"], environment)
        peer = Took((peer.clock + again.clock) / 2, (peer.cpu + again.cpu) / 2, 0)
        print(f"  sysdig, which only parses: {peer.clock:.2f} s by the clock, {peer.cpu:.2f} s CPU")
    _say("first open", first, peer)
    worker = [sys.executable, "-m", "benchmarks.judge_scap", str(path), str(config)]
    output = subprocess.run(worker, env=environment, check=True, capture_output=True, text=True)
    said = json.loads(output.stdout)
    _say("all rules again", Took(said["again"], said["again_cpu"], said["memory"]), peer)
    _say("one edited rule", Took(said["edited"], said["edited_cpu"], said["memory"]), peer)
    seconds = _first_line([falcowb, "replay", str(path), "-r", str(rules)], environment)
    print(f"  first alert of a replay: after {seconds:.2f} s, start-up and rules included")
    shutil.rmtree(cache, ignore_errors=True)


def _say(what: str, took: Took, peer: Took | None) -> None:
    line = f"  {what}: {took.clock:.3f} s by the clock, {took.cpu:.3f} s CPU"
    line += f", peak memory {took.memory:,.0f} MB"
    if peer:
        line += f"; {took.clock / peer.clock:.3f} x sysdig's time, {took.cpu / peer.cpu:.3f} x CPU"
    print(line)


def _first_line(command: list[str], environment: dict[str, str]) -> float:
    """Seconds until a command says something."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        seconds = time.perf_counter() - started
        running.send_signal(signal.SIGKILL)
    return seconds


def _judge_again(path: str, config: str) -> None:
    """In a process of its own: the figures as JSON."""
    import resource
    import statistics

    from engine.language import ast
    from engine.language.parser import parse
    from workbench.core import kept
    from workbench.core.session import Session

    with Session.open(Path(config)) as session:
        ruleset = session.load_rules([_RULES / name for name in _FILES]).ruleset
        clock, cpu = time.perf_counter(), time.process_time()
        opened = kept.find(path, session.plugins.surroundings.catalogue)
        hits = None if opened is None else kept.hits(opened, ruleset)
        said = {"again": time.perf_counter() - clock, "again_cpu": time.process_time() - cpu}
        if opened is None or hits is None or len(hits) != 93:
            sys.exit("the first open kept nothing")
        edit = parse("not proc.name in (falcowb, bench) and not fd.name startswith /var/bench")
        clocks, cpus = [], []
        for rule in ruleset.enabled("syscall"):
            clock, cpu = time.perf_counter(), time.process_time()
            opened.rejudge(rule.name, ast.And((rule.condition, edit)))
            clocks.append(time.perf_counter() - clock)
            cpus.append(time.process_time() - cpu)
    said["edited"], said["edited_cpu"] = statistics.mean(clocks), statistics.mean(cpus)
    said["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(said))


if __name__ == "__main__":
    _judge_again(*sys.argv[1:])
