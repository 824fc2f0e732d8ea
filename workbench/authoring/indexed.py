"""Events by number where the workbench has indexed the capture: without a walk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from capture.reader import open_capture
from workbench.authoring.walk import FoundEvent
from workbench.backend.index import folder
from workbench.backend.index.event_index import EventIndex
from workbench.core.session import Session


def indexed_events(session: Session, path: str, numbers: Sequence[int]) -> list[FoundEvent] | None:
    """Events of a capture folder by their numbers, ascending; None where it has no index, or not
    all of them are in it."""
    if not Path(path).is_dir():
        return None
    held = folder.find(path)
    if held is None:
        return None
    held.close()
    capture = open_capture(path)
    index = EventIndex(capture, session.plugins.event_source)
    try:
        wanted = sorted(set(numbers))
        if not index.complete:
            return None
        rows = index.rows_of_numbers(np.array(wanted, np.int64))
        if len(rows) != len(wanted):
            return None
        found = []
        for located in index.locate(rows):
            segment = index.segment(located.batch).take(located.places)
            source = index.source_of(located.batch)
            if source not in session.plugins.surroundings.catalogue.sources:
                return None
            for place, asked in enumerate(located.asked.tolist()):
                row = int(rows[asked])
                number, time = int(index.numbers[row]), int(index.times[row])
                found.append(FoundEvent(number, time, source, segment, place))
        return sorted(found, key=lambda each: each.number)
    finally:
        index.close()
        capture.close()
