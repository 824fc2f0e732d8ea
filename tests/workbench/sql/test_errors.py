"""A wrong query points at the place, and at the nearest name."""

from __future__ import annotations

import pytest

from tests.workbench.sql.conftest import rows
from workbench.sql.errors import SqlError
from workbench.sql.session import SqlSession

WRONG = [
    ("SELECT procname FROM events", "procname", "proc_name"),
    ('SELECT num,\n  "proc.nam" FROM events', '"proc.nam"', '"proc.name"'),
    ("SELECT * FROM evnts", "evnts", "events"),
    ("SELECT * FROM procesess p", "procesess", "processes"),
    ("SELECT 'é日本' AS a, fd_nam FROM events", "fd_nam", "fd_name"),
    ("SELECT proc.name FROM events", "proc.name", '"proc.name" in quotes'),
    ("SELECT p.nam FROM processes p", "p.nam", "name"),
    ("SELECT cmdlin FROM processes", "cmdlin", "cmdline"),
    ("SELECT arg FROM execve", "arg", "args"),
    ("SELECT contains_all(num) FROM events", "contains_all", ""),
    ("SELECT num FROM events WHER num = 1", "", ""),
    ("SELECT num FROM events GROUP", "", ""),
    ('SELECT sum("proc.name") FROM events', "sum", "Cast"),
    ("SELECT 'a'::INT", "::", ""),
    ("SELECT num FROM events WHERE num = 'x'", "", ""),
    ("EXPLAIN SELECT nope FROM events", "nope", ""),
    ("SELECT name", "name", "FROM events"),
]


@pytest.mark.parametrize(("query", "at", "hint"), WRONG, ids=[each[0][:30] for each in WRONG])
def test_place_and_hint(calls: SqlSession, query: str, at: str, hint: str) -> None:
    with pytest.raises(SqlError) as raised:
        rows(calls, query)
    error = raised.value
    assert hint in error.hint and error.message
    if at:
        assert error.place is not None
        line = query.split("\n")[error.place.line - 1]
        assert line[error.place.column - 1 :].startswith(at)
        assert "^" in str(error)


def test_an_error_of_one_among_several_statements(calls: SqlSession) -> None:
    with pytest.raises(SqlError, match="no table nope"):
        rows(calls, "SELECT 1; SELECT * FROM nope; SELECT 2")
    assert rows(calls, "SELECT 1 AS a; -- a comment\nSELECT 2 AS b;") == [{"b": 2}]
    with pytest.raises(SqlError, match="nothing to ask"):
        rows(calls, " ; -- only a comment")
