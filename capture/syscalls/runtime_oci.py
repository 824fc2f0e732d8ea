"""Containers as their runtime specifications on disk tell of them.

containerd and CRI-O keep the specification (config.json of the OCI runtime specification) of each
running container in a folder named by its id; annotations that their CRI parts document name the
container, its image and its pod. This needs no service to answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from capture.syscalls.container_json import (
    CONTAINERD,
    CRIO,
    Described,
    Mounted,
    Said,
    count_cpus,
    repository_and_tag,
    short_labels,
)
from capture.syscalls.procfs import read_all

_CONTAINERD = (
    "run/containerd/io.containerd.runtime.v2.task",
    "run/k3s/containerd/io.containerd.runtime.v2.task",
    "run/host-containerd/io.containerd.runtime.v2.task",
)
_CRIO = (
    "run/containers/storage/overlay-containers",
    "var/run/containers/storage/overlay-containers",
)
#: Longest specification that is read.
_MAX_SPEC = 4 << 20


def read_specifications(ids: Iterable[str], root: Path) -> Iterator[Described]:
    """Those of these containers (ids in full) that have a specification."""
    for full_id in ids:
        if "/" in full_id or full_id.startswith("."):
            continue
        for path, engine in _places(full_id, root):
            said = _read(path)
            if said is not None and (found := _described(full_id, engine, said)) is not None:
                yield found
                break


def _places(full_id: str, root: Path) -> Iterator[tuple[Path, int]]:
    for place in _CONTAINERD:
        for path in sorted((root / place).glob(f"*/{full_id}/config.json")):
            if path.parent.parent.name != "moby":  # docker's, which says neither name nor image
                yield path, CONTAINERD
    for place in _CRIO:
        yield root / place / full_id / "userdata/config.json", CRIO


def _read(path: Path) -> Said | None:
    try:
        return Said(json.loads(read_all(str(path), most=_MAX_SPEC)))
    except (OSError, ValueError, RecursionError):
        return None


def _described(full_id: str, engine: int, spec: Said) -> Described | None:
    notes = {
        key: value for key, value in spec.under("annotations").items() if isinstance(value, str)
    }

    def first(*keys: str) -> str:
        return next((notes[key] for key in keys if notes.get(key)), "")

    if engine == CRIO and not any(key.startswith("io.kubernetes.cri-o.") for key in notes):
        return None
    process, linux = spec.under("process"), spec.under("linux")
    image = first(
        "io.kubernetes.cri.image-name",
        "io.kubernetes.cri-o.ImageName",
        "io.kubernetes.cri-o.Image",
        "nerdctl/image-name",
    )
    repository, tag = repository_and_tag(image)
    sandbox = first("io.kubernetes.cri.sandbox-id", "io.kubernetes.cri-o.SandboxID")
    labels = {
        "io.kubernetes.sandbox.id": sandbox,
        "io.kubernetes.pod.name": first("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
        "io.kubernetes.pod.namespace": first(
            "io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"
        ),
        "io.kubernetes.pod.uid": first("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid"),
        **_labels(notes.get("io.kubernetes.cri-o.Labels", "")),
    }
    kind = first("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType")
    present = {one.text("type") for one in linux.objects("namespaces")}
    cpu, memory = linux.under("resources").under("cpu"), linux.under("resources").under("memory")
    return Described(
        type=engine,
        full_id=full_id,
        name=first(
            "io.kubernetes.cri.container-name", "io.kubernetes.container.name", "nerdctl/name"
        )
        or full_id[:12],
        image=image,
        imagerepo=repository,
        imagetag=tag,
        User=str(process.under("user").number("uid")),
        cpu_period=cpu.number("period") or 100_000,
        cpu_quota=cpu.number("quota"),
        cpu_shares=cpu.number("shares") or 1024,
        cpuset_cpu_count=count_cpus(cpu.text("cpus")),
        env=process.texts("env"),
        host_ipc="ipc" not in present,
        host_network="network" not in present,
        host_pid="pid" not in present,
        is_pod_sandbox=kind == "sandbox",
        labels=short_labels({key: value for key, value in labels.items() if value}),
        memory_limit=memory.number("limit"),
        swap_limit=memory.number("swap"),
        pod_sandbox_id=sandbox,
        privileged=_privileged(spec),
        Mounts=tuple(_mounts(spec)),
    )


def _labels(text: str) -> dict[str, str]:
    try:
        return Said({"labels": json.loads(text)}).labels("labels") if text else {}
    except (ValueError, RecursionError):
        return {}


def _mounts(spec: Said) -> Iterator[Mounted]:
    propagation = spec.under("linux").text("rootfsPropagation")
    for one in spec.objects("mounts"):
        options = one.texts("options")
        mode = [text.removeprefix("mode=") for text in options if text.startswith("mode=")]
        yield Mounted(
            one.text("source"),
            one.text("destination"),
            mode[-1] if mode else "",
            "ro" not in options,
            propagation,
        )


def _privileged(spec: Said) -> bool:
    """As containerd's own option of that name makes it: nothing masked, read-only or confined."""
    linux, process = spec.under("linux"), spec.under("process")
    if not linux.keys() or not process.keys():
        return False
    confined = (
        linux.has("maskedPaths")
        or linux.has("readonlyPaths")
        or linux.has("seccomp")
        or bool(process.text("selinuxLabel"))
        or process.text("apparmorProfile") not in ("", "unconfined")
    )
    return not confined and not any(
        one.text("type") in ("sysfs", "cgroup") and "ro" in one.texts("options")
        for one in spec.objects("mounts")
    )
