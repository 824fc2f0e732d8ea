"""Recording several feeds into one capture, with a probe that gives what was recorded before."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from capture.errors import CaptureError, FalcowbError
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.events.shapes import join
from capture.manifest import ProbeInfo, SourceInfo
from capture.reader import Capture, open_capture
from capture.validate import validate
from tests.capture.support import batch
from tests.conformance import cases
from tests.workbench.core.fake_probe import (
    FakeLoss,
    FakeProbe,
    FakeState,
    RefusedProbe,
    read_scap,
)
from workbench.core.call_feed import CallFeed
from workbench.core.feeds import Came, Item
from workbench.core.incoming import Incoming
from workbench.core.record import Limits, Recorder, capture_sink

SCAP = cases.UPSTREAM / "captures" / "live" / "intrusion.scap"
PROBED = ProbeInfo(syscalls=("openat",), snaplen=80)
needs_scap = pytest.mark.skipif(not SCAP.is_file(), reason=f"no {SCAP}")


class Line:
    """A plugin's events, as a feed: batches, then what happens at their end."""

    def __init__(self, source: str, count: int, *, hang: threading.Event | None = None) -> None:
        self.source, self.label = source, f"plugin {source}"
        self._count = count
        self._hang = hang

    def info(self) -> SourceInfo:
        return SourceInfo(self.source)

    def about(self) -> str:
        return "a test"

    def open(self) -> None:
        pass

    def items(self, stop: threading.Event) -> Iterator[Item | None]:
        for _ in range(self._count):
            yield Came(self.source, batch(1, 10))
            yield None
        if self._hang is not None:
            self._hang.wait(60)
        while not stop.is_set():
            yield None
            time.sleep(0.01)

    def close(self) -> None:
        pass


def calls_of(capture: Capture) -> tuple[list[Section], list[EventBatch]]:
    sections: list[Section] = []
    batches: list[EventBatch] = []
    for item in capture.system_calls():
        sections.append(item) if isinstance(item, Section) else batches.append(item)
    return sections, batches


@needs_scap
def test_what_a_probe_gives_is_what_a_scap_holds(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP)
    given = join(batches)
    stop = threading.Event()
    probe = FakeProbe(list(batches), done=stop.set)
    attached = threading.Event()
    feed = CallFeed(PROBED, lambda: probe, lambda: state, attached.set)
    recorder = Recorder(capture_sink(tmp_path / "a.fcap", overwrite=False), [feed], stop=stop)
    recorder.start()
    recorder.run()
    assert attached.is_set() and probe.stopped and probe.closed
    with open_capture(tmp_path / "a.fcap") as capture:
        assert capture.complete
        assert capture.source().probe == PROBED
        (section,), found = calls_of(capture)
        assert section.threads == state.section.threads
        assert join(found).batch == given.batch
    assert validate(tmp_path / "a.fcap") == []
    assert recorder.told.counts == {"syscall": (given.num_rows, 0)}


@needs_scap
def test_plugins_beside_it_share_one_count(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP)
    calls = sum(each.num_rows for each in batches)
    stop = threading.Event()
    other = Line("k8s_audit", 5)
    recorder = Recorder(
        capture_sink(tmp_path / "a.fcap", overwrite=False),
        [CallFeed(PROBED, lambda: FakeProbe(list(batches)), lambda: state), other],
        stop=stop,
    )
    recorder.start()
    runs = threading.Thread(target=recorder.run)
    runs.start()
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if sum(count for count, _ in recorder.told.counts.values()) == calls + 50:
            break
        time.sleep(0.02)
    stop.set()
    runs.join(30)
    with open_capture(tmp_path / "a.fcap") as capture:
        _, found = calls_of(capture)
        numbers = [each.batch.column("num").to_numpy() for each in found]
        numbers += [each.column("num").to_numpy() for each in capture.batches("k8s_audit")]
    assert sorted(np.concatenate(numbers)) == list(range(1, calls + 51))


@needs_scap
def test_losses_are_told_with_time_and_class(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP)
    stop = threading.Event()
    probe = FakeProbe(
        list(batches), [FakeLoss(1_000, 7), FakeLoss(2_000, 2, "user", "", "")], stop.set
    )
    feed = CallFeed(PROBED, lambda: probe, lambda: state)
    recorder = Recorder(capture_sink(tmp_path / "a.fcap", overwrite=False), [feed], stop=stop)
    said: list[str] = []
    recorder.start(said.append)
    recorder.run()
    assert said == ["Events are being lost: 7 so far."]
    assert recorder.told.lost == {
        "the kernel's buffer was full: openat": 7,
        "lost in falcowb": 2,
    }
    with open_capture(tmp_path / "a.fcap") as capture:
        assert [(gap.count, gap.time) for gap in capture.gaps()] == [(7, 1_000), (2, 2_000)]


@needs_scap
def test_a_loss_can_end_the_recording(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP)
    probe = FakeProbe(list(batches), [FakeLoss(1_000, 7)])
    feed = CallFeed(PROBED, lambda: probe, lambda: state)
    sink = capture_sink(tmp_path / "a.fcap", overwrite=False)
    recorder = Recorder(sink, [feed], exit_on_drop=True)
    recorder.start()
    with pytest.raises(FalcowbError, match="because events were lost"):
        recorder.run()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert not capture.complete
        assert "events were lost" in capture.missing[0]


@needs_scap
def test_limits_cut_at_the_event(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP)
    feed = CallFeed(PROBED, lambda: FakeProbe(list(batches)), lambda: state)
    sink = capture_sink(tmp_path / "a.fcap", overwrite=False)
    recorder = Recorder(sink, [feed], Limits(events=501))
    recorder.start()
    recorder.run()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert capture.complete and capture.count == 501


@needs_scap
def test_containers_are_known_from_the_start(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP)
    told = b'{"container":{"id":"0123456789ab","name":"web"}}'
    stop = threading.Event()
    probe = FakeProbe(list(batches), done=stop.set)
    known = replace(state, containers=[told], notes=["The docker socket did not answer."])
    feed = CallFeed(PROBED, lambda: probe, lambda: known)
    recorder = Recorder(capture_sink(tmp_path / "a.fcap", overwrite=False), [feed], stop=stop)
    recorder.start()
    recorder.run()
    with open_capture(tmp_path / "a.fcap") as capture:
        _, found = calls_of(capture)
        assert found[0].event_type(0).name == "container"
        assert found[0].parameters(found[0].codes[found[0].type_ids[0]])[0].as_py() == {
            "json": told
        }
        assert not found[0].judged()[0]
        assert capture.complete
        assert capture.source().remarks == ("The docker socket did not answer.",)


def test_a_probe_that_is_refused_leaves_no_capture(tmp_path: Path) -> None:
    feed = CallFeed(PROBED, lambda: RefusedProbe([]), lambda: FakeState(Section.of(0)))
    recorder = Recorder(capture_sink(tmp_path / "a.fcap", overwrite=False), [feed])
    with pytest.raises(CaptureError, match="cannot be recorded here"):
        recorder.start()
    assert not (tmp_path / "a.fcap").exists()


def test_a_state_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    def refuse() -> FakeState:
        raise CaptureError("no /proc")

    stop = threading.Event()
    feed = CallFeed(PROBED, lambda: FakeProbe([], done=stop.set), refuse)
    recorder = Recorder(capture_sink(tmp_path / "a.fcap", overwrite=False), [feed], stop=stop)
    recorder.start()
    recorder.run()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert "no /proc" in capture.source().remarks[0]


def test_a_feed_that_hangs_ends_the_recording_in_words(tmp_path: Path) -> None:
    stop, hang = threading.Event(), threading.Event()
    recorder = Recorder(
        capture_sink(tmp_path / "a.fcap", overwrite=False),
        [Line("good", 3), Line("bad", 2, hang=hang)],
        Limits(seconds=0.5),
        stop=stop,
    )
    recorder.start()
    try:
        with pytest.raises(FalcowbError, match="plugin bad gave no answer"):
            recorder.run()
        assert recorder.hanging == ["plugin bad"]
    finally:
        hang.set()
    with open_capture(tmp_path / "a.fcap") as capture:
        assert [info.events for info in capture.manifest.sources] == [30, 20]
        assert "plugin bad gave no answer" in capture.missing[0]


@needs_scap
def test_rotation_goes_on_in_a_capture_that_is_whole(tmp_path: Path) -> None:
    state, batches = read_scap(SCAP, 200)
    stop, rotate = threading.Event(), threading.Event()
    waiting = list(batches)
    asked: list[bool] = []
    probe = FakeProbe([])

    second = tmp_path / "a-2.fcap"

    def feed_more() -> None:
        if len(waiting) == len(batches) // 2 and not asked:
            asked.append(True)
            rotate.set()
        elif not waiting:
            stop.set()
        elif not asked or second.exists():
            probe.batches.append(waiting.pop(0))

    probe.done = feed_more
    feed = CallFeed(PROBED, lambda: probe, lambda: state)
    recorder = Recorder(
        capture_sink(tmp_path / "a.fcap", overwrite=False), [feed], stop=stop, rotate=rotate
    )
    recorder.start()
    recorder.run()
    total = sum(each.num_rows for each in batches)
    assert recorder.told.counts == {"syscall": (total, 0)}
    with open_capture(tmp_path / "a.fcap") as first, open_capture(second) as then:
        assert first.complete and then.complete
        assert first.count + then.count == total and then.count
        (section,), found = calls_of(then)
        assert section.threads == state.section.threads
        assert found[0].batch.column("num")[0].as_py() == first.count + 1


def test_events_of_one_source_twice_are_refused() -> None:
    with pytest.raises(FalcowbError, match="two plugins"):
        Incoming([Line("a", 1), Line("a", 1)])
