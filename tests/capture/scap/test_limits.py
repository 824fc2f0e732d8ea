"""Bounds on the batches that are read."""

from __future__ import annotations

from pathlib import Path

import pytest

from capture.scap.reader import Limits, ScapReader

from . import blocks


@pytest.mark.parametrize(
    ("limits", "rows"),
    [
        (Limits(rows=40), [40, 40, 20]),
        (Limits(rows=40, first_rows=8), [8, 16, 32, 40, 4]),
        (Limits(rows=40, first_rows=0), [1, 2, 4, 8, 16, 32, 37]),
        (Limits(rows=16, first_rows=64), [16] * 6 + [4]),
    ],
)
def test_batches_grow_to_their_bound(tmp_path: Path, limits: Limits, rows: list[int]) -> None:
    path = tmp_path / "made.scap"
    path.write_bytes(many(100))
    with ScapReader(path, limits) as capture:
        assert [batch.num_rows for batch in capture.batches()] == rows


def many(count: int) -> bytes:
    made = blocks.event("SYSCALL_CLOSE_X", blocks.i64(0), blocks.i64(3))
    return blocks.section() + made * count
