"""Columns of events are what ``falcowb events`` shows, and made when they are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldType
from tests.workbench.sql.conftest import AUDIT, CALLS, events, rows
from workbench.core.session import Session
from workbench.sql import events_table
from workbench.sql.fields import FieldColumns, underscored
from workbench.sql.session import SqlSession
from workbench.sql.tokens import quote

#: Another sampling, another time zone, or two values where an event shows one.
_UNLIKE = ("evt.datetime", "evt.time", "thread.cpu", "evt.hostname")
ARGUED = (
    "proc.aname[2]", "proc.acmdline[1]", "evt.arg.flags", "evt.arg[0]", "evt.rawarg.fd",
    "evt.type.is.openat", "basename(fd.name)", "proc.env[PATH]",
)  # fmt: skip


def alike(told: Any, answered: Any) -> bool:
    """Lists print in one text where they are no lists; the rest is the same."""
    return bool(told == answered or (told is None and answered in ([], "")))


def compare(fields: Sequence[str], told: Sequence[dict[str, Any]], got: list[Any]) -> None:
    assert len(told) == len(got)
    for field in fields:
        for number, (event, row) in enumerate(zip(told, got, strict=True)):
            assert alike(event[field], row[field]), (field, number, event[field], row[field])


def test_every_field_is_a_column(calls: SqlSession) -> None:
    columns = FieldColumns(Catalogue.native(), "syscall")
    fields = [
        info.name
        for info in columns.listed
        if not info.name.startswith(_UNLIKE)
        and "either" not in info.properties
        and info.type is not FieldType.IPNET
        and info.name != "fd.dev"
    ]
    assert len(fields) > 200
    names = ", ".join(map(quote, fields))
    got = rows(calls, f"SELECT {names} FROM events ORDER BY num")
    compare(fields, events(CALLS, "-F", ",".join(fields)), got)


def test_fields_with_arguments_and_transformers(calls: SqlSession) -> None:
    names = ", ".join(map(quote, ARGUED))
    got = rows(calls, f"SELECT {names} FROM events ORDER BY num")
    compare(ARGUED, events(CALLS, "-F", ",".join(ARGUED)), got)
    short = rows(calls, "SELECT proc_aname_2, evt_arg_flags FROM events ORDER BY num")
    assert [row["proc_aname_2"] for row in short] == [row["proc.aname[2]"] for row in got]
    assert [row["evt_arg_flags"] for row in short] == [row["evt.arg.flags"] for row in got]


def test_names_with_underscores_and_in_any_case(calls: SqlSession) -> None:
    assert underscored("proc.aname[2]") == "proc_aname_2"
    got = rows(calls, 'SELECT PROC_NAME AS a, "Proc.Name" AS b, e.proc_name AS c FROM events e')
    assert all(row["a"] == row["b"] == row["c"] for row in got)
    assert len({row["a"] for row in got}) > 5


def test_a_star_shows_the_usual_columns(calls: SqlSession) -> None:
    usual = list(rows(calls, "SELECT * FROM events LIMIT 1")[0])
    assert usual[:3] == ["num", "time", "evt.type"] and "proc.name" in usual and len(usual) < 30
    assert list(rows(calls, "FROM events LIMIT 1")[0]) == usual
    other = rows(calls, 'SELECT *, "proc.aname[3]" FROM (SELECT * FROM events) LIMIT 1')
    assert "proc.aname[3]" in other[0]
    assert list(rows(calls, "SELECT e.* EXCLUDE (num) FROM events e LIMIT 1")[0]) == usual[1:]
    assert "proc.pcmdline" in rows(calls, "SELECT COLUMNS('^proc\\.') FROM events LIMIT 1")[0]
    assert "proc.cmdline" in rows(calls, "SELECT to_json(e) AS j FROM events e LIMIT 1")[0]["j"]


def test_described_with_every_column(calls: SqlSession) -> None:
    told = {row["column_name"]: row["column_type"] for row in rows(calls, "DESCRIBE events")}
    assert {"proc.name", "proc_name", "evt.rawtime", "fd_sport"} <= set(told)
    assert told["proc.name"] == "VARCHAR" and told["fd.sport"] == "BIGINT"
    query = "SELECT column_name FROM information_schema.columns WHERE table_name = 'events'"
    assert {row["column_name"] for row in rows(calls, query)} == set(told)
    assert rows(calls, "SELECT count(*) AS n FROM events")[0]["n"] > 1000


def test_times_are_moments(calls: SqlSession) -> None:
    query = 'SELECT epoch_ns(time) AS a, "evt.rawtime" AS b FROM events'
    assert all(row["a"] == row["b"] for row in rows(calls, query))


def test_only_what_is_named_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_table, "_SMALL", 0)
    notes: list[str] = []
    with Session.open() as session, SqlSession.open([CALLS], session, note=notes.append) as sql:
        count = rows(sql, 'SELECT count("proc.name") AS n FROM events')
        assert notes == ["reading 2,263 events for proc.name"]
        rows(sql, 'SELECT "proc.name" FROM events')
        assert len(notes) == 1
        rows(sql, 'SELECT "user.uid", "proc.name" FROM events')
        assert len(notes) == 2 and "user.uid" in notes[1] and "proc.cwd" not in notes[1]
        rows(sql, 'SELECT "proc.name", count(*) AS events FROM events GROUP BY 1 ORDER BY events')
        assert len(notes) == 2
    with Session.open() as session, SqlSession.open([CALLS], session, note=notes.append) as again:
        assert rows(again, 'SELECT count("proc.name") AS n FROM events') == count
        assert len(notes) == 2  # another session found what was made


def test_a_column_called_as_a_table_makes_no_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with Session.open() as session, SqlSession.open([CALLS], session) as sql:
        rows(sql, "SELECT fd AS close, num AS openat FROM connect")
        made = {path.name.split("-")[1] for path in tmp_path.rglob("type-*.json")}
        assert made == {"connect"}
        rows(sql, "WITH c AS (FROM close) SELECT count(*) FROM c, dup2")
        made = {path.name.split("-")[1] for path in tmp_path.rglob("type-*.json")}
        assert made == {"connect", "close", "dup2"}


def test_events_of_a_plugin(audit: SqlSession) -> None:
    fields = ("evt.num", "ka.verb", "ka.user.name", "ka.target.resource", "k8s.audit.user.groups")
    names = ", ".join(map(quote, fields))
    got = rows(audit, f"SELECT {names}, raw, data FROM events ORDER BY num")
    compare(fields, events(AUDIT, "--plugin", "k8s_audit", "-F", ",".join(fields)), got)
    lines = [line for line in AUDIT.read_text().splitlines() if line.strip()]
    assert len(got) == len(lines)
    verbs = rows(audit, "SELECT raw->>'$.verb' AS verb, ka_verb FROM k8s_audit ORDER BY num")
    assert verbs and all(row["verb"] == row["ka_verb"] for row in verbs)


def test_a_plugin_source_without_its_plugin(audit_capture: Path) -> None:
    with Session.open() as session, SqlSession.open([audit_capture], session) as sql:
        got = rows(sql, "SELECT num, raw->>'$.kind' AS kind FROM k8s_audit")
        assert got and {row["kind"] for row in got} == {"Event"}


def test_several_captures(audit_capture: Path) -> None:
    with (
        Session.open(plugins=["k8s_audit"]) as session,
        SqlSession.open([CALLS, CALLS, audit_capture], session) as sql,
    ):
        assert sql.names == ("intrusion", "intrusion-2", "audit")
        query = (
            'SELECT capture, count(*) AS n, count(DISTINCT "proc.name") AS p FROM events '
            "WHERE matches('evt.type = execve') GROUP BY ALL ORDER BY ALL"
        )
        first, second = rows(sql, query)
        assert (first["capture"], second["capture"]) == ("intrusion", "intrusion-2")
        assert first["n"] == second["n"] > 10 and first["p"] == second["p"]
        assert {row["capture"] for row in rows(sql, "FROM k8s_audit")} == {"audit"}
        for table in ("processes", "connections", "files_touched", "threads", "execve"):
            counted = rows(sql, f"SELECT capture, count(*) AS n FROM {table} GROUP BY ALL")
            assert len(counted) == 2 and counted[0]["n"] == counted[1]["n"] > 0, table
        walked = rows(sql, "SELECT capture, depth FROM ancestors(29668, 130)")
        assert len(walked) == 2 * len({row["depth"] for row in walked}) >= 4
