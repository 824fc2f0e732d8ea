"""A .scap is known by what it begins with."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pytest

from capture.scap.sniff import is_scap

from .blocks import UNKNOWN_AND_CUT, section

MADE = section() + UNKNOWN_AND_CUT


@pytest.mark.parametrize(
    ("data", "known"),
    [
        (MADE, True),
        (MADE[:4], True),
        (gzip.compress(MADE), True),
        (pa.Codec("zstd").compress(MADE).to_pybytes(), True),
        (gzip.compress(MADE * 1000)[:200], True),
        (b"", False),
        (MADE[1:], False),
        (MADE[:3], False),
        (b'{"kind":"Event"}\n', False),
        (gzip.compress(b'{"kind":"Event"}\n'), False),
        (gzip.compress(b""), False),
        (b"\x1f\x8b garbage all the way", False),
        (b"\x28\xb5\x2f\xfd" + b"\xff" * 40, False),
    ],
)
def test_by_content(tmp_path: Path, data: bytes, known: bool) -> None:
    path = tmp_path / "anything"
    path.write_bytes(data)
    assert is_scap(path) is known


def test_what_is_no_file(tmp_path: Path) -> None:
    assert not is_scap(tmp_path)
    assert not is_scap(tmp_path / "absent")
    assert not is_scap("/dev/zero")
