"""Containers by the names of control groups: ids in full, and whose they look like.

The layouts are those of the matchers of Falco's container plugin (plugins/container/src/matchers in
falcosecurity/plugins); ``engine/state/native/cgroups.cpp`` tells the id of an event's thread by the
same. Containers of LXC, libvirt and BPM are told whole by their names and need no runtime.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Characters of an id that stand for it.
SHORT_ID = 12
_FULL_ID = re.compile(r"[0-9a-fA-F]{64}")
#: What stands before and after an id, and the runtime it is of ("" for any).
_LAYOUTS = (
    ("/libpod-", ".scope", "podman"),
    ("/libpod-", ".scope/container", "podman"),
    ("/libpod-", "", "podman"),
    ("/libpod-payload-", ".scope", "podman"),
    ("/libpod-payload-", ".scope/container", "podman"),
    ("/libpod-payload-", "", "podman"),
    ("/docker/", "", "docker"),
    ("/", "", ""),
    ("/docker-", ".scope", "docker"),
    ("/crio-", "", "cri"),
    ("/cri-containerd-", ".scope", "cri"),
    ("/crio-", ".scope", "cri"),
    (":cri-containerd:", "", "cri"),
    ("/nerdctl-", ".scope", "containerd"),
)
_NAMESPACE = re.compile(r"/[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*/")
_UNITS = (".service", ".slice", ".scope")
#: Most containers that are looked for.
MAX_CONTAINERS = 4096


def container_of(path: str) -> tuple[str, str] | None:
    """The id in full and the runtime of a control group's path; None where it names none."""
    for before, after, runtime in _LAYOUTS:
        start = path.rfind(before)
        if start < 0 or (after and not path.endswith(after)):
            continue
        start += len(before)
        found = path[start : len(path) - len(after)]
        if _FULL_ID.fullmatch(found):
            return found, runtime
    match = _NAMESPACE.search(path)
    if match is None or path.endswith(_UNITS):
        return None
    rest = path[path.rfind(match[0]) + len(match[0]) :]
    return (rest, "containerd") if 0 < len(rest) <= 64 else None


def containers_of(sets: Iterable[bytes]) -> dict[str, str]:
    """Ids in full and the runtime each is of, by sets of control groups as ``THREADS`` has them."""
    found: dict[str, str] = {}
    for cgroups in dict.fromkeys(sets):
        for entry in cgroups.decode("utf-8", "replace").split("\0"):
            named = container_of(entry.partition("=")[2])
            if named is not None:
                found.setdefault(*named)
                break
        if len(found) >= MAX_CONTAINERS:
            break
    return found
