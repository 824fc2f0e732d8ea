"""The webhook, spoken to by a real HTTP client."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plugins.host import Plugin, PluginError, Source
from tests.conformance import cases
from tests.plugins.k8s_audit.support import audit_event, ids, new_plugin

JSON = {"Content-Type": "application/json"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Hook:
    """An open webhook source and a client for it."""

    def __init__(self, plugin: Plugin, path: str = "/k8s-audit") -> None:
        self.port = free_port()
        self.path = path
        self.source: Source = plugin.open(f"http://127.0.0.1:{self.port}{path}")

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def post(
        self, body: Any, headers: dict[str, str] = JSON, path: str | None = None
    ) -> tuple[int, str]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", data, headers, path)

    def send(
        self, method: str, data: bytes | None, headers: dict[str, str], path: str | None = None
    ) -> tuple[int, str]:
        connection = self.connect()
        try:
            connection.request(method, path or self.path, data, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def take(self, count: int) -> list[str]:
        found: list[str] = []
        deadline = time.monotonic() + 20
        while len(found) < count and time.monotonic() < deadline:
            batch = self.source.next_batch(max_seconds=0.05)
            assert batch is not None
            found += ids(batch)
        return found

    def is_empty(self) -> bool:
        batch = self.source.next_batch(max_seconds=0.1)
        return batch is not None and batch.num_rows == 0


@pytest.fixture
def hook() -> Iterator[Hook]:
    made = Hook(new_plugin({"webhookMaxBatchSize": 1 << 20}))
    yield made
    made.source.close()


def event_list(*numbers: int) -> dict[str, Any]:
    items = [audit_event(number) for number in numbers]
    return {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": items}


def test_events_come_out_as_they_went_in(hook: Hook) -> None:
    assert hook.post(event_list(0, 1, 2)) == (200, "")
    assert hook.post(audit_event(3)) == (200, "")
    assert hook.post([audit_event(4)]) == (200, "")
    assert hook.post(event_list(), {"Content-Type": "application/json; charset=utf-8"})[0] == 200
    assert hook.take(5) == [f"id-{i}" for i in range(5)]
    assert hook.is_empty()


def test_a_connection_is_kept(hook: Hook) -> None:
    connection = hook.connect()
    for number in range(20):
        connection.request("POST", hook.path, json.dumps(audit_event(number)), JSON)
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read()
        assert not answer.will_close
    connection.close()
    assert hook.take(20) == [f"id-{i}" for i in range(20)]


@cases.needs_shared
def test_the_traces_posted(hook: Hook) -> None:
    folder = cases.UPSTREAM / "captures/falco/test/trace_files/k8s_audit"
    sent = 0
    for file in sorted(folder.glob("*.json")):
        for text in file.read_bytes().splitlines():
            if text.strip():
                value = json.loads(text)
                status, _ = hook.post(text)
                known = isinstance(value, list) or value.get("kind") in ("Event", "EventList")
                assert (status == 200) == known
                sent += status == 200
    assert sent > 40
    assert len(hook.take(sent)) == sent


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"no json", "not JSON"),
        (b'{"kind":"EventList","items":[', "not JSON"),
        (b'{"kind":"Pod"}', "not recognized as a k8s audit event"),
        (b'{"kind":"Event"}', "stageTimestamp"),
    ],
)
def test_what_holds_no_event_is_refused(hook: Hook, body: bytes, said: str) -> None:
    status, text = hook.post(body)
    assert status == 400
    assert said in text
    assert hook.is_empty()


def test_other_methods_paths_and_types(hook: Hook) -> None:
    good = json.dumps(audit_event(1)).encode()
    assert hook.send("GET", None, {})[0] == 405
    assert hook.send("PUT", good, JSON)[0] == 405
    assert hook.send("HEAD", None, {}) == (405, "")
    assert hook.send("GET", None, {}, "/other")[0] == 404
    assert hook.post(good, path="/other")[0] == 404
    assert hook.post(good, path=hook.path + "?timeout=30s")[0] == 200
    assert hook.post(good, {"Content-Type": "text/plain"})[0] == 415
    assert hook.post(good, {})[0] == 415
    assert hook.post(good, {**JSON, "Content-Encoding": "br"})[0] == 415
    assert hook.take(1) == ["id-1"]
    assert hook.is_empty()


def test_sizes(hook: Hook) -> None:
    large = json.dumps(audit_event(1, pad="x" * (1 << 20))).encode()
    assert hook.post(large)[0] == 413
    assert hook.post(gzip.compress(large), {**JSON, "Content-Encoding": "gzip"})[0] == 413
    assert hook.post(b"", {**JSON, "Content-Length": "x"})[0] == 400
    connection = hook.connect()
    connection.putrequest("POST", hook.path)
    connection.putheader("Content-Type", "application/json")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_bodies_in_chunks_and_compressed(hook: Hook) -> None:
    text = json.dumps(event_list(1, 2)).encode()
    connection = hook.connect()
    pieces = iter([text[:10], text[10:100], text[100:]])
    connection.request("POST", hook.path, pieces, JSON, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    packed = gzip.compress(text)
    assert hook.post(packed, {**JSON, "Content-Encoding": "gzip"})[0] == 200
    assert hook.post(packed[:-9], {**JSON, "Content-Encoding": "gzip"})[0] == 400
    assert hook.take(4) == ["id-1", "id-2"] * 2


def test_bad_chunks(hook: Hook) -> None:
    for body in (b"zz\r\n", b"-1\r\n", b"5\r\nab", b"ffffffff\r\n"):
        with socket.create_connection(("127.0.0.1", hook.port), timeout=20) as client:
            client.sendall(
                f"POST {hook.path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                "Transfer-Encoding: chunked\r\n\r\n".encode()
                + body
            )
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100).split(b" ")[1] in (b"400", b"413")
    assert hook.is_empty()


def test_a_full_queue_pushes_back_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, hook: Hook
) -> None:
    from plugins.k8s_audit import source_webhook

    monkeypatch.setattr(source_webhook, "QUEUE_BYTES", 100_000)
    monkeypatch.setattr(source_webhook, "QUEUE_WAIT", 0.2)
    small = Hook(new_plugin())
    taken = []
    status = 200
    number = 0
    while status == 200:
        status, text = small.post(audit_event(number, pad="x" * 30_000))
        taken += [f"id-{number}"] if status == 200 else []
        number += 1
        assert number < 20
    assert status == 429
    assert "try again" in text
    assert small.take(len(taken)) == taken
    assert small.post(audit_event(99))[0] == 200
    assert small.take(1) == ["id-99"]
    small.source.close()


def test_many_clients_at_once(hook: Hook) -> None:
    def run(client: int) -> None:
        connection = hook.connect()
        for i in range(25):
            body = json.dumps(event_list(*range(client * 1000 + i * 4, client * 1000 + i * 4 + 4)))
            connection.request("POST", hook.path, body, JSON)
            assert connection.getresponse().read() == b""
        connection.close()

    threads = [threading.Thread(target=run, args=(client,)) for client in range(8)]
    for thread in threads:
        thread.start()
    found = hook.take(800)
    for thread in threads:
        thread.join()
    wanted = {f"id-{client * 1000 + i}" for client in range(8) for i in range(100)}
    assert len(found) == 800
    assert set(found) == wanted


def test_a_client_that_breaks_off_harms_nobody(hook: Hook) -> None:
    for text in (b"", b"POST /k8s-audit HTTP/1.1\r\nContent-Le", b"\xff\xfe\x00\n\n"):
        with socket.create_connection(("127.0.0.1", hook.port)) as client:
            client.sendall(text)
    with socket.create_connection(("127.0.0.1", hook.port)) as client:
        client.sendall(
            b"POST /k8s-audit HTTP/1.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 1000\r\n\r\n{"
        )
    assert hook.post(audit_event(5))[0] == 200
    assert hook.take(1) == ["id-5"]


def test_closing_frees_the_port_and_ends_the_source() -> None:
    plugin = new_plugin()
    hook = Hook(plugin)
    hook.post(audit_event(1))
    hook.source.close()
    with pytest.raises(ConnectionRefusedError):
        hook.post(audit_event(2))
    again = plugin.open(f"http://127.0.0.1:{hook.port}/k8s-audit")
    with pytest.raises(PluginError, match="cannot listen"):
        plugin.open(f"http://127.0.0.1:{hook.port}/k8s-audit")
    again.close()


def test_the_default_endpoint() -> None:
    try:
        with socket.create_connection(("127.0.0.1", 9765), timeout=1):
            pytest.skip("something listens on port 9765 of this machine")
    except OSError:
        pass
    with new_plugin().open(""):
        connection = http.client.HTTPConnection("127.0.0.1", 9765, timeout=20)
        connection.request("POST", "/k8s-audit", json.dumps(audit_event(1)), JSON)
        assert connection.getresponse().status == 200


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    key, cert, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", str(key)]
    command += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", str(cert)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    both.write_bytes(key.read_bytes() + cert.read_bytes())
    return both


def test_https(certificate: Path) -> None:
    plugin = new_plugin({"sslCertificate": str(certificate)})
    port = free_port()
    with plugin.open(f"https://127.0.0.1:{port}/audit") as source:
        context = ssl.create_default_context(cafile=str(certificate))
        # Somebody who never says hello must not hold up the others.
        with socket.create_connection(("127.0.0.1", port)):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
            connection.request("POST", "/audit", json.dumps(audit_event(1)), JSON)
            assert connection.getresponse().status == 200
        batch = source.next_batch(max_seconds=2)
        assert batch is not None
        assert ids(batch) == ["id-1"]


def test_https_without_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no\.pem cannot be used: No such file"):
        new_plugin({"sslCertificate": str(tmp_path / "no.pem")}).open("https://127.0.0.1:1/a")
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(PluginError, match=r"bad\.pem cannot be used"):
        new_plugin({"sslCertificate": str(bad)}).open("https://127.0.0.1:1/a")


def test_addresses_that_are_none() -> None:
    for url in ("http://127.0.0.1:99999/a", "http://127.0.0.1:x/a", "http://256.1.1.1:80/a"):
        with pytest.raises(PluginError, match=r"no address|cannot listen"):
            new_plugin().open(url)
