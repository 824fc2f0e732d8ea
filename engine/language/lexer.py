"""Reading tokens off a condition, one attempt at a time.

The grammar has no token stream: what a word is depends on what may stand there, and keywords end
where they end (``existsand macro`` is two words). So the lexer offers attempts: each either takes
its token and returns True, or leaves the position alone and returns False. ``token`` is the last
token taken, as upstream keeps it for its messages.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from engine.language import grammar
from engine.language.ast import Pos
from engine.language.escape import unescape

_BLANK_RUN = re.compile(r"[ \t\x08\r\n]++")
_LINE_END = re.compile(r"[\r\n]")
_NO_BLANK_NEEDED = frozenset("=<>!")


class Lexer:
    """A condition's text and a place in it. Positions count characters, lines end at CR or LF."""

    def __init__(self, text: str, index: int = 0) -> None:
        self.text = text
        self.index = index
        self.token = ""
        self._line_ends = [match.start() for match in _LINE_END.finditer(text)]

    def pos(self) -> Pos:
        line = bisect_left(self._line_ends, self.index)
        start = self._line_ends[line - 1] + 1 if line else 0
        return Pos(self.index, line + 1, self.index - start + 1)

    def at_end(self) -> bool:
        return self.index >= len(self.text)

    def blank(self) -> bool:
        match = _BLANK_RUN.match(self.text, self.index)
        if match is None:
            return False
        self.index = match.end()
        return True

    def literal(self, text: str) -> bool:
        if not self.text.startswith(text, self.index):
            return False
        self.token = text
        self.index += len(text)
        return True

    def pattern(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self.index)
        if match is None:
            return False
        self.token = match[0]
        self.index = match.end()
        return True

    def operator(self, names: tuple[str, ...], *, blank_after: bool = False) -> bool:
        """The first of ``names`` that stands here. With ``blank_after``, those that are words need
        a blank, and take it."""
        for name in names:
            if not self.text.startswith(name, self.index):
                continue
            if blank_after and name[-1] not in _NO_BLANK_NEEDED:
                match = _BLANK_RUN.match(self.text, self.index + len(name))
                if match is None:
                    continue
                self.index = match.end()
            else:
                self.index += len(name)
            self.token = name
            return True
        return False

    def transformer(self) -> bool:
        """A transformer's name with its ``(``, which must touch it; ``token`` is the name."""
        for name in grammar.TRANSFORMERS:
            if self.text.startswith(name + "(", self.index):
                self.index += len(name) + 1
                self.token = name
                return True
        return False

    def quoted(self) -> bool:
        """A quoted string; ``token`` is its unescaped content.

        Raises :class:`ValueError` for a bad escape, with the string already passed.
        """
        start = self.index
        delimiter = self.text[start : start + 1]
        if delimiter not in ("'", '"'):
            return False
        end = start
        while (end := self.text.find(delimiter, end + 1)) >= 0:
            # A quote right after a backslash never ends the string, even after an escaped one.
            if self.text[end - 1] != "\\":
                break
        nul = self.text.find("\0", start, end if end >= 0 else len(self.text))
        if end < 0 or nul >= 0:
            self.token = self.text[start : nul if nul >= 0 else len(self.text)]
            return False
        self.index = end + 1
        self.token = self.text[start : end + 1]
        self.token = unescape(self.token)
        return True

    def field_name(self) -> bool:
        return self.pattern(grammar.FIELD_NAME)

    def identifier(self) -> bool:
        return self.pattern(grammar.IDENTIFIER)

    def number(self) -> bool:
        return self.pattern(grammar.HEX_NUMBER) or self.pattern(grammar.NUMBER)

    def bare_string(self) -> bool:
        return self.pattern(grammar.BARE_STRING)

    def field_argument(self) -> bool:
        return self.pattern(grammar.FIELD_ARGUMENT)

    def list_follows(self) -> bool:
        """Whether an opening bracket or a name stands here (nothing is taken)."""
        return self.text.startswith("(", self.index) or bool(
            grammar.IDENTIFIER.match(self.text, self.index)
        )

    def keyword_follows(self) -> bool:
        """Whether ``and``, ``or`` or ``not`` stands here as a word (nothing is taken)."""
        for keyword in grammar.KEYWORDS:
            if self.text.startswith(keyword, self.index):
                after = self.text[self.index + len(keyword) : self.index + len(keyword) + 1]
                if not (after.isascii() and after.isalnum()):
                    return True
        return False
