"""A capture read from its start: its batches and, of each, the numbers of the events to be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from capture.batches import numbers as numbers_of
from capture.batches import times as times_of
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.placed import At
from capture.reader import Capture
from engine.columns import Segment
from engine.fields.catalogue import SYSCALL
from engine.segments import EventSource
from engine.state.machine import EventState, StateEngine
from engine.syscalls.segment import SyscallSegment, SyscallSource
from engine.syscalls.state import State
from workbench.backend.index.batches import Context
from workbench.backend.index.moments import EVERY
from workbench.core.ahead import ahead

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Walked:
    """A batch as it was met: its segment, and what is to be kept of it (None for a plugin's)."""

    source: str
    at: At
    rows: int
    segment: Segment
    numbers: Ints
    times: Ints
    context: Context | None = None
    state: EventState | None = None
    #: The whole state before it, now and then.
    moment: Section | None = None


def walk(
    capture: Capture, source: str, event_source: Callable[[str], EventSource]
) -> Iterator[Walked]:
    """The batches of one source in order; those in which nothing is to be seen are left out."""
    found = _calls(capture) if source == SYSCALL else _of_plugin(capture, source, event_source)
    return (walked for walked in found if len(walked.numbers))


def _calls(capture: Capture) -> Iterator[Walked]:
    source = SyscallSource()
    for at, item, state, moment in ahead(_with_state(capture)):
        if isinstance(item, Section):
            source.begin(item)
            continue
        assert at is not None and state is not None
        context = Context.of(source)
        segment: SyscallSegment = source.segment(item, State.of(state))
        yield Walked(
            SYSCALL,
            at,
            item.num_rows,
            segment,
            segment.events.num.astype(np.int64),
            segment.events.time.astype(np.int64),
            context,
            state,
            moment,
        )


def _with_state(
    capture: Capture,
) -> Iterator[tuple[At | None, Section | EventBatch, EventState | None, Section | None]]:
    engine = StateEngine(containers=True)
    since = 0
    for at, item in capture.placed_calls():
        if isinstance(item, Section):
            engine.begin(item)
            since = 0
            yield at, item, None, None
            continue
        moment = engine.snapshot(item.section) if since and since % EVERY == 0 else None
        since += 1
        yield at, item, engine.feed(item), moment


def _of_plugin(
    capture: Capture, source: str, event_source: Callable[[str], EventSource]
) -> Iterator[Walked]:
    made = event_source(source)
    for at, batch in capture.placed_batches(source):
        yield Walked(
            source,
            at,
            batch.num_rows,
            made.segment(batch),
            numbers_of(batch).astype(np.int64),
            times_of(batch),
        )
