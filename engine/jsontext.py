"""JSON text as Falco's two libraries write it.

Falco's JSON line is written by nlohmann::json: keys in the order of their bytes, no blanks,
characters outside ASCII as they are, every ill-formed UTF-8 sequence as U+FFFD. The values of
``output_fields`` pass through jsoncpp before (libs' eventformatter.cpp), which decodes UTF-8
leniently: it trusts the first byte of a sequence and never looks whether the next are
continuation bytes.
"""

from __future__ import annotations

import json

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def dump(value: object) -> str:
    """``value`` as nlohmann::json writes it. Texts must be well-formed (see :func:`replaced`)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def escaped(text: str) -> str:
    """``text`` as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def replaced(text: bytes) -> str:
    """UTF-8 decoded, each ill-formed sequence as one U+FFFD."""
    return text.decode("utf-8", "replace")


def lenient(text: bytes) -> str:
    """UTF-8 decoded as jsoncpp does (``utf8ToCodepoint`` in its json_writer.cpp)."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        pass
    characters = []
    at = 0
    while at < len(text):
        first = text[at]
        if first < 0x80:
            characters.append(chr(first))
            at += 1
            continue
        extra, least = (1, 0x80) if first < 0xE0 else (2, 0x800) if first < 0xF0 else (3, 0x10000)
        if first >= 0xF8 or at + extra >= len(text):
            characters.append(_REPLACEMENT)
            at += 1
            continue
        point = first & (0x3F >> extra)
        for byte in text[at + 1 : at + 1 + extra]:
            point = point << 6 | (byte & 0x3F)
        if point < least or 0xD800 <= point <= 0xDFFF:
            characters.append(_REPLACEMENT)
        else:
            # Beyond the last character it writes a surrogate pair that wraps around.
            characters.append(chr(0x10000 + ((point - 0x10000) & 0xFFFFF) if extra == 3 else point))
        at += 1 + extra
    return "".join(characters)
