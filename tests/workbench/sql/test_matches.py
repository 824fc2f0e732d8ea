"""``matches('condition')`` is the rule engine's verdict, wherever a boolean may stand."""

from __future__ import annotations

import pytest

from capture.errors import FalcowbError
from tests.workbench.sql.conftest import AUDIT, CALLS, events, rows
from workbench.sql.session import SqlSession

CONDITIONS = (
    "evt.type = execve",
    "proc.name in (bash, cat) and fd.name startswith /etc",
    "not proc.name exists or evt.failed = true",
    "proc.aname intersects (update, tar) and evt.rawtime.ns > 500000000",
    "fd.net = 127.0.0.0/8 and evt.type in (connect, accept4)",
    "proc.cmdline contains \"'\" or proc.args glob '*/tmp*'",
    "evt.num < 100",
)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_as_falcowb_events_filters(calls: SqlSession, condition: str) -> None:
    told = [event["evt.num"] for event in events(CALLS, "-f", condition, "-F", "evt.num")]
    text = condition.replace("'", "''")
    got = rows(calls, f"SELECT num FROM events WHERE matches('{text}') ORDER BY num")
    assert [row["num"] for row in got] == told


def test_anywhere_in_a_query(calls: SqlSession) -> None:
    shells = "matches('proc.name = bash')"
    query = f"""
        SELECT {shells}, count(*) FILTER (WHERE MATCHES ( 'evt.type=openat' )) AS opens,
          sum(CASE WHEN NOT {shells} THEN 1 ELSE 0 END) AS others
        FROM events e GROUP BY {shells} ORDER BY 1"""
    other, own = rows(calls, query)
    assert list(own) == ["matches('proc.name = bash')", "opens", "others"]
    assert own["matches('proc.name = bash')"] is True and own["others"] == 0
    assert other["opens"] + own["opens"] == len(events(CALLS, "-f", "evt.type=openat"))
    joined = rows(
        calls, f"SELECT count(*) AS n FROM events e JOIN events f USING (num) WHERE e.{shells}"
    )
    assert joined[0]["n"] == len(events(CALLS, "-f", "proc.name = bash"))
    typed = rows(calls, f"SELECT count(*) AS n FROM execve WHERE {shells}")
    assert typed[0]["n"] == len(events(CALLS, "-f", "proc.name = bash and evt.type = execve"))


def test_in_a_view_of_ones_own(calls: SqlSession) -> None:
    rows(calls, "CREATE VIEW mine AS SELECT *, matches('evt.type = open') AS m, "
         "matches('evt.type = execve') AS x, \"proc.pcmdline\" FROM events")  # fmt: skip
    rows(calls, "SELECT matches('proc.name = nobody') FROM events")
    got = rows(calls, 'SELECT count(*) AS n, count("proc.pcmdline") AS p FROM mine WHERE x')
    assert got[0]["n"] == len(events(CALLS, "-f", "evt.type = execve"))
    assert got[0]["p"] > 10
    rows(calls, "DROP VIEW mine")


def test_macros_and_lists_of_the_rules(calls: SqlSession) -> None:
    assert calls.rules is not None
    macro = next(each for each in calls.rules.ruleset.definitions.macros)
    got = rows(calls, f"SELECT count(*) AS n FROM events WHERE matches('{macro.name}')")
    assert got[0]["n"] >= 0


def test_on_events_of_a_plugin(audit: SqlSession) -> None:
    condition = "ka.verb = create and ka.uri startswith /api"
    told = events(AUDIT, "--plugin", "k8s_audit", "-f", condition, "-F", "evt.num")
    got = rows(audit, f"SELECT num FROM k8s_audit WHERE matches('{condition}') ORDER BY num")
    assert [row["num"] for row in got] == [event["evt.num"] for event in told] and got


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("matches('proc.name = ')", "expected a string value"),
        ("matches('(evt.type = open')", "expected a ')'"),
        ("matches('proc.nme = bash')", "nonexistent field proc.nme"),
        ("matches('evt.type = opn')", "unknown event type opn"),
        ("matches('nosuchmacro')", "macro"),
        ("matches(1)", "one condition, written out as a text"),
        ("matches('a', 'b')", "one condition, written out as a text"),
        ('matches("proc.name")', "one condition, written out as a text"),
    ],
)
def test_what_is_wrong_with_a_condition(calls: SqlSession, query: str, said: str) -> None:
    with pytest.raises(FalcowbError) as raised:
        rows(calls, f"SELECT count(*) FROM events WHERE {query}")
    assert said in str(raised.value)
    assert "^" in str(raised.value)
    assert rows(calls, "SELECT 1 AS a") == [{"a": 1}]
