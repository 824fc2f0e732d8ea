"""Names of rules selected by a pattern with ``*``."""

from __future__ import annotations


def wildcard_match(pattern: str, text: str) -> bool:
    """Whether ``*`` in ``pattern``, standing for any run of characters, makes it ``text``.

    As in Falco each piece between stars is looked for from the left and its first occurrence
    counts, so ``*rule`` is ``my rule`` but not ``rule of a rule``. Takes linear time for each
    piece.
    """
    first, *pieces = pattern.split("*")
    if not pieces:
        return pattern == text
    if not text.startswith(first):
        return False
    at = len(first)
    last = pieces[-1]
    for piece in filter(None, pieces):
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return not last or at == len(text)
