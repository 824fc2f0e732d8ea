"""Every visible capture imported: the same sections and events as read, and whole when checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.events.schema import EventBatch
from capture.reader import open_capture
from capture.scap.importer import import_scap
from capture.validate import validate
from tests.capture.calls import plain

from .test_scap import captures, read


@pytest.mark.parametrize(("path", "dump"), captures())
def test_an_import_holds_what_the_reader_gives(path: Path, dump: Path, tmp_path: Path) -> None:
    sections, batches = read(path)
    done = import_scap(path, tmp_path / "x.fcap")
    assert done.notes == () and not done.damaged
    with open_capture(tmp_path / "x.fcap") as capture:
        items = list(capture.system_calls())
        assert capture.complete and capture.count == sum(batch.num_rows for batch in batches)
        counts = capture.syscall_counts()
    given = [item for section in sections for item in [section, *of(batches, section.number)]]
    assert plain(items) == plain(given)
    assert sum(counts.values()) == done.events["syscall"]
    assert validate(tmp_path / "x.fcap") == []


def of(batches: list[EventBatch], section: int) -> list[EventBatch]:
    return [batch for batch in batches if batch.section == section]
