"""Windows around alerts: what they hold, what they begin with, how they meet and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from capture import batches as facts
from capture.errors import CaptureError
from capture.events.schema import EventBatch, cut
from capture.events.section import Section
from capture.events.shapes import join
from capture.reader import Capture, open_capture
from capture.ring import Ring, RingLimits
from capture.writer import FlushPolicy
from engine.alerts import AlertOptions
from engine.ruleset.selection import Matching
from engine.state.machine import StateEngine
from tests.capture.ringing import ROWS, START, STEP, calls
from tests.capture.small_disk import small_disk
from tests.capture.support import batch as plugin_batch
from tests.engine.state.differences import differences
from tests.engine.syscalls.made import BASE, Made, batch
from tests.workbench.command import falcowb
from workbench.config import parse_config
from workbench.core.feeds import Begin, Came, Lost
from workbench.core.judge import Judge
from workbench.core.pinner import Pinner, PinOptions
from workbench.core.session import Session

ROOT = Path(__file__).resolve().parents[3]
RULES = """
- rule: Alarm
  desc: somebody opens the alarm
  condition: evt.type = openat and fd.name = /etc/alarm
  output: "alarm (proc=%proc.name parent=%proc.pname)"
  priority: WARNING
- rule: Long Alarm
  desc: the same, for longer
  condition: evt.type = openat and fd.name = /etc/long
  output: "long alarm (proc=%proc.name)"
  priority: ERROR
  capture: true
  capture_duration: 1500
- rule: Silent Alarm
  desc: matches, and keeps nothing where rules have to ask
  condition: evt.type = openat and fd.name = /etc/silent
  output: "silent alarm (proc=%proc.name)"
  priority: INFO
  capture_duration: 3000
"""
SECOND = 1_000_000_000


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


def alarm(first: int, name: bytes = b"/etc/alarm") -> EventBatch:
    """A batch of calls whose first opens the alarm."""
    opened = Made("SYSCALL_OPENAT_2_X", 100, {"fd": 3, "dirfd": -100, "name": name, "flags": 1})
    time_ = BASE + first * STEP
    one = batch([Made(opened.key, opened.tid, opened.values, time=time_)], first)
    rest = calls(first)
    return join([one, cut(rest, 1, rest.num_rows)])


def event(number: int, alarms: Mapping[int, bytes]) -> EventBatch:
    """The batch that begins with this number."""
    name = alarms.get(number // ROWS)
    return calls(number) if name is None else alarm(number, name)


def when(turn: int) -> int:
    """The time of the first event of a batch."""
    return BASE + (1 + turn * ROWS) * STEP


@dataclass
class Told:
    said: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)


def drive(
    folder: Path,
    turns: int,
    alarms: Mapping[int, bytes],
    options: PinOptions,
    *,
    limits: RingLimits | None = None,
    plugins: bool = False,
    losses: Sequence[int] = (),
    each: Callable[[int, Pinner], None] = lambda _turn, _pinner: None,
) -> tuple[Pinner, Told]:
    """Record, judging and pinning, to the end."""
    told = Told()
    with judging(folder, options, told) as pinner:
        ring = pinner.attach(
            Ring(
                folder / "ring.fcap",
                ["syscall", "k8s_audit"] if plugins else ["syscall"],
                limits or RingLimits(bytes=64 << 20),
                StateEngine,
                policy=FlushPolicy(events=1),
                background=False,
            )
        )
        ring.begin_section(START)
        pinner.take(Begin(START))
        for turn in range(turns):
            made = event(1 + turn * ROWS, alarms)
            ring.write_events(made)
            pinner.take(Came("syscall", made))
            if plugins:
                said = plugin_batch(1 + turn * ROWS, 3)
                ring.write("k8s_audit", said)
                pinner.take(Came("k8s_audit", said))
            if turn in losses:
                lost = Lost("syscall", 7, "kernel", "open", when(turn))
                ring.drop("syscall", 7, lost.reason, lost.when)
                pinner.take(lost)
            pinner._windows.flush()
            ring.turn(0)
            each(turn, pinner)
        pinner.close()
        ring.close()
    return pinner, told


@contextmanager
def judging(folder: Path, options: PinOptions, told: Told) -> Iterator[Pinner]:
    rules = folder / "rules.yaml"
    rules.write_text(RULES)
    session = Session.open()
    try:
        ruleset = session.load_rules([rules]).ruleset
        judge = Judge(ruleset, session.plugins, Matching.FIRST, AlertOptions())
        yield Pinner(
            judge,
            ruleset,
            options,
            on_alert=lambda alert: told.alerts.append(alert.rule),
            say=told.said.append,
        )
    finally:
        session.close()


def check(path: Path, alarms: Mapping[int, bytes], start: int, stop: int) -> Capture:
    """The capture holds what lies between, and its events find what they found in the whole."""
    capture = open_capture(path)
    whole, rest = StateEngine(START), StateEngine()
    walked = 0
    numbers: list[int] = []
    for item in capture.system_calls():
        if isinstance(item, Section):
            assert item.threads.num_rows
            rest.begin(item)
            continue
        nums = facts.numbers(item.batch)
        first, last = int(nums[0]), int(nums[-1])
        for at in range(walked + 1, first, ROWS):
            part = event((at - 1) // ROWS * ROWS + 1, alarms)
            whole.feed(_between(part, walked + 1, first - 1))
            walked = min(first - 1, int(facts.numbers(part.batch)[-1]))
        if walked < first - 1:
            part = event((walked // ROWS) * ROWS + 1, alarms)
            whole.feed(_between(part, walked + 1, first - 1))
        again = join(
            [
                _between(event(1 + turn * ROWS, alarms), first, last)
                for turn in range((first - 1) // ROWS, (last - 1) // ROWS + 1)
            ]
        )
        expected, found = whole.feed(again), rest.feed(item)
        different = differences(item, expected, found)
        assert not different, different[:3]
        walked = last
        numbers += nums.tolist()
    assert (
        numbers
        == [
            number
            for number in range(1, 1 << 20)
            if start <= BASE + number * STEP <= stop and number <= numbers[-1]
        ][: len(numbers)]
    )
    assert BASE + numbers[0] * STEP - start <= STEP
    assert stop - (BASE + numbers[-1] * STEP) <= STEP
    return capture


def _between(part: EventBatch, first: int, last: int) -> EventBatch:
    nums = facts.numbers(part.batch)
    return cut(part, int(nums.searchsorted(first)), int(nums.searchsorted(last, side="right")))


def test_the_window_around_an_alert(tmp_path: Path) -> None:
    alarms = {50: b"/etc/alarm"}
    pinner, told = drive(tmp_path, 100, alarms, PinOptions(before=2.0, after=1.0))
    assert told.alerts == ["Alarm"]
    [path] = pinner.pinned
    time_ = when(50)
    with check(path, alarms, time_ - 2 * SECOND, time_ + SECOND) as capture:
        assert capture.complete, capture.missing
        pinned = capture.manifest.pinned
        assert pinned is not None
        assert (pinned.ring, pinned.count) == ("ring.fcap", 1)
        assert (pinned.start, pinned.stop) == (time_ - 2 * SECOND, time_ + SECOND)
        [alert] = pinned.alerts
        assert (alert.rule, alert.priority, alert.source) == ("Alarm", "Warning", "syscall")
        assert (alert.num, alert.time) == (1 + 50 * ROWS, time_)
        assert alert.output.endswith("alarm (proc=cat parent=bash)")
    assert path.name == f"ring_{time_:020d}_{1 + 50 * ROWS:020d}.fcap"
    replayed = falcowb("replay", path, "-r", tmp_path / "rules.yaml")
    assert replayed.out.count("Warning alarm (proc=cat parent=bash)") == 1
    assert any("1 alerts, kept" in text for text in told.said)


def test_windows_that_overlap_are_one(tmp_path: Path) -> None:
    # The second lies in the first's time after, the third's time before reaches into theirs.
    alarms = {40: b"/etc/alarm", 50: b"/etc/alarm", 80: b"/etc/alarm", 140: b"/etc/alarm"}
    pinner, _ = drive(tmp_path, 200, alarms, PinOptions(before=1.5, after=1.0))
    first, second = pinner.pinned
    with check(first, alarms, when(40) - 3 * SECOND // 2, when(80) + SECOND) as capture:
        pinned = capture.manifest.pinned
        assert pinned is not None and pinned.count == 3
        assert [alert.time for alert in pinned.alerts] == [when(40), when(50), when(80)]
    with check(second, alarms, when(140) - 3 * SECOND // 2, when(140) + SECOND) as capture:
        assert capture.complete, capture.missing


def test_rules_that_ask_for_it(tmp_path: Path) -> None:
    """Mode ``rules``: only those with ``capture`` begin; all that match lengthen."""
    alarms = {20: b"/etc/alarm", 40: b"/etc/long", 60: b"/etc/silent", 150: b"/etc/silent"}
    options = PinOptions(before=0.5, after=0.2, all_rules=False)
    pinner, told = drive(tmp_path, 200, alarms, options)
    assert told.alerts == ["Alarm", "Long Alarm", "Silent Alarm", "Silent Alarm"]
    [path] = pinner.pinned
    with check(path, alarms, when(40) - SECOND // 2, when(60) + 3 * SECOND) as capture:
        pinned = capture.manifest.pinned
        assert pinned is not None
        assert [alert.rule for alert in pinned.alerts] == ["Long Alarm", "Silent Alarm"]


def test_a_rule_says_how_long(tmp_path: Path) -> None:
    alarms = {40: b"/etc/long"}
    pinner, _ = drive(tmp_path, 100, alarms, PinOptions(before=0.0, after=0.1))
    [path] = pinner.pinned
    check(path, alarms, when(40), when(40) + 3 * SECOND // 2).close()


def test_a_young_ring_gives_what_it_has(tmp_path: Path) -> None:
    alarms = {5: b"/etc/alarm"}
    pinner, _ = drive(tmp_path, 60, alarms, PinOptions(before=60.0, after=1.0))
    [path] = pinner.pinned
    check(path, alarms, BASE + STEP, when(5) + SECOND).close()


def test_a_small_ring_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    alarms = {150: b"/etc/alarm"}
    pinner, _ = drive(
        tmp_path,
        200,
        alarms,
        PinOptions(before=8.0, after=0.5),
        limits=RingLimits(bytes=1 << 20),
    )
    [path] = pinner.pinned
    with open_capture(path) as capture:
        assert [text for text in capture.missing if "no longer held" in text]
        [first] = [capture.source("syscall").span]
        assert first is not None
        assert when(150) - 8 * SECOND < first.min_time < when(150)
        start = first.min_time
    check(path, alarms, start, when(150) + SECOND // 2).close()


def test_plugins_and_losses_are_in_it(tmp_path: Path) -> None:
    alarms = {50: b"/etc/alarm"}
    pinner, _ = drive(
        tmp_path,
        100,
        alarms,
        PinOptions(before=1.0, after=0.5),
        plugins=True,
        losses=[10, 45, 52, 90],
    )
    [path] = pinner.pinned
    with open_capture(path) as capture:
        assert {name: capture.source(name).drops for name in capture.sources} == {
            "syscall": 14,
            "k8s_audit": 0,
        }
        assert [gap.time for gap in capture.gaps("syscall")] == [when(45), when(52)]
        times = [t for part in capture.batches("k8s_audit") for t in facts.times(part).tolist()]
        assert times and when(50) - SECOND <= min(times) < when(50) - 9 * SECOND // 10
        assert when(50) + SECOND // 3 < max(times) <= when(50) + SECOND // 2


def test_a_recording_that_ends_first(tmp_path: Path) -> None:
    alarms = {50: b"/etc/alarm"}
    pinner, _ = drive(tmp_path, 52, alarms, PinOptions(before=1.0, after=60.0))
    [path] = pinner.pinned
    with open_capture(path) as capture:
        end = capture.manifest.end
        assert end is not None and end.complete and "before its window" in end.reason
        span = capture.source("syscall").span
        assert span is not None and span.last_num == 52 * ROWS


def test_a_largest_size(tmp_path: Path) -> None:
    def wait(turn: int, pinner: Pinner) -> None:
        deadline = time.monotonic() + 60
        while turn == 100 and pinner._pin is not None and time.monotonic() < deadline:
            pinner.tick()
            time.sleep(0.01)

    alarms = {20: b"/etc/alarm", 150: b"/etc/alarm"}
    options = PinOptions(before=0.5, after=30.0, max_bytes=1000)
    pinner, told = drive(tmp_path, 200, alarms, options, each=wait)
    assert len(pinner.pinned) == 2
    with open_capture(pinner.pinned[0]) as capture:
        end = capture.manifest.end
        assert end is not None and "largest size" in end.reason
        span = capture.source("syscall").span
        assert span is not None and span.last_num < 150 * ROWS
    assert any("at its largest size" in text for text in told.said)


def test_all_together_are_bounded(tmp_path: Path) -> None:
    alarms = dict.fromkeys(range(20, 220, 40), b"/etc/alarm")
    options = PinOptions(before=0.2, after=0.2, total_bytes=20_000)
    pinner, told = drive(tmp_path, 220, alarms, options)
    assert 1 <= len(pinner.pinned) < len(alarms)
    assert pinner.refused == len(alarms) - len(pinner.pinned)
    assert sum("No more windows" in text for text in told.said) == 1
    with open_capture(tmp_path / "ring.fcap") as capture:
        assert any("No more windows" in text for text in capture.missing)


def test_a_window_that_cannot_be_written(tmp_path: Path) -> None:
    alarms = {20: b"/etc/alarm"}
    options = PinOptions(before=0.2, after=0.2, prefix=str(tmp_path / "nowhere" / "x"))
    pinner, told = drive(tmp_path, 40, alarms, options)
    assert not pinner.pinned
    assert any("is not kept" in text for text in told.said)
    with open_capture(tmp_path / "ring.fcap") as capture:
        assert capture.source("syscall").events == 40 * ROWS


def test_a_full_disk_ends_the_window_and_not_the_recording(tmp_path: Path) -> None:
    with small_disk(tmp_path) as disk:
        (disk / "filler").write_bytes(bytes((3 << 20) - (310 << 10)))

        def wait(turn: int, pinner: Pinner) -> None:
            deadline = time.monotonic() + 60
            while turn == 90 and pinner._pin is not None and time.monotonic() < deadline:
                pinner._flush_ring()
                pinner.tick()
                time.sleep(0.01)

        options = PinOptions(before=0.5, after=30.0, prefix=str(disk / "x"))
        pinner, told = drive(tmp_path, 120, {5: b"/etc/alarm"}, options, each=wait)
        [path] = pinner.pinned
        assert any("disk is full" in text for text in told.said), told.said
        with open_capture(path) as capture:
            assert any("disk is full" in text for text in capture.missing)
            assert StateEngine(capture.sections()[0]).counts.threads
    with open_capture(tmp_path / "ring.fcap") as capture:
        assert capture.source("syscall").events == 120 * ROWS
        assert any("ends early" in text for text in capture.missing)


@pytest.mark.parametrize("count", [6])
def test_killed_with_windows_open(tmp_path: Path, count: int) -> None:
    """What was killed while a window was written opens, says so, and judges as it would have."""
    for number in range(count):
        folder = tmp_path / str(number)
        folder.mkdir()
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.workbench.core.test_pinner", str(folder)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        assert child.stdout is not None
        child.stdout.readline()  # It has begun.
        time.sleep(number * 0.1)
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()
        for path in [*folder.glob("ring_*.fcap"), folder / "ring.fcap"]:
            with open_capture(path) as capture:
                engine = StateEngine()
                for item in capture.system_calls():
                    if isinstance(item, Section):
                        assert item.threads.num_rows
                        engine.begin(item)
                    else:
                        engine.feed(item)
                assert not [text for text in capture.missing if "is lost" in text], capture.missing


def test_options_of_a_configuration(tmp_path: Path) -> None:
    def options(text: str, **more: Any) -> PinOptions:
        return PinOptions.of(parse_config(text, (), file="f", folder=tmp_path), **more)

    assert options("{}") == PinOptions(before=120.0, after=60.0)
    assert options("capture:\n  enabled: false\n  mode: rules\n") == PinOptions()
    asked = "capture:\n  enabled: true\n  path_prefix: /tmp/x\n  max_file_size_mb: 5\n"
    assert options(asked) == PinOptions(
        after=5.0, all_rules=False, max_bytes=5_000_000, prefix="/tmp/x"
    )
    more = asked + "  mode: all_rules\n  default_duration: 1500\n"
    assert options(more, before=3.0) == PinOptions(
        before=3.0, after=1.5, all_rules=True, max_bytes=5_000_000, prefix="/tmp/x"
    )
    assert options(more, after=9.0).after == 9.0
    with pytest.raises(CaptureError):
        PinOptions(before=-1.0)


def _endless(folder: Path) -> None:
    """Records and pins until it is killed."""
    options = PinOptions(before=0.5, after=0.5)
    with judging(folder, options, Told()) as pinner:
        ring = pinner.attach(
            Ring(folder / "ring.fcap", ["syscall"], RingLimits(bytes=1 << 20), StateEngine)
        )
        ring.begin_section(START)
        pinner.take(Begin(START))
        turn = 0
        while True:
            made = event(1 + turn * ROWS, {turn: b"/etc/alarm"} if turn % 40 == 20 else {})
            ring.write_events(made)
            pinner.take(Came("syscall", made))
            turn += 1
            if turn == 30:
                print("begun", flush=True)


if __name__ == "__main__":
    _endless(Path(sys.argv[1]))
