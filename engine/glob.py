"""Shell patterns as regular expressions of RE2, so that matching is linear in pattern and text.

The patterns are those of C's ``fnmatch`` without flags in the C locale, bytes for characters: ``*``
and ``?`` match ``/`` too, ``\\`` takes the next character as it is, ``[…]`` is a set with ranges,
classes and ``!`` or ``^`` for its complement. An unfinished ``[`` stands for itself.
"""

from __future__ import annotations

import functools
import string

_CLASSES: dict[str, frozenset[int]] = {
    name: frozenset(map(ord, members))
    for name, members in {
        "alpha": string.ascii_letters,
        "digit": string.digits,
        "alnum": string.ascii_letters + string.digits,
        "upper": string.ascii_uppercase,
        "lower": string.ascii_lowercase,
        "space": " \t\n\v\f\r",
        "blank": " \t",
        "punct": string.punctuation,
        "xdigit": string.hexdigits,
        "print": "".join(map(chr, range(0x20, 0x7F))),
        "graph": "".join(map(chr, range(0x21, 0x7F))),
        "cntrl": "".join(map(chr, (*range(0x20), 0x7F))),
    }.items()
}
_EVERYTHING = frozenset(range(256))
#: Matches nothing at all.
NEVER = r"[^\x00-\x{ff}]"


@functools.lru_cache(maxsize=4096)
def translate(pattern: bytes, *, fold: bool = False, within: bool = False) -> str:
    """A regular expression (RE2, Latin-1) for the whole text, without anchors.

    ``fold`` ignores the case of ASCII letters; ``within`` is for one component of a path: nothing
    matches ``/``.
    """
    out: list[str] = []
    any_byte = "[^/]" if within else r"(?s:.)"
    at = 0
    while at < len(pattern):
        byte = pattern[at]
        at += 1
        if byte == ord("*"):
            while pattern[at : at + 1] == b"*":
                at += 1
            out.append(any_byte + "*")
        elif byte == ord("?"):
            out.append(any_byte)
        elif byte == ord("["):
            found = _set(pattern, at, fold)
            if found is None:
                out.append(r"\[")
            else:
                members, at = found
                out.append(_class(members - {ord("/")} if within else members))
        else:
            if byte == ord("\\"):
                if at == len(pattern):
                    return NEVER
                byte = pattern[at]
                at += 1
            out.append(_literal(byte, fold))
    return "".join(out)


def _literal(byte: int, fold: bool) -> str:
    letter = bytes([byte])
    if fold and letter.isalpha():
        return "[" + letter.lower().decode("ascii") + letter.upper().decode("ascii") + "]"
    return letter.decode("ascii") if letter.isalnum() else f"\\x{byte:02x}"


def _class(members: frozenset[int]) -> str:
    if not members:
        return NEVER
    if members == _EVERYTHING:
        return r"(?s:.)"
    ranges: list[list[int]] = []
    for byte in sorted(members):
        if ranges and ranges[-1][1] == byte - 1:
            ranges[-1][1] = byte
        else:
            ranges.append([byte, byte])
    return "[" + "".join(f"\\x{{{low:02x}}}-\\x{{{high:02x}}}" for low, high in ranges) + "]"


def _set(pattern: bytes, at: int, fold: bool) -> tuple[frozenset[int], int] | None:
    """The bytes that the set after ``[`` holds, and where it ends; None if it does not end."""
    start = at
    negated = pattern[at : at + 1] in (b"!", b"^")
    if negated:
        at += 1
    members: set[int] = set()
    classes: set[int] = set()  # named classes look at the case even where nothing else does
    first = True
    while True:
        if at >= len(pattern):
            return None
        byte = pattern[at]
        if byte == ord("]") and not first:
            at += 1
            break
        first = False
        if pattern[at : at + 2] == b"[:":
            end = pattern.find(b":]", at + 2)
            name = pattern[at + 2 : end].decode("latin-1") if end > 0 else ""
            if name in _CLASSES:
                classes |= _CLASSES[name]
                at = end + 2
                continue
        one, at = _member(pattern, at)
        if one is None:
            return None
        low = high = one
        if pattern[at:] == b"-" and ord("[") not in {*members, *classes, one}:
            return frozenset(), len(pattern)  # glibc: such a range matches nothing at all
        if pattern[at : at + 1] == b"-" and pattern[at + 1 : at + 2] not in (b"]", b""):
            last, at = _member(pattern, at + 1)
            if last is None:
                return None
            high = last
        if fold:
            low, high = _lower(low), _lower(high)
        members.update(range(low, high + 1))
    if at == start:
        return None
    if fold:
        lowered = {_lower(byte) for byte in members}
        members = {byte for byte in _EVERYTHING if _lower(byte) in lowered or byte in members}
    members |= classes
    return (_EVERYTHING - members if negated else frozenset(members)), at


def _member(pattern: bytes, at: int) -> tuple[int | None, int]:
    """One byte inside a set: itself, escaped, or as ``[.x.]`` or ``[=x=]``."""
    if pattern[at : at + 1] == b"\\":
        if at + 1 >= len(pattern):
            return None, at
        return pattern[at + 1], at + 2
    for mark in (b".", b"="):
        if pattern[at : at + 2] == b"[" + mark and pattern[at + 3 : at + 5] == mark + b"]":
            return pattern[at + 2], at + 5
    return pattern[at], at + 1


def _lower(byte: int) -> int:
    return byte + 32 if ord("A") <= byte <= ord("Z") else byte
