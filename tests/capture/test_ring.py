"""A ring keeps the newest, in its size, with the state it begins with, whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.errors import CaptureError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.reader import Capture, open_capture
from capture.ring import Ring, RingLimits, let_go_in_words
from capture.validate import Level, validate
from capture.writer import FlushPolicy
from engine.state.machine import EventState, StateEngine
from tests.capture.ringing import ROWS, START, STEP, calls, record, ring, story
from tests.capture.small_disk import small_disk
from tests.capture.support import batch as plugin_batch
from tests.engine.state.differences import differences
from tests.engine.syscalls.made import BASE

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """In memory where there is such a file system: what is written is brought to the disk so often
    that a slow one would be all that is tested."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path_factory.mktemp("ring")
        return
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def numbers(capture: Capture) -> list[int]:
    return [
        num
        for item in capture.system_calls()
        if isinstance(item, EventBatch)
        for num in item.batch.column("num").to_pylist()
    ]


_WALK: list[EventState] = []
_WALKER = StateEngine(START)


def expected(number: int) -> EventState:
    """What one walk over all events finds at the batch of calls that begins with this number."""
    while len(_WALK) * ROWS < number:
        _WALK.append(_WALKER.feed(calls(1 + len(_WALK) * ROWS)))
    return _WALK[number // ROWS]


def judged_alike(capture: Capture) -> int:
    """What is left of a capture is walked as one walk over all of it would; how many events."""
    rest = StateEngine()
    seen = 0
    for item in capture.system_calls():
        if isinstance(item, Section):
            assert item.threads.num_rows
            rest.begin(item)
            continue
        first, last = (int(item.batch.column("num")[at].as_py()) for at in (0, -1))
        assert (first % ROWS, last) == (1, first + ROWS - 1)
        found = rest.feed(item)
        # Looking at everything takes its time; what goes wrong stays wrong.
        if not seen or first % (16 * ROWS) == 1:
            different = differences(calls(first), expected(first), found)
            assert not different, different[:3]
        seen += ROWS
    return seen


def test_the_newest_is_kept_with_its_state(tmp_path: Path) -> None:
    made = ring(tmp_path / "a.fcap")
    for batch in story(150):
        made.write_events(batch)
        made.turn(0)
        assert made.size <= 1 << 20
    made.close()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert capture.complete, capture.missing
        gone = capture.source("syscall").let_go
        assert gone is not None and gone.events > 0 and gone.span is not None
        kept = numbers(capture)
        assert kept == list(range(gone.events + 1, 150 * ROWS + 1))
        assert gone.span.last_num == gone.events and gone.bytes > 0
        assert judged_alike(capture) == len(kept)
        words = let_go_in_words(capture.source("syscall"))
        assert words is not None and f"{gone.events:,} events from " in words
        assert capture.state_count("sections") == 1
        assert not capture.missing
    assert made.counts["syscall"] == (150 * ROWS, 0)
    problems = [each for each in validate(tmp_path / "a.fcap") if each.level is Level.ERROR]
    assert not problems
    starts = sorted(each.name for each in (tmp_path / "a.fcap" / "syscall").glob("start-*"))
    assert starts == [gone.state]
    assert not (tmp_path / "a.fcap" / "syscall" / "threads.arrow").exists()


def test_a_ring_of_a_time(tmp_path: Path) -> None:
    made = ring(tmp_path / "a.fcap", limits=RingLimits(seconds=2.0))
    for at, batch in enumerate(story(100)):
        made.write_events(batch)
        if at % 5 == 4:
            made.rotate()
    end = BASE + 100 * ROWS * STEP
    made.turn(end)
    made.close()
    with open_capture(tmp_path / "a.fcap") as capture:
        kept = numbers(capture)
        assert kept[-1] == 100 * ROWS
        # All of the last two seconds, and no more than a segment before them.
        wanted = 100 * ROWS - 2_000_000_000 // STEP
        assert wanted - 5 * ROWS <= kept[0] <= wanted
        assert judged_alike(capture) == len(kept)


def test_plugins_go_round_beside_system_calls(tmp_path: Path) -> None:
    record(tmp_path / "a.fcap", 120)
    with open_capture(tmp_path / "a.fcap") as capture:
        assert capture.complete, capture.missing
        for name in capture.sources:
            info = capture.source(name)
            assert info.let_go is not None and info.let_go.events > 0
            assert info.span is not None
            assert info.span.last_num >= 119 * ROWS
        read = [n for part in capture.batches("k8s_audit") for n in part.column("num").to_pylist()]
        assert read[-3:] == [119 * ROWS + 1, 119 * ROWS + 2, 119 * ROWS + 3]
        assert len(read) == capture.source("k8s_audit").events
        assert judged_alike(capture)


def test_a_second_section_comes_in_its_turn(tmp_path: Path) -> None:
    made = ring(tmp_path / "a.fcap")
    for batch in story(20):
        made.write_events(batch)
    made.begin_section(Section.of(1, (0, 0), {"threads": START.threads}))
    second = [
        EventBatch(each.batch, each.codes, each.type_ids, each.offsets, 1)
        for each in story(40, 20 * ROWS + 1)
    ]
    for batch in second:
        made.write_events(batch)
    made.rotate()
    while made.turn(0):
        pass
    made.close()
    with open_capture(tmp_path / "a.fcap") as capture:
        items = list(capture.system_calls())
        assert isinstance(items[0], Section)
        numbered = [item.number for item in items if isinstance(item, Section)]
        assert numbered in ([0, 1], [1])
        assert not capture.missing


def test_what_is_held_is_kept_and_the_ring_is_not_outgrown(tmp_path: Path) -> None:
    made = ring(tmp_path / "a.fcap")
    made.hold("reader", "syscall", 0)
    for batch in story(40):
        made.write_events(batch)
        made.turn(0)
    assert made.infos[0].let_go is None or made.size > 1 << 20
    for batch in story(200, 40 * ROWS + 1):
        made.write_events(batch)
        made.turn(0)
        assert made.size < 1.7 * (1 << 20)
    made.release("reader")
    made.turn(0)
    assert made.size <= 1 << 20
    made.close()


def test_without_its_manifest_it_begins_where_the_ring_did(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    made = ring(path)
    for batch in story(150):
        made.write_events(batch)
        made.turn(0)
    made.close()
    (path / "manifest.json").unlink()
    with open_capture(path) as capture:
        kept = numbers(capture)
        assert kept[-1] == 150 * ROWS and kept[0] > 1
        assert judged_alike(capture) == len(kept)


def test_a_reader_that_is_overtaken_says_so(tmp_path: Path) -> None:
    made = ring(tmp_path / "a.fcap")
    for turn in range(12):
        made.write_events(calls(1 + turn * ROWS))
        made.write("k8s_audit", plugin_batch(1 + turn * ROWS, 3))
        made.rotate()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert not capture.missing
        made.turn(2**62)
        made.limits = RingLimits(seconds=1.0)
        assert made.turn(2**62) > 0
        list(capture.system_calls())
        assert any("let go while it was read, with" in text for text in capture.missing)
        before = len(capture.missing)
        assert not list(capture.batches("k8s_audit"))
        assert len(capture.missing) > before
    made.close()


def test_a_made_up_state_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    record(path, 60)
    manifest = path / "manifest.json"
    text = manifest.read_text()
    assert '"start-' in text
    for name in ("../../x", "start-1", "start-99999"):
        start = text.index('"start-')
        manifest.write_text(text[:start] + f'"{name}"' + text[text.index('"', start + 1) + 1 :])
        with open_capture(path) as capture:
            list(capture.system_calls())
            assert capture.missing


@pytest.mark.parametrize(
    "limits", [{}, {"bytes": 1000}, {"seconds": 0.1}, {"bytes": 1 << 30, "seconds": 0.0}]
)
def test_a_ring_too_small(limits: dict[str, float]) -> None:
    with pytest.raises(CaptureError):
        RingLimits(**limits)  # type: ignore[arg-type]


def test_memory_and_size_stay_over_many_batches(tmp_path: Path) -> None:
    sizes, memory = [], []
    with Ring(
        tmp_path / "a.fcap",
        ["syscall"],
        RingLimits(bytes=1 << 20),
        StateEngine,
        policy=FlushPolicy(events=1),
    ) as made:
        made.begin_section(START)
        for at, batch in enumerate(story(800)):
            made.write_events(batch)
            if at % 50 == 49:
                made.turn(0)
                sizes.append(_on_disk(tmp_path / "a.fcap"))
                memory.append(_resident())
        assert made.counts["syscall"][0] == 800 * ROWS
    assert max(sizes) <= 1.1 * (1 << 20)
    assert max(memory[8:]) - memory[4] < 24 << 20


def test_killed_between_any_two_steps(tmp_path: Path) -> None:
    _run("steps", tmp_path)
    captures = sorted(tmp_path.glob("*.fcap"))
    assert len(captures) > 15
    _check_killed(captures)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    _run("kill", tmp_path, "30")
    captures = sorted(tmp_path.glob("*.fcap"))
    assert captures
    _check_killed(captures)


def test_a_full_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        made = ring(disk / "a.fcap", limits=RingLimits(bytes=64 << 20))
        with pytest.raises(CaptureError, match="the disk is full"):
            for batch in story(2000):
                made.write_events(batch)
                made.turn(0)
        made.close()
        with open_capture(disk / "a.fcap") as capture:
            assert any("the disk is full" in text for text in capture.missing)
            assert judged_alike(capture) > 10 * ROWS


def test_a_disk_that_fills_while_a_state_is_written(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        made = ring(disk / "a.fcap")
        for batch in story(30):
            made.write_events(batch)
        made.rotate()
        filler = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
        try:
            with pytest.raises(OSError, match="No space"):
                while True:
                    os.write(filler, b"x" * 4096)
        finally:
            os.close(filler)
        made.limits = RingLimits(bytes=1 << 20)
        made.writer.policy = FlushPolicy(events=1)
        try:
            while made.size > 200_000 and made.turn(2**62):
                pass
        except CaptureError as error:
            assert "disk is full" in str(error)
        made.close(complete=False, reason="test")
        with open_capture(disk / "a.fcap") as capture:
            assert judged_alike(capture) or not numbers(capture)


def _run(what: str, folder: Path, *more: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.capture.ringing", what, str(folder), *more],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _check_killed(captures: list[Path]) -> None:
    rolled = 0
    for path in captures:
        if not any(each.is_file() for each in path.rglob("events-*.arrow")):
            continue  # Killed before there was anything.
        with open_capture(path) as capture:
            lost = [text for text in capture.missing if "cut short" not in text]
            assert not [text for text in lost if "missing, with" in text], (path, lost)
            kept = numbers(capture)
            assert kept == list(range(kept[0], kept[0] + len(kept))) if kept else True
            gone = capture.source("syscall").let_go
            assert not kept or kept[0] == (gone.events if gone else 0) + 1
            rolled += gone is not None
            assert judged_alike(capture) == len(kept)
            for part in capture.batches("k8s_audit") if "k8s_audit" in capture.sources else ():
                assert part.num_rows
    assert rolled >= 3


def _on_disk(path: Path) -> int:
    total = 0
    for each in path.rglob("*"):
        try:
            total += each.stat().st_size if each.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
