"""A plugin that hangs: what it gave before is kept, and the recording ends in words."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from capture.reader import open_capture
from tests.workbench.command import falcowb, start
from tests.workbench.sample_plugin import compile_sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_sample(tmp_path_factory.mktemp("plugin"))


def test_its_events_are_kept_and_it_is_named(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    ran = falcowb(
        "capture", "--plugin", sample, "--open", "20 5 hang", "-o", path, "--duration", "2s"
    )
    assert ran.code == 1
    assert "plugin sample gave no answer" in ran.err
    assert "sample: 20 events recorded." in ran.err
    with open_capture(path) as capture:
        assert capture.count == 20
        assert "plugin sample gave no answer" in capture.missing[0]


def test_the_second_signal_ends_it_at_once(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    process = start("capture", "--plugin", sample, "--open", "20 5 hang", "-o", path)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (path / "manifest.json").exists():
                with open_capture(path) as capture:
                    if capture.count == 20:
                        break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) in (128 + signal.SIGTERM, -signal.SIGTERM)
    finally:
        process.kill()
        process.communicate()
    with open_capture(path) as capture:
        assert capture.count == 20
        assert "cut short" in capture.missing[0]


def test_what_ends_by_itself_is_no_matter(sample: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.fcap"
    ran = falcowb("capture", "--plugin", sample, "--open", "20 5 eof", "-o", path)
    assert ran.code == 0, ran.err
    with open_capture(path) as capture:
        assert capture.complete and capture.count == 20
