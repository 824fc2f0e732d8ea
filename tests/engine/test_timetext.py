"""Times as text against numpy's own writing."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.timetext import CLOCK, CLOCK_SECONDS, DAY, written

_LEAST = -(2**63) + 1  # the very least means "no time" to numpy


@given(st.lists(st.integers(_LEAST, 2**63 - 1), max_size=20))
def test_as_numpy_writes_them(times: list[int]) -> None:
    texts = written(np.array(times, np.int64), DAY, b"T", CLOCK).to_pylist()
    expected = np.datetime_as_string(np.array(times, "M8[ns]"), unit="ns").tolist()
    assert texts == [text.encode() for text in expected]


def test_parts() -> None:
    times = np.array([0, 1_700_000_000_000_000_005], np.int64)
    assert written(times, CLOCK_SECONDS, b" o'clock").to_pylist() == [
        b"00:00:00 o'clock",
        b"22:13:20 o'clock",
    ]
    assert written(times, b"day ", DAY).to_pylist() == [b"day 1970-01-01", b"day 2023-11-14"]
