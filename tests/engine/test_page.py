"""Lines from codes: their order, and long ones in pieces."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine import page as pages
from engine.page import Page
from engine.text_columns import Texts


def written(page: Page) -> bytes:
    return b"".join(piece.to_pybytes() for piece in page.content())


def test_an_empty_page() -> None:
    assert written(Page(0)) == b""


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_lines_in_order_of_their_places(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_PIECE", piece)
    page = Page(5)
    texts = Texts(np.array([1, -1, 0], np.int32), pa.array([b"zero", b"one"], pa.binary()))
    codes = page.codes(texts, b"<NA>")
    assert page.code(b"<NA>") == page.code(b"<NA>")
    end = np.full(3, page.code(b"\n"), np.int32)
    page.put(np.array([0, 2, 4]), np.stack([codes, codes, end], axis=1))
    page.put(np.array([3]), np.array([[page.code(b"")]], np.int32))
    page.put_whole(np.array([1]), [b"whole\n"])
    assert written(page) == b"oneone\nwhole\n<NA><NA>\nzerozero\n"


def test_pieces_are_of_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_PIECE", 100)
    page = Page(50)
    page.put(np.arange(50), np.full((50, 1), page.code(b"0123456789"), np.int32))
    sizes = [len(piece) for piece in page.content()]
    assert sum(sizes) == 500
    assert max(sizes) <= 110
