"""Regular expressions as Falco takes them: RE2 in its POSIX syntax, the whole text matched.

Arrow's RE2 speaks the Perl-like syntax, so a pattern is checked for what POSIX syntax refuses
(``\\d``, ``(?i)``, ``\\b`` …) and rewritten where the two mean different things: ``^`` and ``$``
hold at every line, and a repetition may follow a repetition. From re2's parser.
"""

from __future__ import annotations

import functools
import re

import pyarrow as pa
import pyarrow.compute as pc

from engine.constants import BadConstant

_REPEAT = re.compile(r"[*+?]|\{[0-9]{1,4}(?:,[0-9]{0,4})?\}")
#: What may follow a backslash: punctuation stands for itself, and a few letters.
_ESCAPES = frozenset("aftnrv")
_HINT = {
    "d": "[0-9]", "D": "[^0-9]", "w": "[0-9A-Za-z_]", "W": "[^0-9A-Za-z_]",
    "s": "[[:space:]]", "S": "[^[:space:]]",
}  # fmt: skip


def _refuse(why: str, hint: str = "") -> BadConstant:
    return BadConstant(f"invalid regex pattern: {why}", hint=hint)


@functools.lru_cache(maxsize=4096)
def translate(pattern: str) -> str:
    """``pattern`` for Arrow's regex functions, anchored at both ends of the text.

    Raises BadConstant for what RE2's POSIX syntax does not take, for a pattern that is not UTF-8,
    and for one too large for RE2.
    """
    try:
        pattern.encode()
    except UnicodeEncodeError:
        raise _refuse("invalid UTF-8") from None
    whole = rf"\A(?m:{_rewrite(pattern)})\z"
    try:
        pc.match_substring_regex(pa.array([""]), whole)
    except pa.ArrowInvalid as error:
        raise _refuse(str(error).removeprefix("Invalid regular expression: ")) from None
    return whole


def _rewrite(pattern: str) -> str:
    out: list[str] = []
    atom = -1  # where in ``out`` the last thing that can be repeated begins; -1 for none
    repeated = False
    groups: list[int] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        repeat = _REPEAT.match(pattern, at)
        if repeat is not None and (char != "{" or atom >= 0):
            if atom < 0:
                raise _refuse(f"no argument for repetition operator: {repeat[0]}")
            if repeated:
                out.insert(atom, "(?:")
                out.append(")")
            out.append(repeat[0])
            repeated = True
            at = repeat.end()
            continue
        repeated = False
        if char == "(":
            groups.append(len(out))
            out.append("(?:")
            atom = -1
            at += 1
        elif char == ")":
            if not groups:
                raise _refuse(f"unexpected ): {pattern}")
            atom = groups.pop()
            out.append(")")
            at += 1
        elif char == "|":
            out.append("|")
            atom = -1
            at += 1
        else:
            atom = len(out)
            end = _set_end(pattern, at) if char == "[" else _escape_end(pattern, at)
            out.append(pattern[at:end])
            at = end
    if groups:
        raise _refuse(f"missing ): {pattern}")
    return "".join(out)


def _escape_end(pattern: str, at: int) -> int:
    """Where the one thing at ``at`` ends: a character, or a backslash with what it takes."""
    if pattern[at] != "\\":
        return at + 1
    if at + 1 == len(pattern):
        raise _refuse("trailing \\")
    letter = pattern[at + 1]
    if letter == "x":
        found = re.compile(r"\\x(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2})").match(pattern, at)
        if found is None:
            raise _refuse(f"invalid escape sequence: {pattern[at : at + 4]}")
        return found.end()
    if letter in "01234567":
        found = re.compile(r"\\(?:0[0-7]{0,2}|[1-7][0-7]{1,2})").match(pattern, at)
        if found is None:
            raise _refuse(f"invalid escape sequence: \\{letter}")
        return found.end()
    if letter in _ESCAPES or (letter.isascii() and not letter.isalnum() and letter != "_"):
        return at + 2
    hint = f"Write {_HINT[letter]} for \\{letter}." if letter in _HINT else ""
    raise _refuse(f"invalid escape sequence: \\{letter}", hint)


def _set_end(pattern: str, at: int) -> int:
    """Where the set that begins at ``at`` ends."""
    start = at
    at += 1
    if pattern[at : at + 1] == "^":
        at += 1
    first = True
    while True:
        if at >= len(pattern):
            raise _refuse(f"missing ]: {pattern[start:]}")
        char = pattern[at]
        if char == "]" and not first:
            return at + 1
        if char == "-" and not first and pattern[at + 1 : at + 2] != "]":
            raise _refuse(f"invalid character class range: {pattern[at : at + 2]}")
        first = False
        named = pattern.find(":]", at + 2) if pattern.startswith("[:", at) else -1
        if named >= 0:
            at = named + 2
            continue
        at = _escape_end(pattern, at)
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("]", ""):
            at = _escape_end(pattern, at + 1)
