"""``container.*`` and ``k8s.*``: the container that the thread of an event belongs to.

What Falco's container plugin answers (plugins/container of falcosecurity/plugins, 0.7): the id from
the control groups; all else from the events of the capture that describe containers.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn, Codes, NumberColumn
from engine.syscalls.assemble import no_number, no_value
from engine.syscalls.container_info import HOST, NAMED, Container, Mount, parse_container
from engine.syscalls.ofthreads import Make, wide

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment

#: First characters of a container's id that stand for it.
SHORT_ID = 12
#: Events that describe a container, and the parameter that does.
_EVENTS = {"CONTAINER_JSON_2_E": 0, "ASYNCEVENT_E": 2}
_INTERNAL = ("annotation.", "io.kubernetes.")

#: A text of a container, None for no value; and the containers by id, to find its sandbox.
Say = Callable[[Container, Mapping[str, Container]], str | None]
Texts = Callable[["SyscallSegment", str | None], BytesColumn]


def _described(segment: SyscallSegment) -> tuple[Container, ...]:
    return _parsed(segment.state.tables.containers)


@functools.lru_cache(maxsize=8)
def _parsed(texts: tuple[bytes, ...]) -> tuple[Container, ...]:
    return tuple(parse_container(text) or Container() for text in texts)


def _known(segment: SyscallSegment) -> tuple[Codes, tuple[Container, ...]]:
    """The container of each event as a place among containers: -1 where there is no thread, or
    where the container is not described. The host and ``NAMED`` come last."""
    return segment.container_places, (*_described(segment), HOST, *NAMED)


def container_places(segment: SyscallSegment) -> Codes:
    tables = segment.state.tables
    ids = tables.threads.text("container_id")
    on_host = np.array([text == b"" for text in ids.values.to_pylist()], np.bool_)
    is_host = np.append(np.append(on_host, True)[ids.codes], False)[tables.thread]
    host = np.int32(len(tables.containers))
    told = tables.of_lineages("container")
    by_name = np.where(told < -1, host - told - 1, told)  # -2, -3, -4: the first of NAMED …
    places = np.where(is_host, host, by_name)
    codes = np.append(places, -1).astype(np.int32)[segment.state.lineage]
    own = told_containers(segment)
    return codes if own is None else np.where(own >= 0, own, codes).astype(np.int32)


def told_containers(segment: SyscallSegment) -> Codes | None:
    """The place of the container that each event describes, -1 for events that describe none; None
    when none does."""
    told: Codes | None = None
    places = {text: place for place, text in enumerate(segment.state.tables.containers)}
    for key, parameter in _EVENTS.items():
        group = segment.events.group(event_table().by_key[key].code)
        if group is None:
            continue
        texts = segment.events.parameter(group, parameter).fill_null(b"").to_pylist()
        if told is None:
            told = np.full(len(segment), -1, np.int32)
        told[group.at] = [places.get(text.rstrip(b"\0"), -1) for text in texts]
    return told


def said(say: Say) -> Texts:
    """A text that is made once a container."""

    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        return _texts(*_known(segment), say)

    return column


def _texts(codes: Codes, containers: Sequence[Container], say: Say) -> BytesColumn:
    used = np.flatnonzero(np.bincount(codes + 1, minlength=len(containers) + 1)[1:])
    by_id = {container.id: container for container in containers}
    where = np.full(len(containers) + 1, -1, np.int32)
    texts: list[bytes] = []
    for place in used.tolist():
        text = say(containers[place], by_id)
        if text is not None:
            where[place] = len(texts)
            texts.append(text.encode("utf-8", "surrogateescape"))
    return BytesColumn(where[codes], pa.array(texts, pa.binary()))


def plain(name: str) -> Texts:
    return said(lambda container, _: getattr(container, name))


def yes(name: str) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> NumberColumn:
        codes, containers = _known(segment)
        answers = np.array([bool(getattr(one, name)) for one in containers])
        return wide(np.append(answers, False)[codes], codes >= 0)

    return column


def _id(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    """The container's id, known from the control groups alone."""
    state = segment.state
    codes, containers = _known(segment)
    known = _texts(codes, containers, lambda container, _: container.id or None)
    table = state.threads.text("container_id")
    own = np.append(table.codes, np.int32(-1))[state.thread]
    shift = np.int32(len(known.values))
    theirs = np.where(own < 0, np.int32(-1), own + shift)
    return BytesColumn(
        np.where(known.codes >= 0, known.codes, theirs).astype(np.int32),
        pa.concat_arrays([known.values, table.values]),
    )


def _mount(part: Callable[[Mount], str], by: Callable[[Mount], str]) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        def say(container: Container, _: Mapping[str, Container]) -> str | None:
            found = container.mount(arg or "", by)
            return None if found is None else part(found)

        return said(say)(segment, arg)

    return column


def _label(of: Callable[[Container, Mapping[str, Container]], Mapping[str, str]]) -> Make:
    def column(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        return said(lambda container, by_id: of(container, by_id).get(arg or ""))(segment, arg)

    return column


def _labels(labels: Mapping[str, str]) -> str:
    """Labels that people have given, ``key:value``."""
    return ", ".join(
        f"{key}:{value}" if value else key
        for key, value in labels.items()
        if not key.startswith(_INTERNAL)
    )


def _named_label(name: str) -> Make:
    return said(lambda container, _: container.labels.get(name))


def _sandbox(container: Container, by_id: Mapping[str, Container]) -> Container | None:
    """The pod's own container, where what it knows is not told with this one."""
    return None if container.cni else by_id.get(container.sandbox_id[:SHORT_ID])


def _pod_labels(container: Container, by_id: Mapping[str, Container]) -> Mapping[str, str]:
    sandbox = _sandbox(container, by_id)
    return (sandbox or container).sandbox_labels


def _pod_label(container: Container, by_id: Mapping[str, Container]) -> Mapping[str, str]:
    sandbox = _sandbox(container, by_id)
    return {**container.sandbox_labels, **(sandbox.sandbox_labels if sandbox else {})}


def _of_pod(name: str) -> Make:
    """A text of the container, or else of the pod's own."""

    def say(container: Container, by_id: Mapping[str, Container]) -> str | None:
        told = container if container.cni else _sandbox(container, by_id)
        return None if told is None else str(getattr(told, name))

    return said(say)


def _no_time(segment: SyscallSegment, arg: str | None) -> NumberColumn:
    """Falco's plugin gives no value, also for threads whose pid namespace has a known start."""
    return no_number(len(segment), np.uint64)


def _no_text(segment: SyscallSegment, arg: str | None) -> BytesColumn:
    return no_value(len(segment))


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses that are a container's own; with ``host`` those of the host too."""

    addresses: frozenset[bytes]
    host: bool


def reaches(segment: SyscallSegment) -> tuple[Codes, list[Reach]]:
    """For each event which addresses its thread's container has, as a place in a list; -1 on the
    host. A container that does not say its address may have that of any.

    From is_ipv4addr_in_local_machine of userspace/libsinsp/ifinfo.cpp in falcosecurity/libs.
    """
    described = _described(segment)
    anyone = Reach(frozenset(filter(None, (_ipv4(each.ip) for each in described))), host=False)
    choices = [anyone]
    for container in described:
        own = _ipv4(container.ip)
        found = Reach(frozenset({own} if own else ()), host=True)
        choices.append(found if container.ip else anyone)
    state = segment.state
    ids = state.threads.text("container_id")
    inside = np.array([text != b"" for text in ids.values.to_pylist()], np.bool_)
    is_inside = np.append(np.append(inside, False)[ids.codes], False)[state.thread]
    places = np.where(state.container >= 0, state.container + 1, 0)
    return np.where(is_inside, places, -1).astype(np.int32), choices


def _ipv4(text: str) -> bytes | None:
    try:
        return socket.inet_pton(socket.AF_INET, text)
    except OSError:
        return None


def users_of_container_events(segment: SyscallSegment) -> BytesColumn | None:
    """The user of the container that each event describes, where it says one; None when no event
    describes a container."""
    told = told_containers(segment)
    if told is None:
        return None
    return _texts(told, _described(segment), lambda container, _: container.user or None)


_BY_SOURCE: Callable[[Mount], str] = attrgetter("source")
_BY_DEST: Callable[[Mount], str] = attrgetter("dest")

#: Fields that the plugin lists and never fills.
_UNFILLED = (
    "container.healthcheck",
    "container.liveness_probe",
    "container.readiness_probe",
    *(
        f"k8s.{what}.{part}"
        for what in ("rc", "svc", "rs", "deployment")
        for part in ("name", "id", "label", "labels")
    ),
    "k8s.ns.id",
    "k8s.ns.label",
    "k8s.ns.labels",
)

FIELDS: dict[str, Make] = {
    **dict.fromkeys(_UNFILLED, _no_text),
    "container.id": _id,
    "container.full_id": plain("full_id"),
    "container.name": plain("name"),
    "container.image": plain("image"),
    "container.image.id": plain("image_id"),
    "container.type": plain("type_name"),
    "container.privileged": yes("privileged"),
    "container.mounts": said(lambda container, _: ",".join(map(str, container.mounts))),
    "container.mount": _mount(str, _BY_SOURCE),
    "container.mount.source": _mount(_BY_SOURCE, _BY_DEST),
    "container.mount.dest": _mount(_BY_DEST, _BY_SOURCE),
    "container.mount.mode": _mount(lambda mount: mount.mode, _BY_SOURCE),
    "container.mount.rdwr": _mount(lambda mount: "true" if mount.rdwr else "false", _BY_SOURCE),
    "container.mount.propagation": _mount(lambda mount: mount.propagation, _BY_SOURCE),
    "container.image.repository": plain("image_repository"),
    "container.image.tag": plain("image_tag"),
    "container.image.digest": plain("image_digest"),
    "container.start_ts": _no_time,
    "container.duration": _no_time,
    "container.ip": plain("ip"),
    "container.cni.json": plain("cni"),
    "container.host_pid": yes("host_pid"),
    "container.host_network": yes("host_network"),
    "container.host_ipc": yes("host_ipc"),
    "container.label": _label(lambda container, _: container.labels),
    "container.labels": said(lambda container, _: _labels(container.labels)),
    "k8s.pod.name": _named_label("io.kubernetes.pod.name"),
    "k8s.ns.name": _named_label("io.kubernetes.pod.namespace"),
    "k8s.pod.id": _named_label("io.kubernetes.pod.uid"),
    "k8s.pod.uid": _named_label("io.kubernetes.pod.uid"),
    "k8s.pod.sandbox_id": said(lambda container, _: container.sandbox_id[:SHORT_ID]),
    "k8s.pod.full_sandbox_id": plain("sandbox_id"),
    "k8s.pod.label": _label(_pod_label),
    "k8s.pod.labels": said(lambda container, by_id: _labels(_pod_labels(container, by_id))),
    "k8s.pod.ip": _of_pod("ip"),
    "k8s.pod.cni.json": _of_pod("cni"),
}
