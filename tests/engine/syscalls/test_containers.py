"""``container.*`` and ``k8s.*``."""

from __future__ import annotations

import json
from typing import Any

from engine.syscalls.container_info import parse_container
from tests.engine.syscalls.made import Made, begun, made, segment, thread, values

ID = "70a3ed24715f7c6e028e356bcc0f73800fbb1b7dbf68e1a0a5c6ee0c0d2c0f11"
CGROUPS = f"cpu=/docker/{ID}\0".encode()
START = begun(threads=[thread(100, cgroups=CGROUPS), thread(50)])
CLOSE = made("SYSCALL_CLOSE_X", res=0, fd=0)
ON_HOST = made("SYSCALL_CLOSE_X", tid=50, res=0, fd=0)


def described(**more: Any) -> Made:
    body = {
        "id": ID[:12],
        "full_id": ID,
        "name": "web",
        "image": "nginx:1.2",
        "imagerepo": "nginx",
        "imagetag": "1.2",
        "imageid": "f68d",
        "type": 0,
        "privileged": True,
        "ip": "10.1.1.1",
        "Mounts": [
            {"Source": "/a", "Destination": "/b", "Mode": "ro", "RW": False, "Propagation": "x"},
            {"Source": "/var/run/docker.sock", "Destination": "/s", "RW": True},
        ],
        "labels": {
            "io.kubernetes.pod.name": "p",
            "io.kubernetes.pod.uid": "u",
            "app": "w",
            "z": "",
        },
        **more,
    }
    return made("CONTAINER_JSON_2_E", -1, json=json.dumps({"container": body}).encode())


def test_a_container_known_by_its_control_group_alone() -> None:
    of = segment([CLOSE, ON_HOST], START)
    assert values(of, "container.id") == [ID[:12], "host"]
    assert values(of, "container.name") == [None, "host"]
    assert values(of, "container.image") == [None, ""]
    assert values(of, "container.privileged") == [None, False]
    assert values(of, "fd.containername") == [f"{ID[:12]}:", ":"]


def test_a_container_that_an_event_describes() -> None:
    of = segment([CLOSE, described(), CLOSE, ON_HOST], START)
    assert values(of, "container.id") == [ID[:12], ID[:12], ID[:12], "host"]
    assert values(of, "container.name") == [None, "web", "web", "host"]
    assert values(of, "container.full_id")[2] == ID
    assert values(of, "container.image.repository")[2] == "nginx"
    assert values(of, "container.type") == [None, "docker", "docker", "host"]
    assert values(of, "container.privileged") == [None, True, True, False]
    assert values(of, "container.labels")[2] == "app:w, z"
    assert values(of, "container.label[app]")[2] == "w"
    assert values(of, "container.label[none]")[2] is None
    assert values(of, "k8s.pod.name") == [None, "p", "p", None]
    assert values(of, "k8s.pod.uid")[2] == "u"
    assert values(of, "k8s.ns.name")[2] is None
    assert values(of, "k8s.rc.name") == [None] * 4


def test_mounts() -> None:
    of = segment([described(), CLOSE], START)

    def mount(field: str) -> object:
        return values(of, field)[1]

    assert mount("container.mounts") == "/a:/b:ro:false:x,/var/run/docker.sock:/s::true:"
    assert mount("container.mount[0]") == "/a:/b:ro:false:x"
    assert mount("container.mount[7]") is None
    assert mount("container.mount.dest[docker]") == "/s"
    assert mount("container.mount.source[/s]") == "/var/run/docker.sock"
    assert mount("container.mount.rdwr[1]") == "true"
    assert mount("container.mount[(]") is None


def test_the_pods_own_container_says_what_this_one_does_not() -> None:
    sandbox = described(
        id="aaaaaaaaaaaa", cni_json="{}", ip="10.9.9.9", pod_sandbox_labels={"team": "red"}
    )
    of = segment([sandbox, described(pod_sandbox_id="aaaaaaaaaaaabbbb"), CLOSE], START)
    assert values(of, "k8s.pod.sandbox_id")[2] == "aaaaaaaaaaaa"
    assert values(of, "k8s.pod.full_sandbox_id")[2] == "aaaaaaaaaaaabbbb"
    assert values(of, "k8s.pod.label[team]")[2] == "red"
    assert values(of, "k8s.pod.labels")[2] == "team:red"
    assert values(of, "k8s.pod.ip")[2] == "10.9.9.9"
    assert values(of, "container.ip")[2] == "10.1.1.1"


def test_anything_may_stand_in_a_capture() -> None:
    assert parse_container(b"{") is None
    assert parse_container(b"[]") is None
    assert parse_container(b'{"container": 3}') is None
    assert parse_container(b"[" * 100_000) is None
    odd = parse_container(b'{"container": {"id": 7, "labels": [1], "Mounts": {"a": 1}}}')
    assert odd is not None and odd.id == "" and not odd.labels and not odd.mounts


def test_which_end_of_a_connection_is_the_containers() -> None:
    def socket(source: list[int], dest: list[int]) -> dict[str, Any]:
        return {
            "tid": 100, "fd": 0, "type": 3, "l4proto": 2, "source_port": 1, "dest_port": 2,
            "source_ip": bytes(source), "dest_ip": bytes(dest),
        }  # fmt: skip

    host, own = [10, 0, 0, 2], [10, 1, 1, 1]
    interfaces = [{"name": b"eth0", "address": bytes(host), "netmask": bytes(4)}]

    def ports(source: list[int], *told: Made) -> tuple[object, object]:
        start = begun(
            threads=[thread(100, cgroups=CGROUPS)],
            fds=[socket(source, [9, 9, 9, 9])],
            interfaces=interfaces,
        )
        of = segment([*told, CLOSE], start)
        return values(of, "fd.lport")[-1], values(of, "fd.rip")[-1]

    # Nothing is known of the container: not even the host's addresses are its own.
    assert ports(host) == (2, "10.0.0.2")
    # It says its address: that is its own, and so are the host's.
    assert ports(own, described()) == (1, "9.9.9.9")
    assert ports(host, described()) == (1, "9.9.9.9")
    assert ports([10, 7, 7, 7], described()) == (2, "10.7.7.7")
    # It says none: it may have that of any container.
    assert ports(own, described(id="other"), described(ip="")) == (1, "9.9.9.9")


def test_containers_that_their_control_group_tells_whole() -> None:
    start = begun(
        threads=[
            thread(100, cgroups=b"cpu=/lxc.payload.box\0"),
            thread(101, cgroups=b"cpu=/x/bpm-job.scope\0"),
            thread(102, cgroups=b"cpu=/guest.libvirt-lxc\0"),
        ]
    )
    of = segment([made("SYSCALL_CLOSE_X", tid, res=0, fd=0) for tid in (100, 101, 102)], start)
    assert values(of, "container.id") == ["box", "job", "guest"]
    assert values(of, "container.type") == ["lxc", "bpm", "libvirt-lxc"]
    assert values(of, "container.name") == [""] * 3
