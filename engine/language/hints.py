"""What to say to whoever wrote a condition that does not parse.

Upstream's messages name what the grammar wanted; a hint names what the writer probably meant.
"""

from __future__ import annotations

import difflib
import re

from engine.language import grammar

_WORD = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]{0,39}")
_SIGN = re.compile(r"[=<>!~]{1,3}")
_FIELD_WORD = re.compile(r"[a-zA-Z0-9_.]{1,60}")
#: Operators of other languages, and what does their work here.
_ELSEWHERE = {
    "matches": "regex", "match": "regex", "like": "glob", "ilike": "iglob", "is": "=", "eq": "=",
    "equals": "=", "ne": "!=", "gt": ">", "ge": ">=", "lt": "<", "le": "<=", "has": "contains",
    "includes": "contains", "starts_with": "startswith", "ends_with": "endswith", "===": "=",
    "!==": "!=", "=~": "regex", "~": "regex", "<>": "!=", "=>": ">=", "=<": "<=", "!": "!=",
    "&&": "and", "||": "or",
}  # fmt: skip
_WORD_OPERATORS = tuple(name for name in grammar.OPERATORS if name.isalpha())


def hint_for(text: str, index: int, token: str, expected: tuple[str, ...]) -> str:
    """A sentence about an error at ``index``, where ``expected`` was wanted after ``token``;
    empty where there is nothing to add to the message."""
    rest = text[index : index + 64]
    if not expected:
        return ""
    if rest[:1] in ("'", '"') and "a value" in expected:
        return "the quoted string is never closed"
    if "exists" in expected:
        return _about_operator(rest)
    if "and" in expected and ")" not in expected:
        return _about_what_follows(rest, token)
    if "a blank" in expected:
        return f"put a blank after '{token}'"
    if ")" in expected and not rest:
        return "a bracket opened before is never closed"
    if not rest:
        return f"the condition ends where {_one_of(expected)} should stand"
    if "a number" in expected and "a value" not in expected and "(" not in expected:
        return "'<', '<=', '>' and '>=' compare with a number, such as 10, 0x1f or 1.5"
    if "a macro" in expected:
        return _about_operand(rest)
    return f"expected {_one_of(expected)}"


def nearest(word: str, known: tuple[str, ...]) -> str:
    """The one of ``known`` that ``word`` is probably meant to be; empty if none comes close."""
    found = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.65)
    return found[0] if found else ""


def _one_of(names: tuple[str, ...]) -> str:
    shown = [name if " " in name or name.isalpha() else f"'{name}'" for name in names]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " or " + shown[-1]


def _about_operator(rest: str) -> str:
    if not rest:
        return "the condition ends where an operator should stand, such as =, in or contains"
    match = _WORD.match(rest) or _SIGN.match(rest)
    word = match[0] if match else rest[0]
    if word.lower() in _ELSEWHERE:
        return f"did you mean '{_ELSEWHERE[word.lower()]}'?"
    if word.lower() in _WORD_OPERATORS and word != word.lower():
        return f"operators are written in lower case: '{word.lower()}'"
    for name in sorted(_WORD_OPERATORS, key=len, reverse=True):
        if word == name or (word.startswith(name) and len(name) > 3 and name != "exists"):
            return f"put a blank after '{name}'"
    guess = nearest(word, _WORD_OPERATORS)
    if guess:
        return f"did you mean '{guess}'?"
    if word in grammar.KEYWORDS:
        return "a field needs an operator: 'exists' asks whether it has a value"
    return "an operator should stand here, such as =, in or contains"


def _about_what_follows(rest: str, token: str) -> str:
    """After a whole check, where only ``and`` or ``or`` may follow."""
    if rest.startswith(")"):
        return "this bracket closes nothing"
    if rest.startswith("(") and _WORD.fullmatch(token):
        guess = nearest(token, (*grammar.TRANSFORMERS, grammar.VAL))
        if guess and guess != token:
            return f"did you mean the transformer '{guess}('?"
        if token in grammar.MODIFIERS:
            return f"put a blank after '{token}', and one before it"
        return f"'{token}' is no transformer; known are {', '.join(grammar.TRANSFORMERS)}"
    match = _WORD.match(rest) or _SIGN.match(rest)
    word = match[0] if match else ""
    is_operator = word in grammar.OPERATORS or word in _ELSEWHERE
    if is_operator and _WORD.fullmatch(token) and token not in grammar.OPERATORS:
        return (
            f"'{token}' is read as a macro, and a macro takes no operator; "
            "a field has a dot in its name, a text with blanks needs quotes"
        )
    if word.lower() in grammar.KEYWORDS and word != word.lower():
        return f"'{word.lower()}' is written in lower case"
    guess = nearest(word, ("and", "or")) if word else ""
    if guess:
        return f"did you mean '{guess}'?"
    if rest[:2] in _ELSEWHERE:
        return f"did you mean '{_ELSEWHERE[rest[:2]]}'?"
    if rest[:1] in ("'", '"'):
        return "a quote ends before this one: write \\ before a quote that belongs to the text"
    return "join two checks by 'and' or 'or'; a text with blanks needs quotes"


def _about_operand(rest: str) -> str:
    """Where a check should begin."""
    match = _FIELD_WORD.match(rest)
    if match is None:
        if rest[0] in "!":
            return "write 'not' for '!'"
        return "a check begins with a field, a transformer, a macro, 'not' or '('"
    word = match[0]
    if word[0].isdigit() or "." in word:
        return f"'{word}' is no field name: each part begins with a letter"
    return "a check begins with a field, a transformer, a macro, 'not' or '('"
