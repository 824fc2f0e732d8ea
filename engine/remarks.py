"""What is valid in a condition but probably not meant. From libs' filter compiler."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.fields.catalogue import Catalogue
from engine.language.ast import Pos
from engine.language.grammar import TRANSFORMERS, VAL

_FIELD = re.compile(r"([^\[\]]+)(?:\[([^\]]*)\])?")
_SPECIAL = frozenset(".+*?^$()[]{}|\\")


@dataclass(frozen=True, slots=True)
class Remark:
    """``pos`` is that of the node it is about."""

    text: str
    pos: Pos


def remarks_on_constant(
    operator: str, text: str, pos: Pos, catalogue: Catalogue, source: str
) -> list[Remark]:
    """Remarks on the constant ``text`` on the right of ``operator``."""
    found: list[str] = []
    bare = "".join(text.split())
    if operator == "regex" and _plain(text):
        found.append(
            f"regex check with '{text}' may be optimized with simpler operators such as"
            " '=', 'contains', 'startswith', 'endswith'"
        )
    field = _FIELD.fullmatch(bare)
    if field is not None and catalogue.has(field[1], field[2], source):
        found.append(f"'{text}' may be a valid field misused as a const string value")
    found.extend(
        f"'{text}' may be a valid field transformer misused as a const string value"
        for name in (*TRANSFORMERS, VAL)
        if bare.startswith(name + "(") and bare.endswith(")")
    )
    return [Remark(message, pos) for message in found]


def _plain(pattern: str) -> bool:
    """Whether nothing but anchors and a ``.*`` at either end needs a regular expression."""
    length = len(pattern)
    at = 0
    while at < length:
        char = pattern[at]
        if (at == 0 and char == "^") or (at == length - 1 and char == "$"):
            at += 1
            continue
        if (
            ((at == 0 and length > 1) or at == length - 2)
            and char == "."
            and pattern[at + 1] in "+*?"
        ):
            at += 2
            continue
        if char in _SPECIAL:
            return False
        at += 1
    return True
