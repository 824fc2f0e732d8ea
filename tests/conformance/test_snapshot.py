"""A walk that is broken off, written down and taken up by a new engine finds what one walk finds.

Compared at every event of real captures: everything that fields are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from capture.events.schema import EventBatch, cut
from capture.events.section import Section
from capture.scap.reader import ScapReader
from engine.state.machine import StateEngine
from tests.engine.state.differences import differences

from .cases import UPSTREAM, needs_shared

pytestmark = needs_shared

CAPTURES = sorted((UPSTREAM / "captures").rglob("*.scap")) if UPSTREAM.is_dir() else []
#: Walking is cheap; looking at every event of a large capture is not.
MOST_EVENTS = 60_000


@pytest.mark.parametrize("path", CAPTURES, ids=lambda path: path.name)
@pytest.mark.parametrize("pieces", [4])
def test_walk_goes_on_from_a_snapshot(path: Path, pieces: int) -> None:
    items = list(_items(path, pieces))
    one, other = StateEngine(), StateEngine()
    number = 0
    for item in items:
        if isinstance(item, Section):
            one.begin(item)
            other.begin(item)
            number = item.number
            continue
        expected, found = one.feed(item), other.feed(item)
        different = differences(item, expected, found)
        assert not different, different[:3]
        section = other.snapshot(number)
        other = StateEngine(section)
    assert other.counts.threads == one.counts.threads


def test_a_section_without_what_only_a_walk_knows_is_taken_in_too() -> None:
    path = min(CAPTURES, key=lambda each: each.stat().st_size)
    engine = StateEngine()
    with ScapReader(path) as reader:
        for item in reader:
            if isinstance(item, Section):
                engine.begin(item)
            else:
                engine.feed(item)
    whole = engine.snapshot()
    plain = Section.of(0, (0, 0), {name: whole.table(name) for name in ("threads", "fds", "users")})
    assert StateEngine(plain).counts.threads == engine.counts.threads > 0


def _items(path: Path, pieces: int) -> Iterator[Section | EventBatch]:
    """What a capture holds, its events in about so many batches, at uneven places."""
    held: list[Section | EventBatch] = []
    count = 0
    with ScapReader(path) as reader:
        for item in reader:
            held.append(item)
            count += 0 if isinstance(item, Section) else item.num_rows
            if count >= MOST_EVENTS:
                break
    size = max(1, min(count, MOST_EVENTS) // pieces + 1)
    for item in held:
        if isinstance(item, Section):
            yield item
            continue
        for start in range(0, item.num_rows, size):
            yield cut(item, start, min(start + size, item.num_rows))
