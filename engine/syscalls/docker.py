"""``evt.infra.docker.*``: what events of Docker in old captures say of themselves.

From sinsp_filtercheck_event.cpp in falcosecurity/libs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow as pa

from capture.events.table import event_table
from engine.columns import BytesColumn
from engine.syscalls.assemble import bytes_of, coded, no_value
from engine.syscalls.ofthreads import Make

if TYPE_CHECKING:
    from engine.syscalls.segment import SyscallSegment


def _infra(pick: Callable[[bytes], bytes | None]) -> Make:
    """A part of the description of a Docker event of old captures."""

    def make(segment: SyscallSegment, arg: str | None) -> BytesColumn:
        group = segment.events.group(event_table().by_key["INFRASTRUCTURE_EVENT_E"].code)
        if group is None:
            return no_value(len(segment))
        said = segment.events.parameter(group, 2).fill_null(b"").to_pylist()
        texts = [pick(text) for text in said]
        return bytes_of(len(segment), [(group.at, *coded(pa.array(texts, pa.binary())))])

    return make


def _described(key: bytes, *, image: bool = False, cut: int | None = None) -> Make:
    def pick(text: bytes) -> bytes | None:
        for element in text.split(b";"):
            element = element.strip()
            if not element.startswith(key):
                continue
            value = element.split(b":")[1] if b":" in element else b""
            if image:
                if b"@" in value:
                    value = value.partition(b"@")[0]
                elif b"sha256" in value:
                    value = element.partition(b":")[2]
            return value.strip()[:cut]
        return None

    return _infra(pick)


FIELDS: dict[str, Make] = {
    "evt.infra.docker.name": _described(b"Event"),
    "evt.infra.docker.container.id": _described(b"ID", cut=12),
    "evt.infra.docker.container.name": _described(b"name"),
    "evt.infra.docker.container.image": _described(b"Image", image=True),
}
