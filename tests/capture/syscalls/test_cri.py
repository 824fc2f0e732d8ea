"""Containers through the Container Runtime Interface: a real service's answers, and bad ones."""

from __future__ import annotations

import base64
import gzip
import json
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.syscalls.containers import default_sockets, describe_containers
from capture.syscalls.protobuf import Message, flag_field, text_field
from engine.syscalls.container_info import parse_container
from tests.capture.syscalls.runtimes import BAD, service

#: What grpc-go 1.58 with the types of cri-api 0.30 sent, byte for byte, to the calls of ask_cri,
#: for two containers of one pod, whose statuses have 20 kB each.
_RECORDED = (
    "H4sIAAAAAAACA+3cz2vTYBzH8SRN1vbBuZCD1E2lBPyBbG1S1EpBmPMgDgXBo4ikbbqF1SakP7ZRqnMgTD14FWGI"
    "R6+C/4OIB2+CZy87+S/YZnSTzep+ocLer0LztHmeJ8/34SHHjyQNqVJEk6TJ3lWV13+rCUnauJMYilqKquvJo/G4"
    "JOlyb5icXhnRn59sfi4On7ly85ZblqR01DGaY0xoVsbOWIYo+bWG49XcsDyqtHKm0rIlKSVrUceVVx8/vDMufH0h"
    "W9LTbvv96am4/eiPCxiJFhDb+nx5LeoX6039TXyXxaS1ybZ2L29cC/zyficZVYVSsswxcbzsl+bcMOP52apXDJ1w"
    "MVub8WoLBduSLy+9XP70+M3acmoqL2THyC3s2taKc/+2Yvv3FSsHUHH/IMV2cpBuDDxI2taDNLlx9KTbcfFFOYCD"
    "pInYvFtMb9Z8SpwYuDmZXH76/oC7k/VZJ3fxUuGn2Z29rKgoRMwJAqO3rPCY0LJlp+EYyWw9bEXNlHxOWZYNoesr"
    "Z1NKeqlLzcWsCfuZfH37Eop72pS3q7JQvVrFN16vym0zCL2WV3Vn3LJZSFecat0dT5vd10fFm+n+0TbdWqtuFu62"
    "zTl30SyYV81xs+VUm263bZude51u77BZa3gP3DuBW4qGBKFfcuvdUW2zWXfD6Op1p7ctu9PpDQic3sPMAAAAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAADwH5P0I+tBAGwFAAAAAACHidnphw5qOwkdnB4YOhjflp75JOoX730tiYfiIIIYDUNo"
    "825xwjJizQl7VK3P+sF5IRK2lel98rmEGDLUhKLLhWGhNjw3NLRK6Nca/SLj+0tWTA5IVkz+MlkxR7IiyYoAAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAgL+pn6yYZCsAAAAAADhMNpMVk4NCB38AlKb0mbGkAAA="
)
FIRST = f"{1:012x}{7:052x}"
PATIENCE = 60.0


def ask(tmp_path: Path, talk: Callable[[socket.socket], None], seconds: float = PATIENCE):
    with service(tmp_path / "cri.sock", talk) as path:
        return describe_containers(
            [f"cpu=/kubepods/pod1/{FIRST}\0".encode()],
            seconds=seconds,
            sockets={"cri": [path]},
            root=tmp_path,
        )


def in_pieces(data: bytes, size: int) -> Callable[[socket.socket], None]:
    def talk(connection: socket.socket) -> None:
        for at in range(0, len(data), size):
            connection.sendall(data[at : at + size])
        while connection.recv(65536):
            pass

    return talk


@pytest.mark.parametrize("size", [1 << 20, 1000, 7])
def test_answers_of_a_real_service(size: int, tmp_path: Path):
    texts, notes = ask(tmp_path, in_pieces(gzip.decompress(base64.b64decode(_RECORDED)), size))
    assert notes == [] and len(texts) == 2
    body = json.loads(texts[0])["container"]
    expected = {
        "type": 7,
        "id": FIRST[:12],
        "full_id": FIRST,
        "name": "web",
        "image": "docker.io/library/nginx:1.27",
        "imagerepo": "docker.io/library/nginx",
        "imagetag": "1.27",
        "imagedigest": f"sha256:{10:012x}{7:052x}",
        "imageid": f"sha256:{11:012x}{7:052x}",
        "User": "101",
        "cpu_quota": 5000,
        "cpu_shares": 2,
        "cpuset_cpu_count": 2,
        "memory_limit": 1 << 30,
        "created_time": 1730971086,
        "env": ["A=1"],
        "host_network": True,
        "host_pid": False,
        "ip": "10.0.0.7",
        "privileged": False,
        "pod_sandbox_labels": {"tier": "front"},
    }
    assert {key: body[key] for key in expected} == expected
    known = parse_container(texts[0])
    assert known is not None and known.type_name == "containerd"
    assert known.labels["io.kubernetes.pod.namespace"] == "shop"
    assert known.labels["io.kubernetes.pod.name"] == "web-0" and known.labels["app"] == "web"
    assert str(known.mounts[0]) == "/srv/data:/data::false:rshared"


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return len(payload).to_bytes(3, "big") + struct.pack("!BBI", kind, flags, stream) + payload


def answer(stream: int, message: bytes, *, compressed: int = 0) -> bytes:
    data = struct.pack("!BI", compressed, len(message)) + message
    return frame(1, 4, stream, b"\x88") + frame(0, 0, stream, data) + frame(1, 5, stream, b"")


VERSION = answer(1, text_field(2, "cri-o"))


def nested(number: int, *fields: bytes) -> bytes:
    data = b"".join(fields)
    assert len(data) < 128
    return bytes([number << 3 | 2, len(data)]) + data


LISTED = answer(
    3,
    nested(
        1,
        text_field(1, FIRST),
        nested(3, text_field(1, "web")),
        nested(4, text_field(1, "img:1")),
    ),
)


def test_a_service_that_knows_a_container_by_its_list_alone(tmp_path: Path):
    ping = frame(6, 0, 0, b"12345678")
    refused = frame(3, 0, 5, struct.pack("!I", 7))
    texts, notes = ask(tmp_path, in_pieces(VERSION + ping + LISTED + refused, 1 << 20))
    assert notes == []
    known = parse_container(texts[0])
    assert known is not None
    assert (known.type_name, known.name, known.image) == ("cri-o", "web", "img:1")


def endless(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.sendall(frame(0, 0, 1, struct.pack("!BI", 0, 1 << 30)))
    while True:
        connection.sendall(frame(0, 0, 1, bytes(16384)))


def pings(connection: socket.socket) -> None:
    while True:
        connection.sendall(frame(6, 0, 0, b"12345678"))
        connection.recv(65536)


HARM: dict[str, Callable[[socket.socket], None]] = {
    **BAD,
    "endless": endless,
    "pings for ever": pings,
    "a huge frame": in_pieces(b"\xff\xff\xff" + bytes(6), 100),
    "no message": in_pieces(frame(1, 5, 1, b"\x88"), 100),
    "a compressed message": in_pieces(answer(1, b"", compressed=1), 100),
    "a cut message": in_pieces(answer(1, b"\x12\xff"), 100),
    "a wrong wire type": in_pieces(answer(1, b"\x0b"), 100),
    "a goodbye": in_pieces(frame(7, 0, 0, bytes(8)), 100),
    "wrong padding": in_pieces(frame(0, 8, 1, b"\xff"), 100),
}


@pytest.mark.parametrize("kind", HARM)
def test_a_service_that_does_harm_costs_time_and_a_note(kind: str, tmp_path: Path):
    texts, notes = ask(tmp_path, HARM[kind], seconds=2.0)
    assert texts == []
    assert notes[0].startswith("containers: cri at ")
    assert FIRST[:12] in notes[1]


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_refusal(data: bytes):
    try:
        message = Message(data)
    except ValueError:
        return
    for field in range(1, 20):
        message.number(field)
        message.text(field)
        try:
            message.map(field)
        except ValueError:
            continue


def test_fields_are_read_as_they_are_written():
    message = Message(text_field(1, "a" * 300) + flag_field(2) + text_field(1, "é"))
    assert (message.text(1), message.number(2), message.has(3)) == ("é", 1, False)
    # Ten bytes of varint: a negative number.
    assert Message(b"\x08" + b"\xff" * 9 + b"\x01").number(1) == -1


def test_where_sockets_are_looked_for(tmp_path: Path):
    for name in ("run/containerd/containerd.sock", "run/crio/crio.sock"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    assert default_sockets(tmp_path)["cri"] == [
        str(tmp_path / "run/containerd/containerd.sock"),
        str(tmp_path / "run/crio/crio.sock"),
    ]
