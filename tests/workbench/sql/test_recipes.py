"""Every recipe answers, and what it answers agrees with events and replay."""

from __future__ import annotations

import json
from collections import Counter, defaultdict

import pytest

from tests.workbench.command import falcowb
from tests.workbench.sql.conftest import AUDIT, CALLS, RULES, events, rows
from workbench.sql.recipes import RECIPES, cheat_sheet, recipe
from workbench.sql.session import SqlSession
from workbench.sql.tokens import statements


def ask(session: SqlSession, name: str) -> list[dict[str, object]]:
    found = recipe(name)
    assert found is not None
    return rows(session, found.sql)


@pytest.mark.parametrize("name", [each.name for each in RECIPES if each.source != "k8s_audit"])
def test_every_recipe_answers(calls: SqlSession, name: str) -> None:
    assert ask(calls, name)


def test_top_talkers(calls: SqlSession) -> None:
    got = ask(calls, "top-talkers")
    told = events(CALLS, "-F", "fd.type,fd.name,fd.cip,fd.sip,proc.pid,fd.num")
    distinct = {
        (event["proc.pid"], event["fd.num"], event["fd.name"])
        for event in told
        if event["fd.type"] in ("ipv4", "ipv6") and event["fd.cip"] and event["fd.sip"]
        and event["fd.name"]
    }  # fmt: skip
    assert sum(int(str(row["connections"])) for row in got) == len(distinct)


def test_first_seen_binaries(calls: SqlSession) -> None:
    told = events(CALLS, "-f", "evt.type in (execve, execveat) and evt.rawres = 0",
                  "-F", "evt.num,proc.exepath,proc.cmdline")  # fmt: skip
    first: dict[str, tuple[int, str]] = {}
    for event in told:
        first.setdefault(event["proc.exepath"], (event["evt.num"], event["proc.cmdline"]))
    got = {row["exepath"]: (row["first_num"], row["first_cmdline"])
           for row in ask(calls, "first-seen-binaries")}  # fmt: skip
    assert got == first


def test_shells_parents_and_the_tree(calls: SqlSession) -> None:
    processes = rows(calls, "FROM processes")
    shells = ask(calls, "long-lived-shells")
    assert {row["pid"] for row in shells} == {
        row["pid"] for row in processes if row["name"] in ("sh", "bash", "dash", "zsh")
    }
    pairs = Counter((row["parent"], row["name"]) for row in processes if row["parent"])
    for row in ask(calls, "rare-parents"):
        assert pairs[row["parent"], row["child"]] == row["times"]
    tree = ask(calls, "process-tree")
    assert {row["pid"] for row in tree} == {row["pid"] for row in processes}
    depth = {row["pid"]: (len(str(row["process"])) - len(str(row["process"]).lstrip())) // 2
             for row in tree}  # fmt: skip
    assert all(depth[row["pid"]] == depth[row["ppid"]] + 1
               for row in processes if row["ppid"] in depth)  # fmt: skip


def test_file_timeline(calls: SqlSession) -> None:
    told = events(CALLS, "-f", "evt.is_open_write = true and fd.name exists and fd.name != ''",
                  "-F", "evt.num")  # fmt: skip
    numbers = [row["num"] for row in ask(calls, "file-timeline")]
    assert numbers == sorted(numbers, key=int)
    assert {event["evt.num"] for event in told} <= set(numbers)


def test_busiest(calls: SqlSession) -> None:
    counted = Counter(
        (event["proc.name"], event["evt.type"])
        for event in events(CALLS, "-F", "proc.name,evt.type")
    )
    for row in ask(calls, "busiest"):
        assert counted[row["process"], row["event"]] == row["events"]


def test_alerts_by_minute(calls: SqlSession) -> None:
    ran = falcowb("replay", CALLS, "-r", RULES / "syscall_rules.yaml", "--json", "-q")
    told: dict[tuple[str, str], int] = defaultdict(int)
    for line in ran.out.splitlines():
        alert = json.loads(line)
        told[alert["time"][:16].replace("T", " "), alert["rule"]] += 1
    got = {(str(row["minute"])[:16], row["rule"]): row["alerts"]
           for row in ask(calls, "alerts-by-minute")}  # fmt: skip
    assert got == told and got


def test_kubernetes_users(audit: SqlSession) -> None:
    told = events(AUDIT, "--plugin", "k8s_audit", "-F", "ka.user.name,ka.verb,ka.target.resource")
    counted = Counter(tuple(event.values()) for event in told)
    got = ask(audit, "kubernetes-users")
    assert got
    for row in got:
        assert counted[row["user"], row["verb"], row["resource"]] == row["requests"]


def test_the_sheet_is_sql() -> None:
    assert len(statements(cheat_sheet())) == len(RECIPES)
    ran = falcowb("sql", "--recipes")
    assert ran.code == 0 and ran.out == cheat_sheet()
