"""What a query may not do: each attempt fails in words, and the session goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.workbench.sql.conftest import CALLS, rows
from workbench.core.session import Session
from workbench.sql.errors import SqlError, Stopped
from workbench.sql.limits import Limits
from workbench.sql.session import SqlSession

secret = [("a", "variable of Python")]


@pytest.fixture(scope="module")
def bounded(cache: Path) -> Iterator[SqlSession]:
    limits = Limits(memory=150 << 20, disk=64 << 20, seconds=100)
    with Session.open() as session, SqlSession.open([CALLS], session, limits=limits) as sql:
        yield sql


FILES = "no files, no network, no extensions"
ESCAPES = {
    "SELECT * FROM read_csv('/etc/passwd')": FILES,
    "SELECT * FROM read_text('/etc/passwd')": FILES,
    "FROM read_blob('/etc/shadow')": FILES,
    "FROM read_json('/proc/self/environ')": FILES,
    "FROM read_parquet('/tmp/x.parquet')": FILES,
    "FROM glob('/home/*')": FILES,
    "FROM sniff_csv('/etc/passwd')": FILES,
    "FROM '/etc/passwd'": "there is no table /etc/passwd",
    "FROM read_csv('https://example.org/x.csv')": "",
    "COPY (SELECT 1) TO '{out}'": "may not read or write files",
    "COPY (SELECT 1) TO '{out}' (FORMAT parquet)": "may not read or write files",
    "EXPLAIN ANALYZE COPY (SELECT 1) TO '{out}'": "only queries are explained",
    "EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{out}'": "",
    "EXPORT DATABASE '{out}'": "may not write files",
    "IMPORT DATABASE '{out}'": "",
    "ATTACH '{out}' AS other": "may not open other databases",
    "ATTACH ':memory:' AS other": "may not open other databases",
    "DETACH kept0": "stay open",
    "USE kept0": "locked",
    "INSTALL httpfs": "neither installed nor loaded",
    "LOAD httpfs": "neither installed nor loaded",
    "LOAD '{out}.so'": "neither installed nor loaded",
    "SET enable_external_access = true": "locked",
    "SET lock_configuration = false": "locked",
    "RESET memory_limit": "locked",
    "PRAGMA memory_limit = '64GB'": "locked",
    "PRAGMA enable_profiling": "locked",
    "SET GLOBAL temp_directory = '/'": "locked",
    "CALL pragma_database_size()": "not called here",
    "PREPARE p AS COPY (SELECT 1) TO '{out}'": "not prepared here",
    "CREATE SECRET s (TYPE s3, KEY_ID 'a', SECRET 'b')": "not allowed here",
    "CREATE TYPE t AS ENUM ('a')": "not allowed here",
    "BEGIN": "a capture is read",
    "CHECKPOINT": "not called here",
    "SELECT * FROM secret": "there is no table secret",
    "SELECT getenv('HOME')": "there is no function getenv",
    "DROP VIEW events": "stays as it is",
    "CREATE OR REPLACE TEMP VIEW threads AS SELECT 1": "stays as it is",
    "CREATE MACRO matches(x) AS true": "stays as it is",
    "FROM query_table('events')": "says which tables it asks",
    "FROM query('SELECT * FROM events')": "says which tables it asks",
    "CREATE TABLE kept0.mine AS SELECT 1": "",
    "INSERT INTO kept0.rows SELECT * FROM kept0.rows": "",
    "DELETE FROM kept0.rows": "",
    "SELECT list(i) FROM range(4000000000) t(i)": "more memory",
    "CREATE TEMP TABLE big AS SELECT range i, random() r FROM range(4000000000)": "",
    "SELECT repeat('x', 100000000000)": "",
    "WITH RECURSIVE r AS (SELECT 1 i UNION ALL SELECT i FROM r, range(100)) SELECT count(*) FROM r":
        "more memory",
    "SELECT " + "(" * 20000 + "1" + ")" * 20000: "nested too deeply",
    "SELECT " + "1+" * 20000 + "1": "nested too deeply",
    "SELECT '" + "x" * (1 << 20) + "'": "longer than",
}  # fmt: skip


@pytest.mark.parametrize("query", ESCAPES, ids=lambda query: query[:40])
def test_every_escape_fails_in_words(bounded: SqlSession, tmp_path: Path, query: str) -> None:
    out = tmp_path / "out"
    with pytest.raises(SqlError) as raised:
        rows(bounded, query.replace("{out}", str(out)))
    said = str(raised.value)
    assert ESCAPES[query] in said and said and "{" not in said and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []
    assert rows(bounded, "SELECT count(*) > 0 AS lives FROM events") == [{"lives": True}]


def test_a_query_takes_no_longer_than_it_may(cache: Path) -> None:
    query = "WITH RECURSIVE r AS (SELECT 1 i UNION ALL SELECT i + 1 FROM r) SELECT max(i) FROM r"
    limits = Limits(seconds=0.5)
    with Session.open() as session, SqlSession.open([CALLS], session, limits=limits) as sql:
        with pytest.raises(Stopped, match=r"longer than 0\.5 seconds"):
            rows(sql, query)
        assert rows(sql, "SELECT 1 AS a") == [{"a": 1}]


def test_tables_and_views_of_ones_own(bounded: SqlSession) -> None:
    rows(bounded, 'CREATE TABLE shells AS SELECT num, "proc.cmdline" AS c FROM events '
         "WHERE \"proc.name\" = 'bash'")  # fmt: skip
    rows(bounded, "INSERT INTO shells VALUES (-1, 'mine')")
    rows(bounded, "CREATE MACRO double(x) AS 2 * x")
    got = rows(bounded, "SELECT min(num) AS a, double(21) AS b, count(*) > 1 AS c FROM shells")
    assert got == [{"a": -1, "b": 42, "c": True}]
    rows(bounded, "DROP TABLE shells; DROP MACRO double")


def test_files_beside_the_cache_are_not_taken_for_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    query = 'SELECT count("proc.name") AS n FROM events'
    with Session.open() as session, SqlSession.open([CALLS], session) as sql:
        told = rows(sql, query)
    for damage in ("log", "cut", "json", "gone"):
        (table,) = tmp_path.glob("falcowb/sql/*/events-*.duckdb")
        if damage == "log":
            table.with_name(f"{table.name}.wal").write_bytes(b"x" * 100)
        elif damage == "cut":
            table.write_bytes(table.read_bytes()[:5000])
        elif damage == "json":
            table.with_suffix(".json").write_text("[1]")
        else:
            table.unlink()
        with Session.open() as session, SqlSession.open([CALLS], session) as sql:
            assert rows(sql, query) == told, damage
        for each in tmp_path.glob("falcowb/sql/*/events-*"):
            if damage != "gone" and table.stem in each.name:
                each.unlink()
