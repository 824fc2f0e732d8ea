"""The JSON in which captures describe a container.

Its keys are those of Falco's container plugin (go-worker/pkg/event in falcosecurity/plugins).
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from capture.syscalls.container_names import SHORT_ID

#: Numbers of container engines (container_type.h).
DOCKER, CRI, CONTAINERD, CRIO, PODMAN = 0, 6, 7, 8, 11
#: Longest label that is kept, as the plugin has it, and longest JSON text.
MAX_LABEL = 100
MAX_JSON = 60_000


@dataclass(frozen=True, slots=True)
class Mounted:
    Source: str = ""
    Destination: str = ""
    Mode: str = ""
    RW: bool = True
    Propagation: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """A container as a runtime tells of it; fields are the keys of the JSON."""

    type: int
    full_id: str
    name: str = ""
    image: str = ""
    imagedigest: str = ""
    imageid: str = ""
    imagerepo: str = ""
    imagetag: str = ""
    User: str = ""
    cni_json: str = ""
    cpu_period: int = 100_000
    cpu_quota: int = 0
    cpu_shares: int = 1024
    cpuset_cpu_count: int = 0
    created_time: int = 0
    env: tuple[str, ...] = ()
    host_ipc: bool = False
    host_network: bool = False
    host_pid: bool = False
    ip: str = ""
    size: int = -1
    is_pod_sandbox: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    memory_limit: int = 0
    swap_limit: int = 0
    pod_sandbox_id: str = ""
    privileged: bool = False
    pod_sandbox_labels: Mapping[str, str] = field(default_factory=dict)
    port_mappings: tuple[Mapping[str, int], ...] = ()
    Mounts: tuple[Mounted, ...] = ()

    def to_json(self) -> bytes:
        """At most ``MAX_JSON`` bytes: where it is longer, without its environment, then without
        labels, then without mounts."""
        body = {**asdict(self), "id": self.full_id[:SHORT_ID]}
        for leave_out in ((), ("env",), ("labels", "pod_sandbox_labels"), ("Mounts",)):
            for key in leave_out:
                body[key] = {} if key.endswith("labels") else []
            text = json.dumps({"container": body}, separators=(",", ":")).encode()
            if len(text) <= MAX_JSON:
                return text
        short = Described(self.type, self.full_id[:64], name=self.name[:256])
        return json.dumps({"container": {**asdict(short), "id": short.full_id[:SHORT_ID]}}).encode()


class Said:
    """A JSON object of a runtime, read without trust: what is of another type is not there."""

    def __init__(self, body: object) -> None:
        self._body: Mapping[str, Any] = body if isinstance(body, dict) else {}

    def text(self, key: str) -> str:
        value = self._body.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> int:
        value = self._body.get(key)
        if not isinstance(value, int) or isinstance(value, bool):
            return 0
        return value if -(2**63) <= value < 2**63 else 0

    def yes(self, key: str) -> bool:
        return self._body.get(key) is True

    def under(self, key: str) -> Said:
        return Said(self._body.get(key))

    def has(self, key: str) -> bool:
        return self._body.get(key) is not None

    def values(self, key: str) -> list[object]:
        value = self._body.get(key)
        return value if isinstance(value, list) else []

    def objects(self, key: str) -> list[Said]:
        return [Said(one) for one in self.values(key)]

    def texts(self, key: str) -> tuple[str, ...]:
        return tuple(one for one in self.values(key) if isinstance(one, str))

    def keys(self) -> list[str]:
        return list(self._body)

    def items(self) -> list[tuple[str, object]]:
        return list(self._body.items())

    def labels(self, key: str) -> dict[str, str]:
        return short_labels(
            {name: value for name, value in self.under(key).items() if isinstance(value, str)}
        )


def short_labels(labels: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in labels.items() if len(value.encode()) <= MAX_LABEL}


def repository_and_tag(image: str) -> tuple[str, str]:
    """``host:port/a/b:tag@digest`` to ``host:port/a/b`` and ``tag``."""
    image = image.partition("@")[0]
    colon = image.rfind(":")
    if colon < 0 or colon < image.rfind("/"):
        return image, ""
    return image[:colon], image[colon + 1 :]


def count_cpus(cpus: str) -> int:
    """How many CPUs a set like ``0-3,7`` has; 0 for what is no set."""
    count = 0
    for part in cpus.split(",") if cpus else ():
        first, dash, last = part.partition("-")
        if not dash:
            count += 1
        elif first.isdigit() and last.isdigit():
            count += int(last) - int(first) + 1
        else:
            return 0
    return count


def seconds_of(text: str) -> int:
    """Seconds since the epoch of a time in RFC 3339; 0 for none."""
    try:
        # Runtimes write nanoseconds, which Python does not read.
        whole, dot, rest = text.partition(".")
        zone = rest.lstrip("0123456789") if dot else ""
        return int(datetime.datetime.fromisoformat(f"{whole}{zone}").timestamp())
    except (ValueError, OverflowError):
        return 0
