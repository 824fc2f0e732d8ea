"""``falcowb capture`` of a webhook that a real client posts to, in order and killed."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from capture.reader import open_capture
from tests.conformance import cases
from tests.workbench.command import SAMPLES, falcowb, start

RULES = SAMPLES / "rules.yaml"


def traces() -> list[dict[str, Any]]:
    """Real audit events where the shared data is at hand, else those of our sample."""
    lines = [json.loads(each) for each in (SAMPLES / "k8s_intrusion.jsonl").open(encoding="utf-8")]
    for case in cases.read_jsonl("k8saudit_fields.jsonl"):
        lines += [json.loads(event["jevt.obj"]) for event in case["events"]]
    return lines


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until the webhook of a process listens."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            assert process.stderr
            pytest.fail(process.stderr.read().decode())
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.fail("the webhook does not listen")


class Recording:
    """A recording of the webhook in a process of its own."""

    def __init__(self, path: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.path = path
        self.url = f"http://127.0.0.1:{self.port}/k8s-audit"
        self.process = start("capture", "--plugin", "k8s_audit", "--open", self.url, "-o", path)
        await_port(self.port, self.process)

    def post(self, events: list[dict[str, Any]]) -> int:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        body = json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events})
        client.request("POST", "/k8s-audit", body, {"Content-Type": "application/json"})
        status = client.getresponse().status
        client.close()
        return status

    def await_events(self, count: int) -> None:
        """Until so many events are on disk."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with open_capture(self.path) as capture:
                if capture.count >= count:
                    return
            time.sleep(0.1)
        pytest.fail(f"{count} events did not come")

    def end(self, how: int) -> tuple[int, str]:
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=60)
        return self.process.returncode, err.decode()


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    made = Recording(tmp_path / "hook.fcap")
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


def recorded(path: Path) -> list[Any]:
    with open_capture(path) as capture:
        return [
            json.loads(payload.as_py())
            for batch in capture.batches()
            for payload in batch.column("data")
        ]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_every_event_posted_is_recorded(recording: Recording, how: signal.Signals) -> None:
    sent = traces()
    for index in range(0, len(sent), 40):
        assert recording.post(sent[index : index + 40]) == 200
    code, err = recording.end(how)
    assert code == 0, err
    assert f"{len(sent)} events recorded" in err
    assert recorded(recording.path) == sent
    with open_capture(recording.path) as capture:
        assert capture.complete
        assert capture.source().plugin.open_params == recording.url


def test_a_killed_recording_opens_and_replays_what_it_holds(recording: Recording) -> None:
    sent = traces()
    assert recording.post(sent) == 200
    recording.await_events(len(sent))
    assert recording.post(sent[:10]) == 200  # in flight, perhaps lost
    code, _ = recording.end(signal.SIGKILL)
    assert code == -signal.SIGKILL
    held = recorded(recording.path)
    assert held[: len(sent)] == sent
    assert "cut short" in falcowb("info", recording.path).out
    ran = falcowb("replay", recording.path, "-r", RULES, "--plugin", "k8s_audit")
    assert ran.code == 0
    assert "pod: web-cache-warmer" in ran.out
    assert f"{len(held)} events" in ran.err
    assert "cut short" in ran.err


def test_limits_end_a_recording(tmp_path: Path) -> None:
    log = SAMPLES / "k8s_intrusion.jsonl"
    path = tmp_path / "ten.fcap"
    ran = falcowb("capture", "--plugin", "k8s_audit", "--open", log, "-o", path, "--events", "10")
    assert ran.code == 0
    assert len(recorded(path)) == 10


def test_a_taken_port_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/k8s-audit"
        ran = falcowb("capture", "--plugin", "k8s_audit", "--open", url, "-o", "/nowhere/x.fcap")
    assert ran.code == 1
    assert "in use" in ran.err


def test_the_summary_survives_an_interrupt(recording: Recording, tmp_path: Path) -> None:
    """A replay of an endless source, ended by Ctrl-C, still sums up."""
    sent = traces()[:183]
    recording.post(sent)
    recording.end(signal.SIGINT)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/k8s-audit"
    process = start("replay", url, "-r", RULES, "--plugin", "k8s_audit")
    try:
        await_port(port, process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 130, err.decode()
    assert "Interrupted" in err.decode()
    assert "0 events, 0 alerts" in err.decode()
