"""The words of the filter grammar, in the order in which they are tried.

From userspace/libsinsp/filter/parser.cpp in falcosecurity/libs. The order matters: the lexer
takes the first that fits, so ``<=`` stands before ``<``.
"""

from __future__ import annotations

import re

UNARY_OPERATORS = ("exists",)
NUMBER_OPERATORS = ("<=", "<", ">=", ">")
#: Compared as text. Those that are words need a blank after them.
STRING_OPERATORS = (
    "==", "=", "!=", "glob", "iglob", "contains", "icontains", "bcontains", "startswith",
    "bstartswith", "endswith", "regex",
)  # fmt: skip
LIST_OPERATORS = ("intersects", "in", "pmatch")
MODIFIERS = ("oneof", "anyof", "allof")
OPERATORS = UNARY_OPERATORS + NUMBER_OPERATORS + STRING_OPERATORS + LIST_OPERATORS

TRANSFORMERS = ("tolower", "toupper", "b64", "basename", "len", "join", "concat", "getopt")
#: Field on the right-hand side.
VAL = "val"
KEYWORDS = ("and", "or", "not")

MAX_DEPTH = 100

# POSIX [[:space:]]; surrogates are bytes that are not UTF-8, which no character class matches.
_SPACE = r" \t\n\v\f\r"
_BYTES = r"\ud800-\udfff"

# Possessive quantifiers keep hostile texts linear.
NOT_BLANK = re.compile(rf"not[{_SPACE}]++")
IDENTIFIER = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*+")
FIELD_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*+(?:\.[a-zA-Z][a-zA-Z0-9_]*+)++")
PATH_SEGMENTS = re.compile(r"(?:\.[a-zA-Z][a-zA-Z0-9_]*+)++")
FIELD_ARGUMENT = re.compile(rf"[^\]\[\"'{_SPACE}{_BYTES}]++")
HEX_NUMBER = re.compile(r"0[xX][0-9a-fA-F]++")
NUMBER = re.compile(r"[+\-]?[0-9]++\.?[0-9]*+(?:[eE][+\-][0-9]++)?")
BARE_STRING = re.compile(rf"[^()\"'{_SPACE}=,{_BYTES}]++")


def quoted_names(names: tuple[str, ...]) -> str:
    """The names as messages list them: ``'a', 'b'``."""
    return ", ".join(f"'{name}'" for name in names)
