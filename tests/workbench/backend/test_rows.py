"""Rows: where every event is, whatever the order of several sources."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workbench.backend.index.rows import Rows


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=6),
    st.data(),
)
def test_every_row_is_found_where_it_was_put(windows: list[list[int]], data: st.DataObject) -> None:
    """A window is a list: which of its parts each of its events in turn belongs to."""
    rows = Rows()
    truth: list[tuple[int, int]] = []
    batch = 0
    for owners in windows:
        parts = sorted(set(owners))
        starts = {part: data.draw(st.integers(0, 5)) for part in parts}
        # Number of an event: its place in the window; parts one after the other.
        concatenated = [place for part in parts for place, own in enumerate(owners) if own == part]
        order = np.argsort(np.array(concatenated), kind="stable").astype(np.int64)
        count = {part: owners.count(part) for part in parts}
        named = [(batch + i, starts[p], starts[p] + count[p]) for i, p in enumerate(parts)]
        rows.add(named, order if len(parts) > 1 else None)
        seen = dict.fromkeys(parts, 0)
        for own in owners:
            truth.append((batch + parts.index(own), starts[own] + seen[own]))
            seen[own] += 1
        batch += len(parts)
    assert rows.count == len(truth)
    asked = np.array(data.draw(st.lists(st.integers(0, len(truth) - 1), max_size=20)), np.int64)
    found: dict[int, tuple[int, int]] = {}
    for located in rows.locate(asked):
        for place, at in zip(located.places.tolist(), located.asked.tolist(), strict=True):
            assert at not in found
            found[at] = (located.batch, place)
    assert [found[at] for at in range(len(asked))] == [truth[row] for row in asked.tolist()]
    for window in rows.windows:
        for part in window.parts:
            places = np.arange(len(part), dtype=np.int64)
            for place, row in zip(places, part.to_rows(places).tolist(), strict=True):
                assert truth[row] == (part.batch, part.start + int(place))
            assert part.all_rows().tolist() == part.to_rows(places).tolist()
