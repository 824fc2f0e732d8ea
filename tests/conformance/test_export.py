"""Every visible capture exported: read again it is the same, with enter events and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from capture.reader import open_capture
from capture.scap.exporter import export_scap
from capture.scap.importer import import_scap
from capture.scap.reader import ScapReader
from tests.capture.calls import plain

from .test_scap import captures


def state_and_events(path: Path) -> tuple[list[Any], bool]:
    """All but the version of the format, which is written anew; whether enter events are there."""
    with ScapReader(path) as reader:
        items = plain(list(reader))
        assert reader.problems == []
        folded = reader.progress.dropped > 0
    return [(item[0], item[2]) if len(item) == 3 else item for item in items], folded


@pytest.mark.parametrize("enters", [None, True, False])
@pytest.mark.parametrize(("path", "dump"), captures())
def test_an_export_reads_as_what_was_imported(
    path: Path, dump: Path, tmp_path: Path, enters: bool | None
) -> None:
    import_scap(path, tmp_path / "x.fcap")
    with open_capture(tmp_path / "x.fcap") as capture:
        done = export_scap(capture, tmp_path / "x.scap", enters=enters)
        assert done.events == capture.count and done.notes == ()
    before, had = state_and_events(path)
    after, has = state_and_events(tmp_path / "x.scap")
    assert after == before
    if enters is not None:
        assert has == enters or not done.enters
    elif not had:
        assert not has
