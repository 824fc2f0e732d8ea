"""Container runtimes as tests need them: on Unix sockets, answering well, badly or never."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


@contextlib.contextmanager
def service(path: Path, talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A service that gives each connection to ``talk``, in a thread of its own."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(16)

    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            talk(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield str(path)
    finally:
        # A close alone does not wake accept.
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def answers(pages: dict[str, Any]) -> Callable[[socket.socket], None]:
    """Talks HTTP: the JSON of each path, 404 for others."""

    def talk(connection: socket.socket) -> None:
        lines = connection.makefile("rb")
        while request := lines.readline():
            path = request.split()[1].decode()
            while lines.readline().strip():
                pass
            body = json.dumps(pages.get(path, {"message": "no such page"})).encode()
            status = b"200 OK" if path in pages else b"404 Not Found"
            connection.sendall(
                b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
                b"\r\n%x\r\n%b\r\n0\r\n\r\n" % (status, len(body), body)
            )

    return talk


def _requests(connection: socket.socket) -> None:
    connection.recv(65536)


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def hangs_up(connection: socket.socket) -> None:
    _requests(connection)


def nonsense(connection: socket.socket) -> None:
    _requests(connection)
    connection.sendall(b"\xff\x00 what? \r\n\r\n" * 10)


def not_json(connection: socket.socket) -> None:
    _requests(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{{{{{")


def deep(connection: socket.socket) -> None:
    _requests(connection)
    body = b"[" * 200_000
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def huge(connection: socket.socket) -> None:
    _requests(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n[")
    while True:
        connection.sendall(b'"' + b"x" * 65536 + b'",')


def many_headers(connection: socket.socket) -> None:
    _requests(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"X-Header: %b\r\n" % (b"x" * 60_000))


def drips_headers(connection: socket.socket) -> None:
    _requests(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


def drips(connection: socket.socket) -> None:
    _requests(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n[")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


BAD: dict[str, Callable[[socket.socket], None]] = {
    "silent": silent,
    "hangs up": hangs_up,
    "nonsense": nonsense,
    "not JSON": not_json,
    "deep": deep,
    "huge": huge,
    "many headers": many_headers,
    "drips headers": drips_headers,
    "drips": drips,
}

ID = "32a1026ccb88a551e2a38eb8f260b4700aefec7e8c007344057e58a9fa302374"
OTHER = "ffee" * 16
IMAGE = "sha256:0ca0fed353fb77c247abada85aebc667fd1f5fa0b5f6ab1efb26867ba18f2f0a"

DOCKER: dict[str, Any] = {
    "/containers/json?all=1": [
        {"Id": OTHER, "Names": ["/stopped"], "Image": "old:1", "State": "exited", "Created": 5},
        {"Id": ID, "Names": ["/youthful_babbage"], "Image": "fedora:38", "State": "running"},
    ],
    f"/containers/{ID}/json": {
        "Id": ID,
        "Name": "/youthful_babbage",
        "Created": "2024-11-07T09:18:06.123456789Z",
        "Image": IMAGE,
        "Config": {
            "Image": "fedora:38",
            "User": "app",
            "Env": ["PATH=/bin"],
            "Labels": {"maintainer": "me", "long": "x" * 101},
        },
        "HostConfig": {
            "Privileged": True,
            "NetworkMode": "default",
            "PidMode": "host",
            "IpcMode": "private",
            "CpuQuota": 5,
            "CpusetCpus": "0-2,5",
            "Memory": 1024,
        },
        "NetworkSettings": {
            "IPAddress": "172.17.0.2",
            "Ports": {
                "80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}],
                "53/udp": [{"HostIp": "0.0.0.0", "HostPort": "53"}],
                "81/tcp": None,
            },
        },
        "Mounts": [
            {
                "Source": "/home/a",
                "Destination": "/data",
                "Mode": "z",
                "RW": True,
                "Propagation": "rprivate",
            }
        ],
    },
    "/images/sha256%3A" + IMAGE[7:] + "/json": {
        "Id": IMAGE,
        "RepoTags": ["reg:5000/fedora:38"],
        "RepoDigests": ["reg:5000/fedora@sha256:aa"],
    },
}

PODMAN: dict[str, Any] = {
    "/v4.0.0/libpod/containers/json?all=true": [
        {"Id": ID, "Names": ["web"], "Image": "docker.io/library/nginx:1.27", "State": "running"}
    ],
    f"/v4.0.0/libpod/containers/{ID}/json": {
        "Id": ID,
        "Name": "web",
        "Created": "2024-11-07T10:18:06.5+01:00",
        "Image": "ab" * 32,
        "ImageName": "docker.io/library/nginx:1.27",
        "ImageDigest": "sha256:cd",
        "Config": {"User": "", "Env": [], "Labels": {}},
        "HostConfig": {"NetworkMode": "bridge", "PidMode": "private", "IpcMode": "host"},
        "NetworkSettings": {"IPAddress": "10.88.0.3", "Ports": {}},
        "Mounts": [],
    },
}
