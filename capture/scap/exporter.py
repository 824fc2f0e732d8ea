"""Export of a capture to a ``.scap``: what an import took in, given back.

Events of plugins go between the system calls by their numbers. A reader of today (Falco, falcowb)
sees the same events with the same parameters and numbers; for one of old (sysdig 0.29) enter events
are put back, see ``capture.scap.enters``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from capture import batches as facts
from capture.events.containers import container_events, told_containers
from capture.events.plugins import as_event_batch
from capture.events.schema import HEAD, MAX_TYPES, EventBatch, cut
from capture.events.section import Section
from capture.events.shapes import all_codes, build, join
from capture.manifest import SYSCALL
from capture.reader import Capture
from capture.scap.enters import Enters
from capture.scap.folded import FoldedStream
from capture.scap.old_kinds import with_old_kinds
from capture.scap.writer import ScapWriter

#: Most plugin events of one step.
_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Exported:
    """How many events were written, enter events put back apart, and what a ``.scap`` cannot
    hold, in words."""

    events: int
    enters: int
    notes: tuple[str, ...]


def had_enters(capture: Capture) -> bool:
    """Whether readers of old would look for enter events: not in what was recorded without."""
    origin = capture.manifest.origin
    return origin is None or origin.format != "scap" or origin.folded > 0


def export_scap(
    capture: Capture,
    target: str | os.PathLike[str],
    *,
    enters: bool | None = None,
    compress: bool = True,
    progress: Callable[[int], None] = lambda _events: None,
) -> Exported:
    """Write a capture as a ``.scap``, gzip unless ``compress`` is false.

    ``enters``: put enter events back; None does so unless the capture was imported from a file
    that had none. An import keeps them: they come back just as they were, with the form that other
    events had in the file. Where there are none to be had they are made, see
    ``capture.scap.enters``. ``progress`` is told the events so far; what it raises stops the export
    and removes the file. Memory does not grow with the capture. Raises CaptureError where the file
    exists or cannot be written.
    """
    had = had_enters(capture)
    for_old = had if enters is None else enters
    folded = FoldedStream(capture) if for_old == had else None
    put = None if folded else Enters(for_old)
    written = events = unknown = 0
    section, last = -1, 0
    with ScapWriter(target, compress=compress) as writer:
        try:
            for item in _in_order(capture):
                if isinstance(item, Section):
                    _close(writer, folded, section, last)
                    section = item.number
                    if for_old:
                        item, count = with_old_kinds(item)
                        unknown += count
                    writer.section(item)
                    continue
                events += item.num_rows
                last = int(facts.numbers(item.batch)[-1])
                if put is None:
                    assert folded is not None
                    written += item.num_rows
                    writer.events(item, folded.until(section, last))
                else:
                    for part in put.put_back(item):
                        written += part.num_rows
                        writer.events(part)
                progress(events)
            _close(writer, folded, section, last)
        except BaseException:
            Path(target).unlink(missing_ok=True)
            raise
    notes = [
        f"Source {info.name}: that {info.drops:,} events were dropped at recording is not kept."
        for info in capture.manifest.sources
        if info.drops
    ]
    if unknown:
        notes.append(
            f"{unknown:,} files open at the start are of kinds that readers of old do not know; "
            "they are given as unsupported (--no-enter-events keeps them)."
        )
    made = folded.enters if folded else written - events
    return Exported(events, made, (*capture.missing, *notes))


def _close(writer: ScapWriter, folded: FoldedStream | None, section: int, last: int) -> None:
    """Write what stood after the last event of a section, number ``last``."""
    if folded:
        for batch in folded.rest(section, last):
            writer.folded(batch)


def _in_order(capture: Capture) -> Iterator[Section | EventBatch]:
    """Sections and the events of all sources, by number."""
    sources = [name for name in capture.sources if name != SYSCALL]
    plugins = {name: _plugin_batches(capture, name) for name in sources}
    heads: dict[str, pa.RecordBatch] = {}
    section = -1
    begun: Section | None = None
    for item in capture.system_calls():
        if isinstance(item, Section):
            section = item.number
            yield item
            begun = item
            continue
        if begun is not None:
            # What a walk knew of containers has no place in a section of a .scap.
            first = int(facts.times(item.batch)[0])
            number = max(int(facts.numbers(item.batch)[0]) - 1, 0)
            told = told_containers(begun)
            opening = container_events(told, first, number=number, section=section)
            begun = None
            if opening is not None:
                yield opening
        yield from _merged(plugins, heads, item, section)
    if section < 0:
        section = 0
        yield Section.of(0)
    while _fill(plugins, heads):
        yield from _until(heads, _least(heads), section, None)


def _merged(
    plugins: dict[str, Iterator[pa.RecordBatch]],
    heads: dict[str, pa.RecordBatch],
    calls: EventBatch,
    section: int,
) -> Iterator[EventBatch]:
    """A batch of system calls, and the events of plugins with numbers up to its last."""
    left: EventBatch | None = calls
    while left is not None:
        numbers = facts.numbers(left.batch)
        until = int(numbers[-1])
        if _fill(plugins, heads):
            until = min(until, _least(heads))
        rows = int(np.searchsorted(numbers, np.uint64(until), side="right"))
        part = cut(left, 0, rows) if rows else None
        left = cut(left, rows, left.num_rows) if rows < left.num_rows else None
        yield from _until(heads, until, section, part)


def _until(
    heads: dict[str, pa.RecordBatch], until: int, section: int, calls: EventBatch | None
) -> Iterator[EventBatch]:
    """The events in hand with numbers up to ``until``, as one batch where their types allow."""
    taken = []
    for name, batch in list(heads.items()):
        rows = int(np.searchsorted(facts.numbers(batch), np.uint64(until), side="right"))
        if rows:
            taken.append(batch.slice(0, rows))
        if rows == batch.num_rows:
            del heads[name]
        elif rows:
            heads[name] = batch.slice(rows)
    if not taken:
        if calls is not None:
            yield calls
        return
    whole = taken[0] if len(taken) == 1 else pa.concat_batches(taken)
    order = np.argsort(facts.numbers(whole), kind="stable")
    plugins = as_event_batch(whole.take(pa.array(order)), section)
    if calls is None:
        yield plugins
    elif len(all_codes([calls, plugins])) <= MAX_TYPES:
        yield _sorted(join([calls, plugins]))
    else:
        yield from _alternating(calls, plugins)


def _alternating(calls: EventBatch, plugins: EventBatch) -> Iterator[EventBatch]:
    """Events of plugins between runs of system calls, where there are too many types for one
    batch."""
    numbers = facts.numbers(calls.batch)
    start = 0
    for row, number in enumerate(facts.numbers(plugins.batch).tolist()):
        stop = int(np.searchsorted(numbers, np.uint64(number), side="right"))
        if stop > start:
            yield cut(calls, start, stop)
            start = stop
        yield cut(plugins, row, row + 1)
    if start < calls.num_rows:
        yield cut(calls, start, calls.num_rows)


def _sorted(batch: EventBatch) -> EventBatch:
    """The events by number; those of one type are in order already."""
    order = np.argsort(facts.numbers(batch.batch), kind="stable")
    places = pa.array(order)
    head = [batch.batch.column(field.name).take(places) for field in HEAD]
    type_ids, offsets = batch.type_ids[order], batch.offsets[order]
    return build(head, batch.codes, type_ids, offsets, batch.children, batch.section)


def _fill(plugins: dict[str, Iterator[pa.RecordBatch]], heads: dict[str, pa.RecordBatch]) -> bool:
    """Have the next batch of every plugin source in hand; whether there is any."""
    for name in [name for name in plugins if name not in heads]:
        batch = next(plugins[name], None)
        if batch is None:
            del plugins[name]
        else:
            heads[name] = batch
    return bool(heads)


def _least(heads: dict[str, pa.RecordBatch]) -> int:
    """The number up to which every source in hand is known."""
    return min(int(facts.numbers(batch)[-1]) for batch in heads.values())


def _plugin_batches(capture: Capture, source: str) -> Iterator[pa.RecordBatch]:
    for batch in capture.batches(source):
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)
