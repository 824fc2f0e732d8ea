"""Quoting and unquoting of constants.

Works on the text that conditions hold: bytes that are not UTF-8 are surrogate escapes, so a
``\\xff`` in quotes becomes the surrogate for that byte and a pair such as ``\\xc3\\xa9`` becomes
the character it encodes. The rules are those of userspace/libsinsp/filter/escaping.cpp in
falcosecurity/libs.
"""

from __future__ import annotations

import re

_ESCAPED = {
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\\": "\\\\",
    '"': '\\"',
}
_NEEDS_QUOTES = re.compile(r"[\b\f\n\r\t =\\\"'\0]")
_TO_ESCAPE = re.compile(r"[\b\f\n\r\t\\\"]")
_TO_HEX = re.compile("[\0\ud800-\udfff]")

# A backslash before a blank stands for a backslash: upstream keeps it for rules written so.
_UNESCAPED = {
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    " ": "\\",
    "\\": "\\",
    "/": "/",
}
_HEX = re.compile(r"[0-9a-fA-F]{2}")


def escape(text: str) -> str:
    """``text`` as upstream prints a constant: quoted only if it holds a blank, ``=``, a quote,
    a backslash, a control character that has an escape, or NUL."""
    return quote(text) if _NEEDS_QUOTES.search(text) else text


def quote(text: str) -> str:
    """``text`` in double quotes, escaped, whether it needs them or not."""
    return '"' + _TO_ESCAPE.sub(lambda match: _ESCAPED[match[0]], text) + '"'


def quote_exactly(text: str) -> str:
    """As :func:`quote`, but what cannot stand in quotes as it is, is written as ``\\xHH``: NUL,
    bytes that are not UTF-8, and a backslash at the end (the lexer would take the closing quote
    for an escaped one)."""
    quoted = _TO_HEX.sub(lambda match: f"\\x{ord(match[0]) & 0xFF:02x}", quote(text))
    return f'{quoted[:-3]}\\x5c"' if text.endswith("\\") else quoted


def unescape(text: str) -> str:
    """The constant that a quoted string stands for.

    ``text`` includes both quotes (``"`` or ``'``). Raises :class:`ValueError` with upstream's
    message for an escape that does not exist, a ``\\x`` without two digits, or an escaped quote
    of the other kind.
    """
    return str(unescape_bytes(text), "utf-8", "surrogateescape")


def unescape_bytes(text: str) -> bytes:
    """As :func:`unescape`, in bytes."""
    delimiter, end = text[:1], len(text) - 1
    out: list[bytes] = []
    index = 1
    while index < end:
        backslash = text.find("\\", index, end)
        if backslash < 0:
            out.append(text[index:end].encode("utf-8", "surrogateescape"))
            break
        out.append(text[index:backslash].encode("utf-8", "surrogateescape"))
        if backslash + 1 >= end:
            break
        char = text[backslash + 1]
        index = backslash + 2
        if char in _UNESCAPED:
            out.append(_UNESCAPED[char].encode())
        elif char in "\"'":
            if char != delimiter:
                raise ValueError(f"invalid \\{char} escape in {delimiter}-quoted string")
            out.append(char.encode())
        elif char == "x":
            if index + 1 >= end:
                raise ValueError("truncated hex char escape sequence")
            digits = text[index : index + 2]
            if not _HEX.fullmatch(digits):
                raise ValueError(f"invalid hex char escape sequence: {digits}")
            out.append(bytes([int(digits, 16)]))
            index += 2
        else:
            raise ValueError(f"unsupported string escape sequence: \\{char}")
    return b"".join(out)
