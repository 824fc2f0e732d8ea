"""SQL cut into words, leniently: for names, conditions and the ends of statements.

DuckDB itself decides what is SQL; this only has to agree with it on where names, texts and comments
begin and end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

NAME, QUOTED, STRING, NUMBER, OPERATOR = "name", "quoted", "string", "number", "operator"

_WORD = re.compile(
    r"""
    (?P<space>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
  | (?P<escape>[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z))
  | (?P<string>'(?:[^']|'')*(?:'|\Z))
  | (?P<dollar>\$(?P<tag>[A-Za-z_]*)\$.*?(?:\$(?P=tag)\$|\Z))
  | (?P<quoted>"(?:[^"]|"")*(?:"|\Z))
  | (?P<name>[^\W\d][\w$]*)
  | (?P<number>\d[\w.]*)
  | (?P<operator>.)
    """,
    re.VERBOSE | re.DOTALL,
)
_KINDS = {
    "escape": STRING,
    "string": STRING,
    "dollar": STRING,
    "quoted": QUOTED,
    "name": NAME,
    "number": NUMBER,
    "operator": OPERATOR,
}


@dataclass(frozen=True, slots=True)
class Token:
    """A word of SQL: its kind, the text as it stands, and where it begins and ends."""

    kind: str
    text: str
    start: int
    end: int

    @property
    def closed(self) -> bool:
        """Whether a text or a quoted name has an end."""
        if self.text.startswith("$"):
            tag = self.text[: self.text.index("$", 1) + 1]
            return len(self.text) >= 2 * len(tag) and self.text.endswith(tag)
        body = self.text.lstrip("eE") if self.kind == STRING else self.text
        return len(body) > 1 and body[-1] == body[0]

    @property
    def name(self) -> str | None:
        """What a name or a quoted name calls; None for other words."""
        if self.kind == NAME:
            return self.text
        if self.kind == QUOTED:
            return self.text[1:].removesuffix('"').replace('""', '"')
        return None

    @property
    def value(self) -> str | None:
        """What a plain text says; None for other words."""
        if self.kind != STRING or not self.text.startswith("'"):
            return None
        return self.text[1:].removesuffix("'").replace("''", "'")

    def is_word(self, *words: str) -> bool:
        return self.kind == NAME and self.text.upper() in words


def tokens(sql: str) -> list[Token]:
    """The words of ``sql``, comments and blanks left out."""
    found = []
    for match in _WORD.finditer(sql):
        kind = _KINDS.get(match.lastgroup or "")
        if match["dollar"] is not None:
            kind = STRING
        if kind is not None:
            found.append(Token(kind, match[0], match.start(), match.end()))
    return found


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text, and where it begins there. ``text`` has no semicolon."""

    text: str
    start: int
    words: tuple[Token, ...]

    @property
    def first(self) -> str:
        """Its first word, in capitals."""
        return self.words[0].text.upper()


def statements(sql: str) -> list[Statement]:
    """The statements of ``sql``; empty ones are left out."""
    return list(_statements(sql))


def _statements(sql: str) -> Iterator[Statement]:
    words: list[Token] = []
    for token in [*tokens(sql), Token(OPERATOR, ";", len(sql), len(sql))]:
        if token.text == ";" and token.kind == OPERATOR:
            if words:
                start = words[0].start
                own = tuple(
                    Token(each.kind, each.text, each.start - start, each.end - start)
                    for each in words
                )
                yield Statement(sql[start : words[-1].end], start, own)
            words = []
        else:
            words.append(token)


def complete(sql: str) -> bool:
    """Whether what was typed ends a statement: with a semicolon, and no text is open."""
    words = tokens(sql)
    return bool(words) and words[-1].text == ";" and words[-1].kind == OPERATOR


def names(words: Sequence[Token]) -> set[str]:
    """All names among some words, as written."""
    return {name for word in words if (name := word.name) is not None}


def quote(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL takes it."""
    return "'" + text.replace("'", "''") + "'"
