"""Containers: by control groups, as runtimes tell of them, and runtimes that do harm."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from capture.syscalls.container_json import (
    MAX_JSON,
    Described,
    count_cpus,
    repository_and_tag,
    seconds_of,
)
from capture.syscalls.container_names import container_of, containers_of
from capture.syscalls.containers import default_sockets, describe_containers
from engine.syscalls.container_info import parse_container
from tests.capture.syscalls.runtimes import BAD, DOCKER, ID, IMAGE, OTHER, PODMAN, answers, service
from tests.engine.state.support import Walk, begun, execve, thread

CGROUPS = b"cpu=/\0memory=/docker/%b\0" % ID.encode()
#: Longer than any of these takes on a busy machine.
PATIENCE = 60.0


def told(texts: list[bytes]) -> dict[str, Any]:
    return {body["id"]: body for body in (json.loads(text)["container"] for text in texts)}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (f"/docker/{ID}", (ID, "docker")),
        (f"/system.slice/docker-{ID}.scope", (ID, "docker")),
        (f"/machine.slice/libpod-{ID}.scope", (ID, "podman")),
        (f"/machine.slice/libpod-{ID}.scope/container", (ID, "podman")),
        (f"/user.slice/libpod-payload-{ID}.scope", (ID, "podman")),
        (f"/kubepods/burstable/pod1-2/{ID}", (ID, "")),
        (f"/kubepods.slice/kubepods-pod1.slice/cri-containerd-{ID}.scope", (ID, "cri")),
        (f"/kubepods.slice/kubepods-pod1.slice/crio-{ID}.scope", (ID, "cri")),
        (f"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:{ID}", (ID, "cri")),
        (f"/system.slice/nerdctl-{ID}.scope", (ID, "containerd")),
        ("/default/redis", ("redis", "containerd")),
        ("/", None),
        ("/user.slice/user-0.slice/session-1.scope", None),
        ("/system.slice/ssh.service", None),
        (f"/docker/{ID[:-1]}g", (f"{ID[:-1]}g", "containerd")),
    ],
)
def test_ids_in_control_groups(path: str, expected: tuple[str, str] | None):
    assert container_of(path) == expected
    found = containers_of([b"cpu=/\0cpuset=%b\0" % path.encode()])
    assert found == (dict([expected]) if expected else {})
    # The state engine gives the same container to a thread with these groups.
    seen = Walk(begun(threads=[thread(1, comm=b"x")]))(
        execve(1, cgroups=b"cpu=/\0cpuset=%b\0" % path.encode())
    )
    assert seen["container_id"] == (expected[0][:12].encode() if expected else b"")


def test_docker(tmp_path: Path):
    with service(tmp_path / "docker.sock", answers(DOCKER)) as path:
        texts, notes = describe_containers(
            [CGROUPS], seconds=PATIENCE, sockets={"docker": [path]}, root=tmp_path
        )
    assert notes == []
    assert list(told(texts)) == [ID[:12], OTHER[:12]]
    body = told(texts)[ID[:12]]
    assert body == {
        "type": 0,
        "id": ID[:12],
        "full_id": ID,
        "name": "youthful_babbage",
        "image": "fedora:38",
        "imagedigest": "sha256:aa",
        "imageid": IMAGE[7:],
        "imagerepo": "reg:5000/fedora",
        "imagetag": "38",
        "User": "app",
        "cni_json": "",
        "cpu_period": 100000,
        "cpu_quota": 5,
        "cpu_shares": 1024,
        "cpuset_cpu_count": 4,
        "created_time": 1730971086,
        "env": ["PATH=/bin"],
        "host_ipc": False,
        "host_network": False,
        "host_pid": True,
        "ip": "172.17.0.2",
        "size": -1,
        "is_pod_sandbox": False,
        "labels": {"maintainer": "me"},
        "memory_limit": 1024,
        "swap_limit": 0,
        "pod_sandbox_id": "",
        "privileged": True,
        "pod_sandbox_labels": {},
        "port_mappings": [{"HostIp": 0x7F000001, "HostPort": 8080, "ContainerPort": 80}],
        "Mounts": [
            {
                "Source": "/home/a",
                "Destination": "/data",
                "Mode": "z",
                "RW": True,
                "Propagation": "rprivate",
            }
        ],
    }
    # One that could not be looked into is known by its name and image.
    other = told(texts)[OTHER[:12]]
    assert (other["name"], other["image"], other["created_time"]) == ("stopped", "old:1", 5)


def test_what_is_told_is_read_back_as_fields(tmp_path: Path):
    with service(tmp_path / "docker.sock", answers(DOCKER)) as path:
        texts, _ = describe_containers(
            [], seconds=PATIENCE, sockets={"docker": [path]}, root=tmp_path
        )
    known = parse_container(texts[0])
    assert known is not None
    assert (known.id, known.type_name, known.image_repository) == (
        ID[:12],
        "docker",
        "reg:5000/fedora",
    )
    assert str(known.mounts[0]) == "/home/a:/data:z:true:rprivate"
    assert known.privileged and known.host_pid and known.ip == "172.17.0.2"


def test_podman(tmp_path: Path):
    with service(tmp_path / "podman.sock", answers(PODMAN)) as path:
        texts, notes = describe_containers(
            [b"cpu=/machine.slice/libpod-%b.scope\0" % ID.encode()],
            seconds=PATIENCE,
            sockets={"podman": [path]},
            root=tmp_path,
        )
    assert notes == []
    body = told(texts)[ID[:12]]
    expected = {
        "type": 11,
        "name": "web",
        "image": "docker.io/library/nginx:1.27",
        "imagerepo": "docker.io/library/nginx",
        "imagetag": "1.27",
        "imageid": "ab" * 32,
        "imagedigest": "sha256:cd",
        "ip": "10.88.0.3",
        "host_ipc": True,
        "host_network": False,
        "created_time": 1730971086,
    }
    assert {key: body[key] for key in expected} == expected


@pytest.mark.parametrize("kind", BAD)
def test_a_runtime_that_does_harm_costs_time_and_a_note(kind: str, tmp_path: Path):
    with (
        service(tmp_path / "bad.sock", BAD[kind]) as bad,
        service(tmp_path / "good.sock", answers(PODMAN)) as good,
    ):
        before = threading.active_count()
        began = time.monotonic()
        texts, notes = describe_containers(
            [CGROUPS], seconds=5.0, sockets={"docker": [bad], "podman": [good]}, root=tmp_path
        )
        lasted = time.monotonic() - began
    # What others tell is not lost by it.
    assert list(told(texts)) == [ID[:12]]
    assert len(notes) == 1 and notes[0].startswith(f"containers: docker at {bad}")
    assert lasted < PATIENCE
    end = time.monotonic() + PATIENCE
    # Nobody is left waiting for it.
    while any(one.name.startswith("asks ") for one in threading.enumerate()):
        assert time.monotonic() < end, (before, threading.enumerate())
        time.sleep(0.01)


def test_a_runtime_that_tells_a_part_before_it_falls_silent(tmp_path: Path):
    def talk(connection: Any) -> None:
        body = json.dumps(DOCKER["/containers/json?all=1"]).encode()
        lines = connection.makefile("rb")
        if lines.readline().startswith(b"GET /containers/json?all=1 "):
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
            )
        while lines.readline():
            pass

    with service(tmp_path / "docker.sock", talk) as path:
        texts, notes = describe_containers(
            [CGROUPS], seconds=2.0, sockets={"docker": [path]}, root=tmp_path
        )
    assert told(texts)[ID[:12]]["name"] == "youthful_babbage"
    assert told(texts)[ID[:12]]["image"] == "fedora:38"
    assert any("no answer within" in note for note in notes)


def test_a_socket_that_nobody_listens_on(tmp_path: Path):
    (tmp_path / "file").write_text("")
    texts, notes = describe_containers(
        [CGROUPS], seconds=5.0, sockets={"docker": [str(tmp_path / "file")]}, root=tmp_path
    )
    assert texts == []
    assert any("cannot be connected to" in note for note in notes)
    assert any(f"no runtime told of {ID[:12]}" in note for note in notes)


def test_an_answer_of_other_types(tmp_path: Path):
    pages = {
        "/containers/json?all=1": [7, {"Id": 5}, {"Id": ID, "Names": 3, "Image": [], "State": {}}],
        f"/containers/{ID}/json": {
            "Id": ID,
            "Name": 1,
            "Config": [],
            "HostConfig": {"Memory": 1 << 80},
            "NetworkSettings": {"Ports": {"x/tcp": [], "1/tcp": [{"HostPort": "99999999"}]}},
            "Mounts": [None, {"Source": 5}],
            "Created": "yesterday",
        },
    }
    with service(tmp_path / "docker.sock", answers(pages)) as path:
        texts, notes = describe_containers(
            [], seconds=PATIENCE, sockets={"docker": [path]}, root=tmp_path
        )
    assert notes == [] and told(texts)[ID[:12]]["memory_limit"] == 0


CONTAINERD_SPEC = {
    "process": {"user": {"uid": 1000}, "env": ["A=1"], "apparmorProfile": "cri-containerd"},
    "linux": {
        "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "mount"}],
        "maskedPaths": ["/proc/kcore"],
        "resources": {"cpu": {"shares": 512, "quota": 10}, "memory": {"limit": 77}},
        "rootfsPropagation": "rslave",
    },
    "mounts": [{"source": "/var/lib/x", "destination": "/x", "options": ["ro", "mode=755"]}],
    "annotations": {
        "io.kubernetes.cri.container-type": "container",
        "io.kubernetes.cri.container-name": "nginx",
        "io.kubernetes.cri.image-name": "docker.io/library/nginx:1.27",
        "io.kubernetes.cri.sandbox-id": OTHER,
        "io.kubernetes.cri.sandbox-name": "web-0",
        "io.kubernetes.cri.sandbox-namespace": "shop",
        "io.kubernetes.cri.sandbox-uid": "u-1",
    },
}


def test_containerds_specification_on_disk(tmp_path: Path):
    place = tmp_path / "run/containerd/io.containerd.runtime.v2.task/k8s.io" / ID
    place.mkdir(parents=True)
    (place / "config.json").write_text(json.dumps(CONTAINERD_SPEC))
    texts, notes = describe_containers(
        [b"cpu=/kubepods/pod1/%b\0" % ID.encode()], sockets={}, root=tmp_path
    )
    assert notes == []
    known = parse_container(texts[0])
    assert known is not None
    assert (known.type_name, known.name, known.image) == (
        "containerd",
        "nginx",
        "docker.io/library/nginx:1.27",
    )
    assert known.labels["io.kubernetes.pod.namespace"] == "shop"
    assert known.sandbox_id == OTHER and known.host_network and not known.host_pid
    assert not known.privileged
    assert str(known.mounts[0]) == "/var/lib/x:/x:755:false:rslave"


def test_crios_specification_on_disk(tmp_path: Path):
    place = tmp_path / "run/containers/storage/overlay-containers" / ID / "userdata"
    place.mkdir(parents=True)
    notes_of_it = {
        "io.kubernetes.cri-o.ImageName": "quay.io/a/b:2",
        "io.kubernetes.container.name": "b",
        "io.kubernetes.pod.name": "b-1",
        "io.kubernetes.cri-o.SandboxID": OTHER,
        "io.kubernetes.cri-o.Labels": '{"app":"b"}',
    }
    (place / "config.json").write_text(json.dumps({"annotations": notes_of_it}))
    texts, _ = describe_containers(
        [b"cpu=/kubepods.slice/crio-%b.scope\0" % ID.encode()], sockets={}, root=tmp_path
    )
    known = parse_container(texts[0])
    assert known is not None
    assert (known.type_name, known.name, known.image_tag) == ("cri-o", "b", "2")
    assert known.labels["app"] == "b" and known.labels["io.kubernetes.pod.name"] == "b-1"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{", id="cut"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"annotations": 5}', id="another type"),
    ],
)
def test_a_specification_of_nonsense(content: bytes, tmp_path: Path):
    place = tmp_path / "run/containerd/io.containerd.runtime.v2.task/k8s.io" / ID
    place.mkdir(parents=True)
    (place / "config.json").write_bytes(content)
    texts, _ = describe_containers([CGROUPS], sockets={}, root=tmp_path)
    assert all(parse_container(text) for text in texts)


def test_unknown_ones_are_noted_by_id(tmp_path: Path):
    sets = [b"cpu=/docker/%064x\0" % number for number in range(1, 9)]
    texts, notes = describe_containers(sets, sockets={}, root=tmp_path)
    assert texts == [] and len(notes) == 1
    assert "and 3 more" in notes[0]


def test_sockets_are_looked_for_where_runtimes_put_them(tmp_path: Path):
    for name in ("run/docker.sock", "run/user/1000/podman/podman.sock"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "var").mkdir()
    (tmp_path / "var/run").symlink_to("../run")
    found = default_sockets(tmp_path)
    assert found["docker"] == [str(tmp_path / "run/docker.sock")]
    assert found["podman"] == [str(tmp_path / "run/user/1000/podman/podman.sock")]


def test_json_has_a_limit():
    long = tuple(f"V{i}=" + "x" * 100 for i in range(2000))
    text = Described(0, ID, name="a", env=long, labels={"k": "v"}).to_json()
    body = json.loads(text)["container"]
    assert len(text) <= MAX_JSON and body["env"] == [] and body["labels"] == {"k": "v"}
    labels = {f"k{i}": "x" * 90 for i in range(2000)}
    body = json.loads(Described(0, ID, name="a", env=long, labels=labels).to_json())["container"]
    assert body["labels"] == {} and body["name"] == "a"
    assert len(Described(0, ID, name="a" * 100_000).to_json()) <= MAX_JSON


def test_small_readings():
    assert repository_and_tag("reg:5000/a/b:1@sha256:x") == ("reg:5000/a/b", "1")
    assert repository_and_tag("reg:5000/a/b") == ("reg:5000/a/b", "")
    assert [count_cpus(text) for text in ("", "1,7", "1-4,7", "x-y")] == [0, 2, 5, 0]
    assert seconds_of("1970-01-01T00:00:05.123456789Z") == 5
    assert seconds_of("1970-01-01T01:00:05+01:00") == 5
    assert seconds_of("") == 0
