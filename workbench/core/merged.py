"""Several sources side by side in the order of event numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from workbench.core.pieces import Piece


def merged(streams: Mapping[str, Iterator[Piece]]) -> Iterator[dict[str, Piece]]:
    """The events of several sources in windows of event numbers.

    Each window holds, for every source that has any, its events of the same range of numbers, and
    every number of a window is smaller than those of the next: what is found in a window need
    only be ordered within it. At most one piece of each source is in memory; none may be empty.
    """
    left = dict(streams)
    heads: dict[str, Piece] = {}
    while True:
        for name in [name for name in left if name not in heads]:
            piece = next(left[name], None)
            if piece is None:
                del left[name]
            else:
                heads[name] = piece
        if not heads:
            return
        until = min(int(piece.numbers[-1]) for piece in heads.values())
        window: dict[str, Piece] = {}
        for name, piece in list(heads.items()):
            numbers = piece.numbers
            # A crafted capture's numbers may not ascend: a piece that ends here is used up anyway.
            rows = (
                len(piece)
                if int(numbers[-1]) == until
                else int(np.searchsorted(numbers, until, side="right"))
            )
            if rows == len(piece):
                window[name] = piece
                del heads[name]
            elif rows:
                window[name] = piece.part(0, rows)
                heads[name] = piece.part(rows, len(piece))
        yield window
