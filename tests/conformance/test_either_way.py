"""A .scap read as it stands and one imported first: the same events, fields and alerts."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.scap.importer import import_scap
from engine.ruleset.selection import Matching
from tests.workbench.test_damage import RULES
from workbench.core.events import Events, open_capture_events
from workbench.core.events_output import writer
from workbench.core.events_query import EventsQuery
from workbench.core.judge import Judge
from workbench.core.session import Session

from .test_scap import captures

FIELDS = (
    "evt.num", "evt.rawtime", "evt.type", "evt.args", "thread.tid", "proc.cmdline", "proc.aname[2]",
    "proc.cwd", "fd.name", "fd.types", "fs.path.name", "user.name", "group.name", "container.id",
)  # fmt: skip


def shown(events: Events, session: Session, target: Path) -> bytes:
    query = EventsQuery(events, session.plugins, fields=FIELDS)
    with target.open("wb") as file:
        to = writer("jsonl", query.shown, file)
        for found in query.windows():
            to.write(found)
        to.close()
    events.close()
    return target.read_bytes()


def judged(events: Events, session: Session, rules: Path) -> bytes:
    ruleset = session.load_rules([rules]).ruleset
    options = session.alert_options(as_json=True)
    judge = Judge(ruleset, session.plugins, Matching.ALL, options)
    lines = [line.to_pybytes() for window in events.windows() for line in judge.lines(window)]
    events.close()
    return b"".join(lines)


@pytest.mark.parametrize(("path", "dump"), captures())
def test_read_as_it_stands_or_imported(path: Path, dump: Path, tmp_path: Path) -> None:
    imported, rules = tmp_path / "x.fcap", tmp_path / "rules.yaml"
    rules.write_text(RULES)
    import_scap(path, imported)
    with Session.open() as session:
        plain, stored = (
            shown(open_capture_events(session, str(each), None, None), session, tmp_path / "out")
            for each in (path, imported)
        )
        assert plain == stored
        assert plain.count(b"\n") > 0
        plain, stored = (
            judged(open_capture_events(session, str(each), None, None), session, rules)
            for each in (path, imported)
        )
        assert plain == stored
