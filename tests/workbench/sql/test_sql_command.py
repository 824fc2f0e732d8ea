"""``falcowb sql`` as a user runs it."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from pathlib import Path

import pyarrow.parquet as pq

from tests.workbench.command import FALCOWB, falcowb
from tests.workbench.sql.conftest import CALLS, RULES

QUERY = 'SELECT num, time, "proc.name", "fd.name" AS f, [1, 2] AS l FROM events WHERE num < 40'


def test_forms(tmp_path: Path) -> None:
    table = falcowb("sql", CALLS, f"{QUERY} ORDER BY num")
    assert table.code == 0, table.err
    assert table.out.splitlines()[0].split() == ["num", "time", "proc.name", "f", "l"]
    assert "∅" in table.out
    lines = [json.loads(line) for line in falcowb("sql", CALLS, QUERY, "--json").out.splitlines()]
    assert lines and list(lines[0]) == ["num", "time", "proc.name", "f", "l"]
    assert len(table.out.splitlines()) == len(lines) + 2
    read = list(csv.DictReader(io.StringIO(falcowb("sql", CALLS, QUERY, "--csv").out)))
    assert [int(row["num"]) for row in read] == [line["num"] for line in lines]
    assert read[0]["l"] == "[1, 2]"
    ran = falcowb("sql", CALLS, QUERY, "-o", tmp_path / "x.parquet")
    assert ran.code == 0 and f"{len(lines)} rows" in ran.err
    stored = pq.read_table(tmp_path / "x.parquet")
    assert stored.column("num").to_pylist() == [line["num"] for line in lines]
    again = falcowb("sql", CALLS, QUERY, "-o", tmp_path / "x.parquet")
    assert again.code == 1 and "exists" in again.err
    named = falcowb("sql", CALLS, QUERY, "-o", tmp_path / "x.txt")
    assert named.code == 1 and ".parquet" in named.err and not (tmp_path / "x.txt").exists()


def test_the_query_from_a_file_and_from_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "query.sql"
    file.write_text("-- how many\nSELECT count(*) AS n\nFROM events;\n")
    told = falcowb("sql", CALLS, "-f", file, "--json")
    assert told.code == 0, told.err
    piped = subprocess.run(
        [FALCOWB, "sql", CALLS, "--json"],
        input=file.read_bytes(),
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert piped.stdout.decode() == told.out and json.loads(told.out)["n"] > 1000


def test_rules_and_recipes() -> None:
    ran = falcowb("sql", CALLS, "-r", RULES / "syscall_rules.yaml", "--recipe", "alerts-by-minute")
    assert ran.code == 0 and len(ran.out.splitlines()) > 3, ran.err
    wrong = falcowb("sql", CALLS, "--recipe", "no-such")
    assert wrong.code == 1 and "top-talkers" in wrong.err


def test_what_is_refused() -> None:
    for arguments, said in (
        ((CALLS, "SELECT nope FROM events"), "there is no column nope"),
        ((CALLS, "COPY events TO 'x.csv'"), "may not read or write files"),
        ((CALLS, "SELECT repeat('x', 3000000000)", "--memory", "100MB"), "more memory"),
        (("nothing.fcap", "SELECT 1 + 1"), "nothing.fcap"),
        (("SELECT 1 + 1",), "no capture is named"),
        ((CALLS, "SELECT 1 + 1", "--csv", "--json"), "one of --csv"),
        ((CALLS, "SELECT 1 + 1", "--recipe", "busiest"), "more than one query"),
    ):
        ran = falcowb("sql", *arguments)
        assert ran.code == 1 and said in ran.err and not ran.out, (arguments, ran)


def test_control_characters_are_written_out() -> None:
    ran = falcowb("sql", CALLS, "SELECT 'a' || chr(27) || '[31m' || chr(10) || 'b' AS x")
    assert ran.out.splitlines()[-1] == "a\\x1b[31m\\nb"


def test_a_query_that_never_ends_is_stopped() -> None:
    query = "WITH RECURSIVE r AS (SELECT 1 i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r"
    ran = falcowb("sql", CALLS, query, "--timeout", "1s")
    assert ran.code == 1 and "longer than 1 seconds" in ran.err
