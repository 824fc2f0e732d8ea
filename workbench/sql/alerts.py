"""The alerts of the loaded rules, as a table: one row an alert, in the order of a replay.

Falco's JSON line is kept as it is; what a query names of it is taken out by DuckDB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.reader import Capture
from engine.alerts import AlertOptions
from engine.language.format import format_condition
from engine.ruleset.selection import Matching, RuleSet
from workbench.core.events import CaptureEvents
from workbench.core.judge import Judge
from workbench.core.judging import judge_capture
from workbench.core.session import Session

ALERTS = pa.schema(
    [
        pa.field("num", pa.int64()),
        pa.field("time", pa.timestamp("ns")),
        pa.field("source", pa.dictionary(pa.int32(), pa.string())),
        pa.field("rule", pa.dictionary(pa.int32(), pa.string())),
        pa.field("priority", pa.dictionary(pa.int32(), pa.string())),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("line", pa.string()),
    ]
)
_OPTIONS = AlertOptions(json_output=True)


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules that were loaded, and which of several that match an event alert."""

    ruleset: RuleSet
    matching: Matching

    @property
    def key(self) -> str:
        """Tells these rules from others."""
        said = hashlib.sha256(str(self.matching).encode())
        for source in self.ruleset.sources:
            for rule in self.ruleset.enabled(source):
                parts = (
                    rule.name, rule.source, rule.priority.title, *sorted(rule.tags), rule.output,
                    format_condition(rule.condition), repr(sorted(rule.extra_fields.items())),
                )  # fmt: skip
                said.update("\0".join(parts).encode("utf-8", "surrogateescape"))
        return said.hexdigest()[:16]


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
            found = _alerts(judging.judge, window)
            if found.num_rows:
                yield found
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
