"""System calls with their state, piece by piece, whatever they are read from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from capture.events.schema import EventBatch
from capture.events.section import Section
from engine.state.machine import EventState, StateEngine
from engine.syscalls.segment import SyscallSource
from engine.syscalls.state import State
from workbench.core.ahead import ahead
from workbench.core.pieces import SyscallPiece


def syscall_pieces(
    items: Iterable[Section | EventBatch], start: int | None, stop: int | None
) -> Iterator[SyscallPiece]:
    """The events between two times (nanoseconds since the epoch; the end is out).

    State follows all events, those outside the times included. Reading and state run ahead, in a
    thread of their own.
    """
    source = SyscallSource()
    for item, state in ahead(_with_state(items)):
        if isinstance(item, Section):
            source.begin(item)
            continue
        assert state is not None
        segment = source.segment(item, State.of(state))
        keep = np.ones(len(segment), np.bool_)
        if start is not None:
            keep &= segment.events.time >= start
        if stop is not None:
            keep &= segment.events.time < stop
        if keep.any():
            yield SyscallPiece(segment if keep.all() else segment.take(np.flatnonzero(keep)))


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
