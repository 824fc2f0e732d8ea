"""Lines from codes: their order, and long ones in pieces."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from engine import page as pages
from engine.page import Page, Vocabulary
from engine.text_columns import Texts


def written(page: Page) -> bytes:
    return b"".join(piece.to_pybytes() for piece in page.content())


def test_an_empty_page() -> None:
    assert written(Page(0, Vocabulary().array())) == b""


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
def test_lines_in_order_of_their_places(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_PIECE", piece)
    vocabulary = Vocabulary()
    missing, end, nothing = map(vocabulary.code, (b"<NA>", b"\n", b""))
    assert vocabulary.code(b"\n") == end
    page = Page(5, vocabulary.array())
    texts = Texts(np.array([1, -1, 0], np.int32), pa.array([b"zero", b"one"], pa.binary()))
    codes = page.codes(texts, missing)
    ends = np.full(3, end, np.int32)
    page.put(np.array([0, 2, 4]), np.stack([codes, codes, ends], axis=1))
    page.put(np.array([3]), np.array([[nothing]], np.int32))
    page.put_whole(np.array([1]), [b"whole\n"])
    assert written(page) == b"oneone\nwhole\n<NA><NA>\nzerozero\n"


def test_pieces_are_of_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_PIECE", 100)
    vocabulary = Vocabulary()
    code = vocabulary.code(b"0123456789")
    page = Page(50, vocabulary.array())
    page.put(np.arange(50), np.full((50, 1), code, np.int32))
    sizes = [len(piece) for piece in page.content()]
    assert sum(sizes) == 500
    assert max(sizes) <= 110
