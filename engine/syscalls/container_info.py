"""What is known of a container, from the JSON in which captures describe it.

The keys are those of container_info_json.cpp of the container plugin (falcosecurity/plugins).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: Container engines by number.
_TYPES = {
    0: "docker",
    1: "lxc",
    2: "libvirt-lxc",
    3: "mesos",
    4: "rkt",
    6: "cri",
    7: "containerd",
    8: "cri-o",
    9: "bpm",
    11: "podman",
    0xFFFE: "host",
}
_UNKNOWN = 0xFFFF


@dataclass(frozen=True, slots=True)
class Mount:
    source: str = ""
    dest: str = ""
    mode: str = ""
    rdwr: bool = False
    propagation: str = ""

    def __str__(self) -> str:
        written = "true" if self.rdwr else "false"
        return f"{self.source}:{self.dest}:{self.mode}:{written}:{self.propagation}"


@dataclass(frozen=True, slots=True)
class Container:
    """A container; texts that are not known are empty."""

    id: str = ""
    full_id: str = ""
    name: str = ""
    image: str = ""
    image_id: str = ""
    image_repository: str = ""
    image_tag: str = ""
    image_digest: str = ""
    type: int = _UNKNOWN
    privileged: bool = False
    host_pid: bool = False
    host_network: bool = False
    host_ipc: bool = False
    ip: str = ""
    cni: str = ""
    user: str = ""
    sandbox_id: str = ""
    mounts: tuple[Mount, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    sandbox_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def type_name(self) -> str:
        return _TYPES.get(self.type, "")

    def mount(self, which: str, by: Callable[[Mount], str]) -> Mount | None:
        """A mount by its number, or the first in whose text the pattern ``which`` is found."""
        if which.isdecimal():
            return self.mounts[int(which)] if int(which) < len(self.mounts) else None
        texts = pa.array([by(mount) for mount in self.mounts], pa.string())
        try:
            found = pc.match_substring_regex(texts, f"(?m){which}").to_pylist()
        except pa.ArrowInvalid:
            return None
        return next((mount for mount, hit in zip(self.mounts, found, strict=True) if hit), None)


#: What is answered for threads in no container.
HOST = Container(id="host", full_id="host", name="host", type=0xFFFE)
#: Containers that their control group tells whole: of LXC, of libvirt, of BPM.
NAMED = (Container(type=1), Container(type=2), Container(type=9))


def parse_container(text: bytes) -> Container | None:
    """The container that an event describes, None where that is not to be understood."""
    try:
        said = json.loads(text.partition(b"\0")[0])
        body = said["container"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return _container(body) if isinstance(body, dict) else None


def _container(body: Mapping[str, Any]) -> Container:
    def string(key: str) -> str:
        value = body.get(key)
        return value if isinstance(value, str) else ""

    def yes(key: str) -> bool:
        return body.get(key) is True

    number = body.get("type", _UNKNOWN)
    return Container(
        id=string("id"),
        full_id=string("full_id"),
        name=string("name"),
        image=string("image"),
        image_id=string("imageid"),
        image_repository=string("imagerepo"),
        image_tag=string("imagetag"),
        image_digest=string("imagedigest"),
        type=number if isinstance(number, int) else _UNKNOWN,
        privileged=yes("privileged"),
        host_pid=yes("host_pid"),
        host_network=yes("host_network"),
        host_ipc=yes("host_ipc"),
        ip=string("ip"),
        cni=string("cni_json"),
        user=string("User"),
        sandbox_id=string("pod_sandbox_id"),
        mounts=tuple(_mount(one) for one in _list(body.get("Mounts")) if isinstance(one, dict)),
        labels=_texts(body.get("labels")),
        sandbox_labels=_texts(body.get("pod_sandbox_labels")),
    )


def _mount(body: Mapping[str, Any]) -> Mount:
    def string(key: str) -> str:
        value = body.get(key)
        return value if isinstance(value, str) else ""

    return Mount(
        string("Source"),
        string("Destination"),
        string("Mode"),
        body.get("RW") is True,
        string("Propagation"),
    )


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _texts(value: object) -> dict[str, str]:
    """A map of texts, by key in order."""
    if not isinstance(value, dict):
        return {}
    return {key: value[key] for key in sorted(value) if isinstance(value[key], str)}
