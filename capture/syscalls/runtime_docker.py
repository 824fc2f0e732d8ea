"""Containers as docker and podman tell of them on their sockets.

Which of what they say becomes what is that of Falco's container plugin
(go-worker/pkg/container/docker.go and podman.go in falcosecurity/plugins).
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Iterator
from typing import TypedDict

from capture.syscalls.container_json import (
    DOCKER,
    PODMAN,
    Described,
    Mounted,
    Said,
    count_cpus,
    repository_and_tag,
    seconds_of,
)
from capture.syscalls.container_names import MAX_CONTAINERS
from capture.syscalls.runtime_http import Asked, Deadline, RuntimeRefused

#: Where podman's own calls are; any version from this one on is served.
_LIBPOD = "/v4.0.0/libpod"


def ask_docker(path: str, deadline: Deadline) -> Iterator[Described]:
    """Docker's containers, running ones first. What is not told in time of a container leaves it
    with name and image alone. Raises :class:`RuntimeRefused` where nothing is told."""
    with Asked(path, deadline) as docker:
        images: dict[str, Said] = {}
        for listed in _listed(docker.get("/containers/json?all=1")):
            full_id = listed.text("Id")
            try:
                inspected = Said(docker.get(f"/containers/{_quoted(full_id)}/json"))
                image = inspected.text("Image")
                if image not in images:
                    images[image] = _image(docker, image)
                yield _docker(inspected, images[image], docker)
            except RuntimeRefused:
                yield _short(DOCKER, listed)


def ask_podman(path: str, deadline: Deadline) -> Iterator[Described]:
    """Podman's containers, as :func:`ask_docker` those of docker."""
    with Asked(path, deadline) as podman:
        for listed in _listed(podman.get(f"{_LIBPOD}/containers/json?all=true")):
            full_id = listed.text("Id")
            try:
                where = f"{_LIBPOD}/containers/{_quoted(full_id)}/json"
                yield _podman(Said(podman.get(where)))
            except RuntimeRefused:
                yield _short(PODMAN, listed)


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


def _listed(answer: object) -> list[Said]:
    found = [Said(one) for one in answer] if isinstance(answer, list) else []
    if not found and answer != []:
        raise RuntimeRefused("does not list containers")
    found = [one for one in found if one.text("Id")][:MAX_CONTAINERS]
    return sorted(found, key=lambda one: one.text("State") != "running")


def _short(engine: int, listed: Said) -> Described:
    names = listed.texts("Names")
    return Described(
        type=engine,
        full_id=listed.text("Id"),
        name=names[0].lstrip("/") if names else "",
        image=listed.text("Image"),
        imageid=listed.text("ImageID"),
        created_time=listed.number("Created"),
    )


def _image(docker: Asked, image: str) -> Said:
    try:
        return Said(docker.get(f"/images/{_quoted(image)}/json")) if image else Said(None)
    except RuntimeRefused:
        return Said(None)


def _docker(said: Said, image: Said, docker: Asked) -> Described:
    config, host, network = (
        said.under("Config"),
        said.under("HostConfig"),
        said.under("NetworkSettings"),
    )
    repository, tag, digest = _image_names(image)
    return Described(
        type=DOCKER,
        full_id=said.text("Id"),
        image=config.text("Image"),
        imagedigest=digest,
        imageid=image.text("Id").removeprefix("sha256:"),
        imagerepo=repository,
        imagetag=tag,
        ip=network.text("IPAddress") or _ip_of_other(host.text("NetworkMode"), docker),
        host_ipc=host.text("IpcMode") == "host",
        host_network=host.text("NetworkMode") == "host",
        host_pid=host.text("PidMode") == "host",
        cpu_period=host.number("CpuPeriod") or 100_000,
        cpu_shares=host.number("CpuShares") or 1024,
        **_common(said),
    )


def _podman(said: Said) -> Described:
    host = said.under("HostConfig")
    repository, tag = repository_and_tag(said.text("ImageName"))
    return Described(
        type=PODMAN,
        full_id=said.text("Id"),
        image=said.text("ImageName"),
        imagedigest=said.text("ImageDigest"),
        imageid=said.text("Image"),
        imagerepo=repository,
        imagetag=tag,
        ip=said.under("NetworkSettings").text("IPAddress"),
        host_ipc=host.text("IpcMode") == "host",
        host_network=host.text("NetworkMode") == "host",
        host_pid=host.text("PidMode") == "host",
        cpu_period=host.number("CpuPeriod") or 100_000,
        cpu_shares=host.number("CpuShares") or 1024,
        **_common(said),
    )


def _ip_of_other(mode: str, docker: Asked) -> str:
    """The address of the container whose network this one has."""
    kind, _, other = mode.partition(":")
    if kind != "container" or not other:
        return ""
    try:
        answer = Said(docker.get(f"/containers/{_quoted(other)}/json"))
    except RuntimeRefused:
        return ""
    return answer.under("NetworkSettings").text("IPAddress")


def _image_names(image: Said) -> tuple[str, str, str]:
    """Repository, tag and digest of an image that docker inspected."""
    repository = tag = digest = ""
    digests: list[str] = []
    for text in image.texts("RepoDigests"):
        parts = text.split("@")
        if len(parts) != 2:
            continue
        repository = repository or parts[0]
        digests.append(parts[1])
        if repository in text:
            digest = parts[1]
            break
    if not digest and len(digests) == 1:
        digest = digests[0]
    for text in image.texts("RepoTags"):
        of_tag, its_tag = repository_and_tag(text)
        if not of_tag or not its_tag:
            continue
        repository = repository or of_tag
        if repository in text:
            tag = its_tag
            break
    return repository, tag, digest


class _Common(TypedDict):
    name: str
    is_pod_sandbox: bool
    User: str
    env: tuple[str, ...]
    labels: dict[str, str]
    created_time: int
    cpu_quota: int
    cpuset_cpu_count: int
    memory_limit: int
    swap_limit: int
    privileged: bool
    Mounts: tuple[Mounted, ...]
    port_mappings: tuple[dict[str, int], ...]


def _common(said: Said) -> _Common:
    """What docker and podman tell in the same words."""
    config, host = said.under("Config"), said.under("HostConfig")
    name = said.text("Name").removeprefix("/")
    return {
        "name": name,
        "is_pod_sandbox": "k8s_POD" in name,
        "User": config.text("User"),
        "env": config.texts("Env"),
        "labels": config.labels("Labels"),
        "created_time": seconds_of(said.text("Created")),
        "cpu_quota": host.number("CpuQuota"),
        "cpuset_cpu_count": count_cpus(host.text("CpusetCpus")),
        "memory_limit": host.number("Memory"),
        "swap_limit": host.number("MemorySwap"),
        "privileged": host.yes("Privileged"),
        "Mounts": tuple(
            Mounted(
                one.text("Source"),
                one.text("Destination"),
                one.text("Mode"),
                one.yes("RW"),
                one.text("Propagation"),
            )
            for one in said.objects("Mounts")
        ),
        "port_mappings": tuple(_ports(said.under("NetworkSettings").under("Ports"))),
    }


def _ports(ports: Said) -> Iterator[dict[str, int]]:
    for port in ports.keys():  # noqa: SIM118 (it is no dict)
        number, _, protocol = port.partition("/")
        if protocol != "tcp" or not number.isdigit():
            continue
        for one in ports.objects(port):
            try:
                address = int(ipaddress.IPv4Address(one.text("HostIp")))
                host_port = int(one.text("HostPort"))
            except ValueError:
                continue
            if 0 <= host_port <= 0xFFFF:
                yield {"HostIp": address, "HostPort": host_port, "ContainerPort": int(number)}
