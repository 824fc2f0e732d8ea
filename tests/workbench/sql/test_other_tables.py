"""States, processes, connections, files, types of events and alerts agree with the events."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

import pytest

from tests.workbench.command import falcowb
from tests.workbench.sql.conftest import AUDIT, CALLS, RULES, events, rows
from workbench.sql.session import SqlSession


def test_states_of_threads_give_the_fields_of_events(calls: SqlSession) -> None:
    got = rows(
        calls,
        'SELECT e.num, e."proc.name" AS told, t.comm, e."proc.exepath" AS path, t.exepath '
        'FROM events e JOIN threads t ON t.tid = e."thread.tid" '
        "AND coalesce(t.from_num, 0) <= e.num AND (t.until_num IS NULL OR e.num < t.until_num)",
    )
    assert len(got) > 2000
    assert all(row["told"] == row["comm"] and row["path"] == row["exepath"] for row in got)


def test_states_of_files_hold_the_names_of_events(calls: SqlSession) -> None:
    query = (
        'SELECT count(*) AS n FROM events WHERE "fd.name" <> \'\' AND "fd.type" IS NOT NULL '
        'AND "fd.name" NOT IN (SELECT name FROM fds WHERE name IS NOT NULL)'
    )
    assert rows(calls, query) == [{"n": 0}]
    ends = rows(calls, "SELECT DISTINCT client_ip, server_port FROM fds WHERE connected")
    assert any(row["client_ip"] == "127.0.0.1" for row in ends)


def test_processes(calls: SqlSession) -> None:
    got = {row["pid"]: row for row in rows(calls, "FROM processes")}
    assert len(got) == len(rows(calls, "FROM processes"))  # no pid came twice here
    told = events(CALLS, "-F", "evt.num,evt.type,proc.pid,proc.name,proc.cmdline,proc.exepath,"
                  "user.name,evt.rawarg.ret,evt.rawarg.sig,thread.ismain")  # fmt: skip
    last: dict[int, Any] = {}
    for event in told:
        if event["proc.pid"] is not None and event["proc.pid"] >= 0 and event["thread.ismain"]:
            last[event["proc.pid"]] = event
    assert set(last) <= set(got)
    for pid, event in last.items():
        assert got[pid]["name"] == event["proc.name"]
        assert got[pid]["cmdline"] == event["proc.cmdline"]
        assert got[pid]["exepath"] == event["proc.exepath"]
        assert got[pid]["user"] in (event["user.name"], None)
        if event["evt.type"] == "procexit":
            assert got[pid]["end_num"] == event["evt.num"]
            assert got[pid]["exit_code"] == event["evt.rawarg.ret"]
            assert got[pid]["exit_signal"] == event["evt.rawarg.sig"]
    assert sum(row["end_num"] is not None for row in got.values()) > 20
    parents = {row["pid"]: row["parent"] for row in got.values() if row["ppid"] in got}
    assert parents and all(parents.values())


def test_connections(calls: SqlSession) -> None:
    told = events(CALLS, "-F", "evt.num,fd.type,fd.name,fd.cip,fd.sip,proc.pid,fd.num")
    expected: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for event in told:
        there = event["fd.type"] in ("ipv4", "ipv6") and event["fd.name"]
        if there and event["fd.cip"] and event["fd.sip"]:
            key = (event["proc.pid"], event["fd.num"], event["fd.name"])
            expected[key].append(event["evt.num"])
    got = {(row["pid"], row["fd"], row["name"]): row for row in rows(calls, "FROM connections")}
    assert set(got) == set(expected) and len(got) > 1
    for key, numbers in expected.items():
        assert (got[key]["first_num"], got[key]["last_num"]) == (numbers[0], numbers[-1])
        assert got[key]["events"] == len(numbers)


def test_files_touched(calls: SqlSession) -> None:
    told = events(CALLS, "-F", "evt.num,evt.type,fd.type,fd.name,fs.path.name,proc.pid,evt.failed")
    expected: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for event in told:
        path = event["fs.path.name"] or (
            event["fd.name"] if event["fd.type"] in ("file", "directory") else None
        )
        if path:
            expected[path, event["proc.pid"]].append(event)
    got = {(row["path"], row["pid"]): row for row in rows(calls, "FROM files_touched")}
    assert set(got) == set(expected) and len(got) > 100
    for key, touched in expected.items():
        assert got[key]["first_num"] == touched[0]["evt.num"]
        assert got[key]["events"] + got[key]["failed"] == len(touched)
        assert got[key]["event_types"] == sorted({event["evt.type"] for event in touched})
    assert any(row["written"] for row in got.values())


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("execve", {"filename": "evt.arg.filename", "res": "evt.rawarg.res"}),
        ("openat", {"name": "evt.arg.name", "fd": "evt.rawarg.fd", "dirfd": "evt.rawarg.dirfd"}),
        ("connect", {"res": "evt.rawarg.res", "fd": "evt.rawarg.fd"}),
        ("procexit", {"ret": "evt.rawarg.ret", "sig": "evt.rawarg.sig"}),
    ],
)
def test_events_of_one_type(calls: SqlSession, table: str, columns: dict[str, str]) -> None:
    fields = ",".join(("evt.num", "proc.name", *columns.values()))
    told = events(CALLS, "-f", f"evt.type = {table}", "-F", fields)
    got = rows(calls, f'SELECT *, "proc.name" FROM {table} ORDER BY num')
    assert [row["num"] for row in got] == [event["evt.num"] for event in told] and got
    for row, event in zip(got, told, strict=True):
        assert row["proc.name"] == event["proc.name"]
        for column, field in columns.items():
            if field.startswith("evt.rawarg"):
                assert row[column] == event[field]
            elif row[column]:
                assert row[column].rpartition("/")[2] in event[field]


def test_arguments_of_execve_are_lists(calls: SqlSession) -> None:
    query = "SELECT args FROM execve WHERE list_contains(args, '-czf')"
    assert rows(calls, query)[0]["args"][:2] == ["-C", rows(calls, query)[0]["args"][1]]


def replayed(source: object, *arguments: str) -> list[dict[str, Any]]:
    ran = falcowb("replay", str(source), "--json", "-q", *arguments)
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


@pytest.mark.parametrize("kind", ["calls", "audit"])
def test_alerts(kind: str, request: pytest.FixtureRequest) -> None:
    sql: SqlSession = request.getfixturevalue(kind)
    if kind == "calls":
        told = replayed(CALLS, "-r", str(RULES / "syscall_rules.yaml"))
    else:
        told = replayed(AUDIT, "-r", str(RULES / "k8s_audit_rules.yaml"), "--plugin", "k8s_audit")
    got = rows(sql, "SELECT * FROM alerts")
    assert len(got) == len(told) > 3
    for row, alert in zip(got, told, strict=True):
        for column in ("rule", "priority", "source", "tags", "output"):
            assert row[column] == alert[column]
        assert json.loads(row["output_fields"]) == alert["output_fields"]
        assert f"{row['time'].replace(' ', 'T')}Z" == alert["time"]
    numbers = "SELECT count(*) AS n FROM alerts a JOIN events e USING (num, time)"
    assert rows(sql, numbers) == [{"n": len(told)}]


def test_ancestors_and_descendants(calls: SqlSession) -> None:
    told = events(CALLS, "-f", "evt.type = execve", "-F", "evt.num,thread.tid,proc.aname,proc.name")
    for event in told[::6]:
        got = rows(calls, f"FROM ancestors({event['thread.tid']}, {event['evt.num']})")
        assert [row["depth"] for row in got] == list(range(len(got)))
        assert got[0]["name"] == event["proc.name"]
        assert " ".join(row["name"] for row in got[1:]) == (event["proc.aname"] or "")
        top = got[-1]["tid"]
        below = rows(calls, f"FROM descendants({top}, {event['evt.num']})")
        assert event["thread.tid"] in {row["tid"] for row in below}
        assert below[0]["tid"] == top and below[0]["depth"] == 0


def test_without_rules_there_are_no_alerts(tmp_path: object) -> None:
    ran = falcowb("sql", CALLS, "SELECT count(*) AS n FROM alerts", "--json")
    assert (ran.code, ran.out) == (0, '{"n": 0}\n'), ran.err
