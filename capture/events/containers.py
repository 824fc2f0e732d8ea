"""Events that make containers known, as they open a section."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from capture.events.schema import HEAD, INITIAL_STATE, EventBatch, event_struct
from capture.events.section import Section
from capture.events.shapes import build
from capture.events.table import event_table

_CONTAINER = event_table().by_key["CONTAINER_JSON_2_E"].code


def container_events(
    texts: Sequence[bytes], time: int, *, number: int | None = None, section: int = 0
) -> EventBatch | None:
    """One event a container, of ``time`` (nanoseconds since the epoch); None for none.

    ``texts``: what is known of each, as the JSON of ``CONTAINER_JSON_2_E``. ``number``: of all of
    them, that of the event before the section; None numbers them from 1, for a first section.
    """
    if not texts:
        return None
    count = len(texts)
    struct = event_struct(_CONTAINER)
    parameters = pa.StructArray.from_arrays([pa.array(texts, pa.binary())], fields=list(struct))
    values: dict[str, object] = {
        "num": number,
        "time": time,
        "cpu": 0,
        "tid": -1,
        "type": _CONTAINER,
        "present": 1,
        "flags": INITIAL_STATE,
    }
    head = [
        pa.array([values[field.name]] * count, field.type)
        if field.name != "num" or number is not None
        else pa.array(np.arange(1, count + 1, dtype=np.uint64))
        for field in HEAD
    ]
    zeros = np.zeros(count, np.int8)
    places = np.arange(count, dtype=np.int32)
    return build(head, (_CONTAINER,), zeros, places, [parameters], section)


def told_containers(section: Section) -> list[bytes]:
    """What is told of containers in a section that was walked to."""
    table = section.walked.get("walked_containers")
    return [] if table is None else [text for text in table.column("json").to_pylist() if text]
