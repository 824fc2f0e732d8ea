"""What is done about lost events: when, how often, and what is said."""

from __future__ import annotations

import json

import numpy as np
import pytest

from capture.errors import FalcowbError
from workbench.config import parse_config
from workbench.core.event_drops import DropConfig, DropMonitor, InternalAlert

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def times(*seconds: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array([START + int(each * SECOND) for each in seconds], np.int64)


class Heard:
    """A monitor and what it said."""

    def __init__(self, config: DropConfig) -> None:
        self.alerts: list[InternalAlert] = []
        self.log: list[str] = []
        self.monitor = DropMonitor(config, self.alerts.append, self.log.append)


def test_the_configuration_is_falcos() -> None:
    config = parse_config(
        "syscall_event_drops:\n  actions: [log, alert]\n  rate: 2\n  max_burst: 3\n"
        "  threshold: .5\n"
    )
    assert DropConfig.of(config) == DropConfig(frozenset({"log", "alert"}), 0.5, 2.0, 3.0)
    assert DropConfig.of(parse_config("")) == DropConfig()
    ignored = parse_config("syscall_event_drops:\n  actions: [ignore]\n  simulate_drops: true\n")
    assert DropConfig.of(ignored) == DropConfig(threshold=0.0, simulate=True)


def test_more_than_the_threshold_in_a_second_is_told() -> None:
    heard = Heard(DropConfig(frozenset({"alert", "log"}), max_burst=5))
    monitor = heard.monitor
    monitor.events(times(0, 0.1, 0.2))
    monitor.lost(30, "openat")
    monitor.lost(4, "close")
    monitor.events(times(1.5))
    (alert,) = heard.alerts
    assert alert.message == (
        "Falco internal: syscall event drop. 34 system calls dropped in last second."
    )
    assert heard.log == [alert.message]
    assert alert.time == START + SECOND * 3 // 2
    counted = {name: value for name, value in alert.fields.items() if value != "0"}
    assert counted == {
        "n_evts": "37",
        "n_drops": "34",
        "n_drops_buffer_total": "34",
        "n_drops_buffer_open_exit": "30",
        "n_drops_buffer_close_exit": "4",
        "ebpf_enabled": "1",
    }


def test_fewer_are_not_told() -> None:
    heard = Heard(DropConfig(frozenset({"alert"})))
    heard.monitor.events(times(*np.linspace(0, 0.9, 90)))
    heard.monitor.lost(10, "open")
    heard.monitor.events(times(1.5))
    assert (heard.monitor.occurrences, heard.alerts) == (0, [])


def test_messages_are_limited_by_a_token_bucket() -> None:
    heard = Heard(DropConfig(frozenset({"alert"}), rate=0.1, max_burst=2, threshold=0))
    for second in range(0, 40, 2):
        heard.monitor.lost(1, "")
        heard.monitor.events(times(second))
    assert heard.monitor.occurrences == 19
    # Two at once, then one every ten seconds.
    assert [each.time // SECOND - START // SECOND for each in heard.alerts] == [2, 4, 12, 22, 32]


def test_however_events_are_batched_it_is_the_same() -> None:
    moments = np.sort(np.random.default_rng(7).uniform(0, 20, 500))
    counts = set()
    for size in (1, 7, 500):
        heard = Heard(DropConfig(frozenset({"alert"}), 0.0, 10.0, 100.0, simulate=True))
        for start in range(0, len(moments), size):
            heard.monitor.events(times(*moments[start : start + size]))
        counts.add(tuple(alert.time for alert in heard.alerts))
    assert len(counts) == 1 and len(counts.pop()) >= 15


def test_a_loss_may_end_everything() -> None:
    heard = Heard(DropConfig(frozenset({"exit"})))
    heard.monitor.lost(5, "open")
    heard.monitor.events(times(0))
    with pytest.raises(FalcowbError, match="says to exit"):
        heard.monitor.events(times(2))
    assert heard.log[-1] == "Exiting."


def test_the_lines_are_falcos() -> None:
    alert = InternalAlert(
        START + 5, "Falco internal: x", "Falco internal: x.", {"b": "1", "a": "2"}
    )
    text = alert.line(as_json=False)
    assert text == '22:13:20.000000005: Debug Falco internal: x. (a="2" b="1")'
    line = json.loads(alert.line(as_json=True))
    assert list(line) == sorted(line)
    assert (line["source"], line["time"]) == ("internal", "2023-11-14T22:13:20.000000005Z")
    assert line["output_fields"] == {"a": "2", "b": "1"}
