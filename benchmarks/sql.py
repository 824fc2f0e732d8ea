"""Five questions over 10 million events: ``falcowb``'s SQL beside plain DuckDB on Parquet.

The same columns are written to Parquet files, and the same questions asked of both, in turns. Then:
how long a first answer takes from the start of ``falcowb sql``, with the capture opened before.
``FALCOWB_BENCH_EVENTS`` sets the length (10,000,000 by default), ``FALCOWB_BENCH_CAPTURE`` the
capture that is repeated.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import make_scap

_CAPTURE = make_scap.SHARED / "upstream/captures/live/ordinary.scap"
_RULES = """
- rule: Opens
  desc: files that are opened for writing
  condition: evt.type in (open, openat, creat) and evt.is_open_write = true
  output: "%evt.num %proc.name %fd.name"
  priority: notice
- rule: Executions
  desc: programs that begin
  condition: evt.type in (execve, execveat) and proc.name != bash
  output: "%evt.num %proc.name %proc.cmdline"
  priority: warning
"""
QUERIES = {
    "count by process name": """
        SELECT "proc.name", count(*) AS events FROM events GROUP BY 1 ORDER BY 2 DESC""",
    "filter on two strings and a number": """
        SELECT num, "fd.name" FROM events
        WHERE "evt.type" = 'openat' AND "fd.name" LIKE '/etc/%' AND "evt.rawres" >= 0""",
    "join events to their process": """
        SELECT p.exepath, p.parent, count(*) AS events
        FROM events e ASOF JOIN processes p
          ON p.pid = e."proc.pid" AND e.num >= coalesce(p.start_num, 0)
        GROUP BY ALL ORDER BY events DESC LIMIT 20""",
    "top connections": """
        SELECT "fd.name", "proc.name", count(*) AS events FROM events
        WHERE "fd.type" IN ('ipv4', 'ipv6') GROUP BY ALL ORDER BY events DESC LIMIT 10""",
    "alerts by minute": """
        SELECT date_trunc('minute', time) AS minute, rule, count(*) AS alerts
        FROM alerts GROUP BY ALL ORDER BY minute""",
}
_TABLES = {
    "events": 'num, time, "proc.name", "proc.pid", "evt.type", "evt.rawres", "fd.type", "fd.name"',
    "processes": "*",
    "alerts": "num, time, rule, priority, source",
}
_TURNS = 7


def main() -> None:
    count = int(os.environ.get("FALCOWB_BENCH_EVENTS", "10000000"))
    source = Path(os.environ.get("FALCOWB_BENCH_CAPTURE", str(_CAPTURE)))
    if not source.is_file():
        print(f"no capture to repeat at {source} (set FALCOWB_SHARED)")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made.scap"
        rules = Path(folder) / "rules.yaml"
        rules.write_text(_RULES, encoding="utf-8")
        events = make_scap.make(count, path, source)
        print(f"{events:,} events")
        environment = {**os.environ, "XDG_CACHE_HOME": str(Path(folder) / "cache")}
        run = [sys.executable, "-m", "benchmarks.sql"]
        started = time.perf_counter()
        subprocess.run([*run, "prepare", path, rules, folder], env=environment, check=True)
        took = time.perf_counter() - started
        print(f"import, first queries (which make columns), Parquet: {took:.1f} s")
        _paired(run, path, rules, Path(folder), environment)
        _first_answer(path, environment)


def _paired(
    run: list[str], path: Path, rules: Path, folder: Path, environment: dict[str, str]
) -> None:
    """In turns in one process: a machine is not equally busy all the time."""
    command = [*run, "pair", str(path), str(rules), str(folder)]
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    said = json.loads(output.stdout)
    for name in QUERIES:
        (clock, cpu), (peer_clock, peer_cpu) = said["ours"][name], said["plain"][name]
        print(
            f"  {name}: {clock:.3f} s ({cpu:.3f} s CPU), plain DuckDB on Parquet "
            f"{peer_clock:.3f} s ({peer_cpu:.3f} s CPU): {clock / peer_clock:.2f} x, "
            f"CPU {cpu / peer_cpu:.2f} x"
        )
    print(f"  peak memory of a process that asks both: {said['memory']:,.0f} MB")


def _first_answer(path: Path, environment: dict[str, str]) -> None:
    falcowb = str(Path(sys.executable).with_name("falcowb"))
    query = 'SELECT "proc.name", count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 5'
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run(
            [falcowb, "sql", str(path), query], env=environment, check=True, capture_output=True
        )
        times.append(time.perf_counter() - started)
    print(f"  start to first answer, capture opened before: {statistics.median(times):.2f} s")


def _session(path: str, rules: str):  # type: ignore[no-untyped-def] # heavy imports stay inside
    from workbench.core.session import Session
    from workbench.sql.limits import Limits
    from workbench.sql.rules import Rules
    from workbench.sql.session import SqlSession

    session = Session.open()
    loaded = session.load_rules([rules]).ruleset
    matching = session.matching(False)
    return SqlSession.open([path], session, Rules(loaded, matching), Limits(seconds=None))


def _prepare(path: str, rules: str, folder: str) -> None:
    from workbench.sql.output import save

    with _session(path, rules) as sql:
        for query in QUERIES.values():
            started = time.perf_counter()
            sql.run(query).table()
            print(f"  first time: {time.perf_counter() - started:.1f} s", flush=True)
        for table, columns in _TABLES.items():
            save(sql.run(f"SELECT {columns} FROM {table}"), Path(folder) / f"{table}.parquet")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of import and first queries: {memory:,.0f} MB", flush=True)


def _pair(path: str, rules: str, folder: str) -> None:
    import duckdb

    plain = duckdb.connect(":memory:", config={"memory_limit": "900MiB"})
    for table in _TABLES:
        plain.execute(f"CREATE VIEW {table} AS FROM read_parquet('{folder}/{table}.parquet')")
    said: dict[str, object] = {}
    with _session(path, rules) as sql:
        ours: dict[str, tuple[float, float]] = {}
        peers: dict[str, tuple[float, float]] = {}
        for name, query in QUERIES.items():
            times: tuple[list[tuple[float, float]], ...] = ([], [])
            for _ in range(_TURNS + 1):
                times[0].append(_timed(lambda query=query: sql.run(query).table()))
                times[1].append(_timed(lambda query=query: plain.sql(query).to_arrow_table()))
            ours[name], peers[name] = _medians(times[0][1:]), _medians(times[1][1:])
        said = {"ours": ours, "plain": peers}
    said["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(said))


def _timed(ask: Callable[[], object]) -> tuple[float, float]:
    clock, cpu = time.perf_counter(), time.process_time()
    ask()
    return time.perf_counter() - clock, time.process_time() - cpu


def _medians(times: list[tuple[float, float]]) -> tuple[float, float]:
    return statistics.median(t for t, _ in times), statistics.median(t for _, t in times)


if __name__ == "__main__":
    {"prepare": _prepare, "pair": _pair}[sys.argv[1]](*sys.argv[2:])
