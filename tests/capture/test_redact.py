"""Secrets do not reach a manifest."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.manifest import PluginInfo, SourceInfo
from capture.redact import redact, redact_text
from capture.writer import CaptureWriter


@pytest.mark.parametrize(
    "text",
    [
        '{"password": "hunter2"}',
        '{"a": {"apiKey": "hunter2"}}',
        '{"list": [{"client_secret": "hunter2"}]}',
        "http://user:hunter2@host:1/path",
        '{"url": "https://user:hunter2@host/"}',
        "https://host/?x=1&token=hunter2&y=2",
        "password: hunter2",
        'aws_secret_access_key = "hunter2"',
        "{password: hunter2",
    ],
)
def test_secrets_are_hidden(text: str) -> None:
    assert "hunter2" not in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1:9765/k8s-audit",
        '{"sslCertificate": "/etc/falco/cert.pem", "maxEventSize": 262144}',
        "/var/log/audit.json",
        "",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact_text(text) == text


def test_a_parsed_configuration() -> None:
    given = {"key_file": "/k.pem", "auth": {"user": "u"}, "n": 3, "tokens": ["a"], "password": ""}
    assert redact(given) == {
        "key_file": "/k.pem", "auth": "***", "n": 3, "tokens": "***", "password": "",
    }  # fmt: skip


def test_hostile_text_takes_linear_time() -> None:
    for text in ("a" * 1_000_000, "?a" * 300_000, "a " * 300_000, "://" * 300_000, "[" * 500_000):
        redact_text(text)


def test_a_manifest_holds_none(tmp_path: Path) -> None:
    plugin = PluginInfo("p", config='{"token": "hunter2"}', open_params="https://u:hunter2@h/")
    with CaptureWriter(tmp_path / "a.fcap", [SourceInfo("s", plugin=plugin)]):
        pass
    text = (tmp_path / "a.fcap" / "manifest.json").read_text()
    assert "hunter2" not in text and "***" in text
