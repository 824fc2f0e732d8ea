"""Ways through a capture: its events as segments, with what the state engine told of them."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from capture import batches as facts
from capture.events.schema import EventBatch
from capture.events.section import Section
from capture.manifest import SYSCALL
from capture.reader import Capture
from engine.state.machine import StateEngine
from engine.state.tables import StateTables
from workbench.core.ahead import ahead
from workbench.core.pieces import Piece, PluginPiece
from workbench.core.syscall_pieces import syscall_pieces

#: Events and bytes of payload of a plugin's source that are taken together.
_EVENTS, _BYTES = 16384, 24 << 20


def pieces(capture: Capture, source: str) -> Iterator[Piece]:
    """The events of one source that rules get to see, in order."""
    if source == SYSCALL:
        yield from syscall_pieces(capture.system_calls(), None, None)
        return
    for batch in facts.gathered(capture.batches(source), _EVENTS, _BYTES):
        yield PluginPiece(batch)


def payloads(piece: Piece) -> pa.RecordBatch:
    """The events of a plugin's piece as they were recorded."""
    assert isinstance(piece, PluginPiece)
    return piece.batch


def states(capture: Capture) -> Iterator[tuple[EventBatch, StateTables]]:
    """All system calls, judged or not, and the tables of each batch's state."""
    yield from ahead(_states(capture))


def _states(capture: Capture) -> Iterator[tuple[EventBatch, StateTables]]:
    engine = StateEngine(containers=True)
    for item in capture.system_calls():
        if isinstance(item, Section):
            engine.begin(item)
        else:
            yield item, engine.feed(item).tables


def calls(capture: Capture) -> Iterator[EventBatch]:
    """All system calls, without their state."""
    for item in ahead(iter(capture.system_calls())):
        if not isinstance(item, Section):
            yield item
