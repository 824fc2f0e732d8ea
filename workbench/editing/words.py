"""Words of a condition with their kinds: for colours and completion.

Forgiving: half a condition has words too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["field", "operator", "keyword", "macro", "string", "number", "punctuation", "value"]

KEYWORDS = ("and", "or", "not")
#: Operators that are words; what each compares with.
WORD_OPERATORS = (
    "exists", "contains", "icontains", "bcontains", "startswith", "bstartswith", "endswith", "in",
    "intersects", "pmatch", "glob", "iglob", "regex",
)  # fmt: skip
SIGN_OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "==")
TRANSFORMERS = ("val", "tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<string>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'?)
    |(?P<operator><=|>=|!=|==|=|<|>)
    |(?P<punctuation>[(),])
    |(?P<word>[^\s"'()<>=!,\[]+(?:\[[^\]]*\]?[^\s"'()<>=!,\[]*)*|.)""",
    re.VERBOSE | re.DOTALL,
)
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?|0[xX][0-9a-fA-F]+")


@dataclass(frozen=True, slots=True)
class Word:
    kind: Kind
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def words(text: str, start: int = 0) -> list[Word]:
    """The words of a condition in order; ``start`` is added to their places."""
    found: list[Word] = []
    before: Word | None = None
    depth_of_list = 0
    for match in _TOKEN.finditer(text):
        group = match.lastgroup
        if group == "space":
            continue
        said = match.group()
        kind: Kind
        if group == "string":
            kind = "string"
        elif group == "operator":
            kind = "operator"
        elif group == "punctuation":
            kind = "punctuation"
            if said == "(" and before is not None and before.kind == "operator":
                depth_of_list = 1
            elif said == ")":
                depth_of_list = 0
        else:
            kind = _of_word(said, before, in_list=depth_of_list > 0)
        before = Word(kind, said, start + match.start())
        found.append(before)
    return found


def _of_word(said: str, before: Word | None, *, in_list: bool) -> Kind:
    if in_list or (before is not None and before.kind == "operator" and before.text != "exists"):
        return "number" if _NUMBER.fullmatch(said) else "value"
    if said in KEYWORDS:
        return "keyword"
    if before is not None and before.kind == "field":
        return "operator" if said in WORD_OPERATORS else "value"
    if said in TRANSFORMERS:
        return "keyword"
    if said in WORD_OPERATORS:
        return "operator"
    return "field" if "." in said else "macro"


def narrowed(condition: str, check: str) -> str:
    """A condition that ``check`` has to hold in as well; the condition may be empty."""
    if not condition:
        return check
    return f"({condition}) and {check}" if " or " in condition else f"{condition} and {check}"


def quoted(value: str) -> str:
    """A value as it is written in a condition."""
    if re.fullmatch(r"[A-Za-z0-9_./:@%+-]+", value) and value not in KEYWORDS:
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    for plain, written in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        escaped = escaped.replace(plain, written)
    return f'"{escaped}"'
