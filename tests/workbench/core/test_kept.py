"""What judging a capture leaves behind gives the same alerts again, without the events if none
matches; what is damaged or of another capture is not used."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from capture.events.section import Section
from capture.events.state_schema import TABLES
from capture.scap.writer import ScapWriter
from engine.fields.catalogue import Catalogue
from engine.ruleset.selection import Matching
from tests.engine.syscalls.made import CAT, Made, batch, made
from workbench.core import kept
from workbench.core.events import open_capture_events
from workbench.core.judging import Judging, judge_capture
from workbench.core.session import Session

RULES = """
- rule: Opens
  desc: a file is opened
  condition: evt.type = openat and fd.name startswith /etc
  output: "opened %fd.name by %proc.name (num=%evt.num at %evt.time)"
  priority: notice
- rule: Fails
  desc: a file is not opened, after a while
  condition: evt.type in (openat, open) and evt.failed = true and evt.rawtime.ns > 20000
  output: "failed (num=%evt.num)"
  priority: error
- rule: Dups
  desc: only with a name that nobody has
  condition: evt.type in (dup, dup2, dup3) and proc.name = nobody
  output: "dup (num=%evt.num)"
  priority: error
"""


def events() -> Iterator[Made]:
    for number in range(60):
        fd = -2 if number % 7 == 0 else 10 + number
        name = b"/etc/f%d" % (number % 5) if number % 3 else b"/tmp/x"
        yield made(
            "SYSCALL_OPENAT_2_X", fd=fd, dirfd=-100, name=name, flags=1, mode=0, dev=1, ino=2
        )
        yield made("SYSCALL_CLOSE_X", res=0, fd=fd)


@pytest.fixture
def scap(tmp_path: Path) -> Path:
    path = tmp_path / "made.scap"
    machine = pa.RecordBatch.from_pylist([{"num_cpus": 2}], TABLES["machine"])
    whole = Section.of(0, (1, 3), {"machine": machine, "threads": CAT.threads})
    with ScapWriter(path) as out:
        out.section(whole)
        out.events(batch(list(events())))
    return path


def judged(scap: Path, rules: str, *, complete: bool = True) -> tuple[bytes, Judging]:
    """The lines of output, and how they came about."""
    file = scap.with_name("rules.yaml")
    file.write_text(rules)
    with Session.open() as session:
        ruleset = session.load_rules([file]).ruleset
        judging = judge_capture(
            str(scap),
            open_capture_events(session, str(scap), None, None),
            ruleset,
            session,
            Matching.ALL,
            session.alert_options(as_json=False),
        )
        lines = b"".join(
            piece.to_pybytes()
            for window in judging.events.windows()
            for piece in judging.judge.lines(window)
        )
        judging.close(complete=complete)
    return lines, judging


def left() -> list[Path]:
    root = kept.kept_root()
    return sorted(root.iterdir()) if root.is_dir() else []


def test_judged_again_it_says_the_same(scap: Path) -> None:
    lines, first = judged(scap, RULES)
    assert first.keeping is not None
    assert lines.count(b"opened /etc/f") > 20
    assert lines.count(b"failed (num=") > 5
    assert left() == [kept.kept_folder(scap)]
    again, second = judged(scap, RULES)
    assert second.keeping is None
    assert again == lines
    assert second.judge.tally == first.judge.tally


def test_an_edited_rule_is_asked_of_what_was_kept(scap: Path) -> None:
    judged(scap, RULES)
    edited = RULES.replace("startswith /etc", "endswith f1")
    lines, second = judged(scap, edited)
    assert second.keeping is None
    shutil.rmtree(kept.kept_root())
    fresh, first = judged(scap, edited)
    assert first.keeping is not None
    assert lines == fresh
    assert b"/etc/f1" in lines
    assert b"/etc/f2" not in lines


def test_where_nothing_matches_the_events_are_not_read(scap: Path) -> None:
    nothing = RULES.replace("startswith /etc", "= /no").replace("> 20000", "> 2000000000")
    lines, first = judged(scap, nothing)
    assert lines == b""
    again, second = judged(scap, nothing)
    assert again == b""
    assert isinstance(second.events, kept.NothingMore)
    assert second.judge.tally == first.judge.tally
    assert second.events.notes() == first.events.notes()


def test_rules_that_want_more_are_judged_afresh(scap: Path) -> None:
    judged(scap, RULES)
    for more in ("proc.env contains cat", "evt.type = close"):
        wants = RULES.replace("fd.name startswith /etc", f"({more} or fd.name startswith /etc)")
        if "close" in more:
            wants = wants.replace("evt.type = openat and", "evt.type in (openat, close) and")
        _, second = judged(scap, wants)
        assert second.keeping is not None
        _, third = judged(scap, wants)
        assert third.keeping is None
    assert len(left()) == 1


def test_another_file_of_that_name_is_judged_afresh(scap: Path) -> None:
    judged(scap, RULES)
    scap.write_bytes(scap.read_bytes()[:-200])
    _, second = judged(scap, RULES)
    assert second.keeping is not None


def test_what_was_not_judged_to_the_end_is_not_kept(scap: Path) -> None:
    judged(scap, RULES, complete=False)
    assert left() == []
    assert kept.find(scap, Catalogue.native()) is None


def test_damage_is_seen(scap: Path) -> None:
    lines, _ = judged(scap, RULES)
    folder = kept.kept_folder(scap)
    assert folder is not None
    whole = scap.with_name("whole")
    shutil.copytree(folder, whole)
    chance = random.Random(5)
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    for turn in range(60):
        file = chance.choice(files)
        data = bytearray(file.read_bytes())
        if turn % 3:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        else:
            del data[chance.randrange(len(data)) :]
        file.write_bytes(data)
        # It may be that nothing of worth was hit; there is no crash and no traceback.
        opened = kept.find(scap, Catalogue.native())
        assert opened is None or opened.events > 0
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
    assert judged(scap, RULES)[0] == lines


def test_the_cache_is_bounded(scap: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(scap, RULES)
    other = scap.with_name("other.scap")
    other.write_bytes(scap.read_bytes()[:-200])
    monkeypatch.setattr(kept, "MAX_BYTES", 1)
    judged(other, RULES)
    assert len(left()) <= 1
