"""Containers as containerd and CRI-O tell of them through the Container Runtime Interface.

Calls and numbers of fields are those of the CRI's version 1 (runtime/v1/api.proto of
kubernetes/cri-api); which of what is told becomes what is that of Falco's container plugin
(go-worker/pkg/container/cri.go in falcosecurity/plugins).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from capture.syscalls.container_json import (
    CONTAINERD,
    CRI,
    CRIO,
    Described,
    Mounted,
    Said,
    count_cpus,
    repository_and_tag,
    short_labels,
)
from capture.syscalls.container_names import MAX_CONTAINERS
from capture.syscalls.grpc_unix import Service
from capture.syscalls.protobuf import Message, flag_field, text_field
from capture.syscalls.runtime_http import Deadline, RuntimeRefused

_SERVICE = "/runtime.v1.RuntimeService"
_RUNNING = 1
_OF_NODE = 2
_PROPAGATIONS = {0: "private", 1: "rslave", 2: "rshared"}
_IMAGE_NOTES = (
    "io.kubernetes.cri.image-name",
    "io.kubernetes.cri-o.Image",
    "io.kubernetes.cri-o.ImageName",
)


def ask_cri(path: str, deadline: Deadline) -> Iterator[Described]:
    """The containers of pods, running ones first. What is not told in time of a container leaves
    it with name and image alone. Raises :class:`RuntimeRefused` where nothing is told."""
    with Service(path, deadline) as service:
        runtime = _answer(service, "Version").text(2)
        engine = {"containerd": CONTAINERD, "cri-o": CRIO}.get(runtime, CRI)
        listed = list(_answer(service, "ListContainers").each(1))[:MAX_CONTAINERS]
        pods: dict[str, Message] = {}
        for container in sorted(listed, key=lambda one: one.number(6) != _RUNNING):
            full_id, pod = container.text(1), container.text(2)
            if not full_id:
                continue
            try:
                told = _answer(service, "ContainerStatus", text_field(1, full_id) + flag_field(2))
                if pod not in pods:
                    pods[pod] = _pod(service, pod)
                yield _described(engine, told, pods[pod])
            except RuntimeRefused:
                yield _short(engine, container)


def _answer(service: Service, method: str, message: bytes = b"") -> Message:
    try:
        return Message(service.call(f"{_SERVICE}/{method}", message))
    except ValueError as error:
        raise RuntimeRefused(f"does not speak the CRI: {error}") from None


def _pod(service: Service, pod: str) -> Message:
    try:
        return _answer(service, "PodSandboxStatus", text_field(1, pod)).under(1)
    except RuntimeRefused:
        return Message()


def _short(engine: int, listed: Message) -> Described:
    image = listed.under(4).text(1)
    repository, tag = repository_and_tag(image)
    return Described(
        type=engine,
        full_id=listed.text(1),
        name=listed.under(3).text(1),
        image=image,
        imageid=listed.text(10),
        imagerepo=repository,
        imagetag=tag,
        created_time=listed.number(7) // 1_000_000_000,
        labels=short_labels(listed.map(8)),
        pod_sandbox_id=listed.text(2),
    )


def _described(engine: int, told: Message, pod: Message) -> Described:
    status, info = told.under(1), _info(told)
    config = info.under("config")
    image, repository, tag, digest = _image(status, info)
    image_id = repository_and_tag(config.under("image").text("image"))[1] or status.text(17)
    linux = status.under(16).under(1)
    namespaces = pod.under(6).under(1).under(2)
    sandbox = pod.text(1) or status.text(1)
    return Described(
        type=engine,
        full_id=status.text(1),
        name=status.under(2).text(1),
        image=image,
        imagedigest=digest,
        imageid=image_id,
        imagerepo=repository,
        imagetag=tag,
        User=str(_user(status, info)),
        cpu_period=linux.number(1) or 100_000,
        cpu_quota=linux.number(2),
        cpu_shares=linux.number(3) or 1024,
        cpuset_cpu_count=count_cpus(linux.text(6)),
        created_time=status.number(4) // 1_000_000_000,
        env=tuple(f"{one.text('key')}={one.text('value')}" for one in config.objects("envs")),
        host_ipc=namespaces.number(3) == _OF_NODE,
        host_network=namespaces.number(1) == _OF_NODE,
        host_pid=namespaces.number(2) == _OF_NODE,
        ip=pod.under(5).text(1),
        labels=short_labels(status.map(12)) | _pod_labels(pod, sandbox),
        memory_limit=linux.number(4),
        swap_limit=linux.number(10),
        pod_sandbox_id=sandbox,
        privileged=_privileged(info),
        pod_sandbox_labels=short_labels(pod.map(7)),
        Mounts=tuple(
            Mounted(
                one.text(2),
                one.text(1),
                "",
                not one.number(3),
                _PROPAGATIONS.get(one.number(5), "unknown"),
            )
            for one in status.each(14)
        ),
    )


def _pod_labels(pod: Message, sandbox: str) -> dict[str, str]:
    labels = {"io.kubernetes.sandbox.id": sandbox}
    if pod.has(2):
        metadata = pod.under(2)
        labels["io.kubernetes.pod.uid"] = metadata.text(2)
        labels["io.kubernetes.pod.name"] = metadata.text(1)
        labels["io.kubernetes.pod.namespace"] = metadata.text(3)
    return labels


def _info(told: Message) -> Said:
    """What the runtime adds of its own: JSON, whose words containerd and CRI-O share in part."""
    try:
        return Said(json.loads(told.map(2).get("info", "{}")))
    except (ValueError, RecursionError):
        return Said(None)


def _user(status: Message, info: Said) -> int:
    if status.has(18):  # runtimes tell it since Kubernetes 1.31
        return status.under(18).under(1).number(1)
    return info.under("runtimeSpec").under("process").under("user").number("uid")


def _privileged(info: Said) -> bool:
    for place in (info.under("runtimeSpec"), info.under("config")):
        context = place.under("linux").under("security_context")
        if context.has("privileged"):
            return context.yes("privileged")
    return info.yes("privileged")


def _image(status: Message, info: Said) -> tuple[str, str, str, str]:
    """Name, repository, tag and digest of a container's image."""
    named = status.under(8).text(1)
    name, reference, digest, other_tag = named, status.text(9), "", ""
    start = reference.find("sha256:")
    if start == 0:
        digest = reference
    elif start > 0 and reference[start - 1] == "@":
        name, digest = reference[: start - 1], reference[start:]
        other_tag = repository_and_tag(named)[1]
    if not name or name.startswith("sha256"):
        notes = info.under("runtimeSpec").under("annotations")
        if known := next((notes.text(key) for key in _IMAGE_NOTES if notes.has(key)), ""):
            name, other_tag = known, ""
    repository, tag = repository_and_tag(name)
    if other_tag:
        tag, name = other_tag, f"{name}:{other_tag}"
    return name, repository, tag, digest
