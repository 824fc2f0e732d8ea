"""The alerts of the loaded rules, as a table: one row an alert, in the order of a replay.

Falco's JSON line is kept as it is; what a query names of it is taken out by DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from capture.reader import Capture
from engine.alerts import AlertOptions
from workbench.core.events import CaptureEvents
from workbench.core.judge import Judge
from workbench.core.judging import judge_capture
from workbench.core.session import Session
from workbench.sql.rules import Rules
from workbench.sql.schemas import ALERTS

_OPTIONS = AlertOptions(json_output=True)


def alerts(capture: Capture, session: Session, rules: Rules) -> Iterator[pa.RecordBatch]:
    """Batches of schema ``ALERTS``. The capture stays open."""
    known = set(session.plugins.surroundings.catalogue.sources)
    if not set(capture.sources) & known:
        return
    events = _Open(capture, None, None)
    judging = judge_capture(
        str(capture.path), events, rules.ruleset, session, rules.matching, _OPTIONS
    )
    complete = False
    try:
        for window in judging.events.windows():
            # Also where there are none: who takes them can then see that it goes on.
            yield _alerts(judging.judge, window)
        complete = True
    finally:
        judging.close(complete=complete)


class _Open(CaptureEvents):
    """Events of a capture that others use too: closing them leaves it open."""

    def close(self) -> None:
        """The capture is somebody else's."""


def _alerts(judge: Judge, window: object) -> pa.RecordBatch:
    found = judge.found(window)  # type: ignore[arg-type] # windows of these very events
    text = b"".join(bytes(piece) for piece in found.lines)
    names, places = _coded([rule.name for rule in found.rules])
    priorities, levels = _coded([rule.priority.title for rule in found.rules])
    sources, origins = _coded([rule.source for rule in found.rules])
    tags = pa.array([sorted(rule.tags) for rule in found.rules], pa.list_(pa.string()))
    which = found.places
    columns = [
        pa.array(found.numbers),
        pa.array(found.times).cast(pa.timestamp("ns")),
        pa.DictionaryArray.from_arrays(pa.array(origins[which]), sources),
        pa.DictionaryArray.from_arrays(pa.array(places[which]), names),
        pa.DictionaryArray.from_arrays(pa.array(levels[which]), priorities),
        tags.take(pa.array(which)),
        pa.array(text.decode("utf-8", "replace").split("\n")[:-1], pa.string()),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=ALERTS)


def _coded(texts: list[str]) -> tuple[pa.Array, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """Distinct texts, and for each text its place among them. Names may hold bytes that are not
    UTF-8, as surrogates; a table never does."""
    plain = [text.encode("utf-8", "replace").decode() for text in texts]
    distinct = list(dict.fromkeys(plain))
    codes = [distinct.index(text) for text in plain]
    return pa.array(distinct, pa.string()), np.array(codes, np.int32)
