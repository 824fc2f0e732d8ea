"""``falcowb info``: what it tells, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from capture.errors import CaptureError
from capture.manifest import PluginInfo, SourceInfo
from capture.writer import CaptureWriter
from tests.capture.support import batch, small
from workbench.cli.main import app

runner = CliRunner()


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    path = tmp_path / "a.fcap"
    plugin = PluginInfo("k8s_audit", "0.1.0", "3.0.0", 1, "k8s_audit.so", "ab" * 32, "", "x.json")
    with CaptureWriter(path, [SourceInfo("k8s_audit", plugin=plugin)]) as writer:
        writer.write("k8s_audit", batch(1, 1001))
        writer.drop("k8s_audit", 7, "queue full \x1b[31m")
    return path


def test_a_complete_capture(recorded: Path) -> None:
    result = runner.invoke(app, ["info", str(recorded), "--full"])
    assert result.exit_code == 0
    text = result.stdout
    assert ": complete" in text
    assert "1,001 (numbers 1 to 1001), 1e+03 a second" in text
    assert "k8s_audit 0.1.0, plugin API 3.0.0" in text
    assert "2023-11-14T22:13:20.001000000Z" in text
    assert "7 after event 1001 (queue full" in text
    assert "all is as stated" in text
    assert "falcowb replay" in text
    assert "\x1b" not in text


def test_as_json(recorded: Path) -> None:
    result = runner.invoke(app, ["info", str(recorded), "--json"])
    data = json.loads(result.stdout)
    assert data["complete"] is True and data["events"] == 1001 and data["drops"] == 7
    (source,) = data["sources"]
    assert source["plugin"]["sha256"] == "ab" * 32
    assert [gap["count"] for gap in source["gaps"]] == [7]
    assert source["span"]["last_num"] == 1001
    assert "findings" not in data


def test_a_cut_capture(tmp_path: Path) -> None:
    path = small(tmp_path / "a.fcap")
    segment = path / "k8s_audit" / "events-00000.arrow"
    segment.write_bytes(segment.read_bytes()[:-400])
    result = runner.invoke(app, ["info", str(path)])
    assert result.exit_code == 0
    assert "damaged" in result.stdout and "10 events are lost" in result.stdout
    full = runner.invoke(app, ["info", str(path), "--full", "--json"])
    assert full.exit_code == 1
    assert json.loads(full.stdout)["findings"][0]["level"] == "error"


def test_no_capture(tmp_path: Path) -> None:
    result = runner.invoke(app, ["info", str(tmp_path / "none.fcap")])
    assert result.exit_code == 1
    assert isinstance(result.exception, CaptureError)
