"""Sessions over the sample captures, each kind opened once."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.command import SAMPLES, falcowb
from workbench.core.session import Session
from workbench.sql.limits import Limits
from workbench.sql.output import rows_of
from workbench.sql.rules import Rules
from workbench.sql.session import SqlSession

CALLS = SAMPLES / "intrusion.fcap"
AUDIT = SAMPLES / "k8s_intrusion.jsonl"
RULES = SAMPLES.parent / "rules"

Rows = list[dict[str, Any]]
Ask = Callable[[str], Rows]


def rows(session: SqlSession, query: str) -> Rows:
    """What a query answers, a dictionary a row."""
    result = session.run(query)
    return [
        dict(zip(result.columns, row, strict=True))
        for batch in result.batches
        for row in rows_of(batch)
    ]


@functools.cache
def events(source: Path, *arguments: str) -> tuple[dict[str, Any], ...]:
    """What ``falcowb events`` tells."""
    ran = falcowb("events", source, "--format", "jsonl", *arguments)
    assert ran.code == 0, ran.err
    return tuple(json.loads(line) for line in ran.out.splitlines())


@pytest.fixture(scope="package")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache for sessions that outlast a test."""
    folder = tmp_path_factory.mktemp("sql-cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder


@pytest.fixture(scope="package")
def calls(cache: Path) -> Iterator[SqlSession]:
    """System calls, with rules."""
    with Session.open() as session:
        loaded = session.load_rules([RULES / "syscall_rules.yaml"]).ruleset
        rules = Rules(loaded, session.matching(False))
        with SqlSession.open([CALLS], session, rules, Limits(seconds=120)) as sql:
            yield sql


@pytest.fixture(scope="package")
def audit_capture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audit log, recorded."""
    path = tmp_path_factory.mktemp("captures") / "audit.fcap"
    ran = falcowb("capture", "--plugin", "k8s_audit", "--open", AUDIT, "-o", path)
    assert ran.code == 0, ran.err
    return path


@pytest.fixture(scope="package")
def audit(cache: Path, audit_capture: Path) -> Iterator[SqlSession]:
    """Events of a plugin, with rules."""
    with Session.open(plugins=["k8s_audit"]) as session:
        loaded = session.load_rules([RULES / "k8s_audit_rules.yaml"]).ruleset
        rules = Rules(loaded, session.matching(False))
        with SqlSession.open([audit_capture], session, rules, Limits(seconds=120)) as sql:
            yield sql
