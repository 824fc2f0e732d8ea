"""System calls with their state, piece by piece, whatever they are read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from capture.events.plugins import PLUGIN_EVENT
from capture.events.schema import EventBatch
from capture.events.section import Section
from engine.state.machine import EventState, StateEngine
from engine.syscalls.segment import SyscallSegment, SyscallSource
from engine.syscalls.state import State
from workbench.core.ahead import ahead
from workbench.core.pieces import SyscallPiece


def syscall_pieces(
    items: Iterable[Section | EventBatch], start: int | None, stop: int | None
) -> Iterator[SyscallPiece]:
    """The events between two times (nanoseconds since the epoch; the end is out)."""
    for _, segment in walked(items):
        wanted = calls_between(segment, start, stop)
        if len(wanted):
            yield SyscallPiece(wanted)


def walked(
    items: Iterable[Section | EventBatch],
) -> Iterator[tuple[EventBatch, SyscallSegment]]:
    """Each batch, and its events with their state.

    Reading and state run ahead, in a thread of their own.
    """
    source = SyscallSource()
    for item, state in ahead(_with_state(items)):
        if isinstance(item, Section):
            source.begin(item)
        else:
            assert state is not None
            yield item, source.segment(item, State.of(state))


def calls_between(segment: SyscallSegment, start: int | None, stop: int | None) -> SyscallSegment:
    """The system calls between two times: state follows all events, rules see these. Events of
    plugins, which a ``.scap`` has among them, are left out."""
    events = segment.events
    keep = events.type != PLUGIN_EVENT
    if start is not None:
        keep &= events.time >= start
    if stop is not None:
        keep &= events.time < stop
    return segment if keep.all() else segment.take(np.flatnonzero(keep))


def _with_state(
    items: Iterable[Section | EventBatch],
) -> Iterator[tuple[Section | EventBatch, EventState | None]]:
    engine = StateEngine(containers=True)
    for item in items:
        if isinstance(item, Section):
            engine.begin(item)
            yield item, None
        else:
            yield item, engine.feed(item)
