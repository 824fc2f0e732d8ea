"""The index: any event is as it is when all are read in order, also from the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from capture.errors import CaptureError
from capture.reader import open_capture
from engine.fields.catalogue import SYSCALL
from tests.conformance.cases import UPSTREAM
from tests.workbench.backend.made import INTRUSION, in_small_batches, needs_captures, of_numbers
from workbench.backend.index import folder as folders
from workbench.backend.index.event_index import EventIndex
from workbench.backend.pages import Shown, all_fields, cells, json_cells
from workbench.core.events import CaptureEvents
from workbench.core.session import Session


def nothing() -> None:
    pass


def built(path: Path, session: Session) -> EventIndex:
    index = EventIndex(open_capture(path), session.plugins.event_source)
    index.build(nothing, nothing)
    return index


@pytest.fixture
def session() -> Session:
    return Session.open()


@needs_captures
@pytest.mark.parametrize(
    "scap",
    [INTRUSION, UPSTREAM / "captures/falco/test/trace_files/psp/run_as_user_0_container.scap"],
    ids=lambda path: path.name,
)
def test_every_field_of_every_event_is_as_when_read_in_order(
    tmp_path: Path, session: Session, scap: Path
) -> None:
    path = in_small_batches(scap, tmp_path / "a.fcap", 100)
    refs = all_fields(session.plugins.surroundings.catalogue, SYSCALL)
    capture = open_capture(path)
    expected: list[object] = []
    source = session.plugins.event_source(SYSCALL)
    for window in CaptureEvents(capture, None, None).windows():
        for piece in window.values():
            expected += json_cells(piece.segment(source), refs)
    index = built(path, session)
    assert index.count == len(expected) > 1000
    again = EventIndex(capture, session.plugins.event_source)
    assert again.complete, "the index was kept"
    assert again.numbers.tolist() == index.numbers.tolist()
    rng = np.random.default_rng(1)
    for rows in (np.arange(250, 270), np.sort(rng.integers(0, index.count, 60)), np.array([3])):
        for one in (index, again):
            for located in one.locate(rows):
                found = json_cells(one.segment(located.batch).take(located.places), refs)
                for at, values in zip(located.asked.tolist(), found, strict=True):
                    assert values == expected[rows[at]]
    again.close()
    index.close()


def test_sources_stand_in_the_order_of_numbers(tmp_path: Path, session: Session) -> None:
    path = of_numbers(
        tmp_path / "a.fcap", {"red": [[1, 4, 5], [9, 10], [20]], "blue": [[2, 3], [6, 7, 8, 11]]}
    )
    expected = sorted([1, 4, 5, 9, 10, 20, 2, 3, 6, 7, 8, 11])
    for index in (
        built(path, session),
        EventIndex(open_capture(path), session.plugins.event_source),
    ):
        assert index.complete
        assert index.numbers.tolist() == expected
        got: dict[int, tuple[str, int]] = {}
        for located in index.locate(np.arange(index.count)):
            batch = index.segment(located.batch).batch  # type: ignore[attr-defined]
            numbers = batch.column("num").to_numpy()[located.places]
            for at, number in zip(located.asked.tolist(), numbers.tolist(), strict=True):
                got[at] = (index.source_of(located.batch), number)
        assert [number for _, number in (got[row] for row in range(len(got)))] == expected
        assert [got[row][0] for row in range(4)] == ["red", "blue", "blue", "red"]
        assert index.row_of_number(9) == expected.index(9)
        assert index.row_of_number(12) == expected.index(20)
        assert index.row_of_number(21) is None
        assert index.row_of_time(7500) == expected.index(8)
        assert index.rows_of_numbers(np.array([0, 3, 20, 99])).tolist() == [2, 11]
        index.close()


def test_fields_of_a_source_that_no_plugin_knows(tmp_path: Path, session: Session) -> None:
    path = of_numbers(tmp_path / "a.fcap", {"strange": [[1, 2]]})
    index = built(path, session)
    catalogue = session.plugins.surroundings.catalogue.with_fields([], ["strange"])
    shown = Shown(("evt.num", "proc.name", "no.such"), catalogue)
    found = cells(index.segment(0), np.arange(2), "strange", shown)
    assert found == [["1", "2"], [None, None], [None, None]]
    index.close()


def test_a_damaged_index_is_made_anew(tmp_path: Path, session: Session) -> None:
    path = of_numbers(tmp_path / "a.fcap", {"red": [[1, 2, 3]]})
    built(path, session).close()
    (kept,) = folders.index_root().iterdir()
    (kept / "numbers.bin").write_bytes(b"123")
    index = EventIndex(open_capture(path), session.plugins.event_source)
    assert not index.complete
    index.build(nothing, nothing)
    assert index.numbers.tolist() == [1, 2, 3]
    index.close()


def test_events_that_are_gone_from_the_disk(tmp_path: Path, session: Session) -> None:
    path = of_numbers(tmp_path / "a.fcap", {"red": [[1, 2, 3]]})
    built(path, session).close()
    index = EventIndex(open_capture(path), session.plugins.event_source)
    assert index.complete
    shutil.rmtree(path / "red")
    with pytest.raises(CaptureError, match=r"gone|No such file"):
        index.segment(0)
    index.close()


def test_a_capture_that_is_recorded_is_not_kept(tmp_path: Path, session: Session) -> None:
    from capture.writer import CaptureWriter

    with CaptureWriter(tmp_path / "a.fcap", ["red"]):
        capture = open_capture(tmp_path / "a.fcap")
        assert capture.recording
        index = EventIndex(capture, session.plugins.event_source)
        index.build(nothing, nothing)
        assert index.count == 0
        place = index.folder.path.resolve()
        assert place.is_dir()
        index.close()
        assert not place.exists()
    assert not folders.index_root().exists()


@needs_captures
def test_the_state_at_an_event_is_that_of_a_walk_to_it(tmp_path: Path, session: Session) -> None:
    from capture.events.schema import cut
    from capture.events.section import Section
    from engine.state.machine import StateEngine

    path = in_small_batches(INTRUSION, tmp_path / "a.fcap", 50)
    index = built(path, session)
    capture = open_capture(path)
    rng = np.random.default_rng(2)
    files = 0
    for row in (0, index.count - 1, *rng.integers(0, index.count, 6).tolist()):
        number = int(index.numbers[row])
        engine = StateEngine(containers=True)
        for item in capture.system_calls():
            if isinstance(item, Section):
                engine.begin(item)
                continue
            numbers = item.batch.column("num").to_numpy()
            if int(numbers[-1]) >= number:
                place = np.flatnonzero(numbers == number)[-1]
                engine.feed(cut(item, 0, int(place) + 1))
                break
            engine.feed(item)
        expected, found = engine.snapshot(), index.state_at(row)
        assert found is not None
        files += len(found.fds)
        for table in ("threads", "fds"):
            assert found.table(table).to_pylist() == expected.table(table).to_pylist()
    assert files
    index.close()
