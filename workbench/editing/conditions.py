"""What may stand at the cursor of a condition: fields, operators, values, macros, lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.backend.questions.catalogue import FieldFacts
from workbench.editing.words import (
    SIGN_OPERATORS,
    WORD_OPERATORS,
    Word,
    words,
)

_MOST = 60
_TEXT = ("CHARBUF", "FSPATH", "FSRELPATH")
_ABOUT_OPERATORS = {
    "=": "equal", "!=": "not equal", "in": "one of a list", "contains": "has this in it",
    "icontains": "has this in it, in any case", "startswith": "begins with", "endswith": "ends so",
    "exists": "has a value", "pmatch": "is under one of these paths", "glob": "matches * and ?",
    "iglob": "matches * and ?, in any case", "regex": "matches a regular expression, whole",
    "intersects": "shares a value with the list", "<": "less", "<=": "at most", ">": "more",
    ">=": "at least", "bcontains": "has these bytes in it", "bstartswith": "begins with bytes",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """``text`` is put in the place of the word; ``about`` says what it is."""

    text: str
    kind: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Completion:
    """Options for the word from ``start`` to ``end``."""

    start: int
    end: int
    options: tuple[Option, ...]


@dataclass
class Vocabulary:
    """What can be named."""

    fields: Sequence[FieldFacts] = ()
    event_types: Sequence[str] = ()
    macros: Sequence[str] = ()
    lists: Sequence[str] = ()
    #: What macros and lists are, by name.
    about: Mapping[str, str] = field(default_factory=dict)
    _by_name: dict[str, FieldFacts] = field(default_factory=dict)

    def field(self, name: str) -> FieldFacts | None:
        if len(self._by_name) != len(self.fields):
            self._by_name = {each.name: each for each in self.fields}
        return self._by_name.get(name.partition("[")[0])


def complete(text: str, cursor: int, known: Vocabulary) -> Completion:
    """What may stand at the cursor."""
    every = words(text[:cursor])
    word: Word | None = None
    if every and every[-1].end == cursor and every[-1].kind != "punctuation":
        word = every[-1]
        every = every[:-1]
    start = word.start if word else cursor
    typed = word.text if word else ""
    before = every[-1] if every else None
    options = _options(every, before, known)
    if word is not None and word.kind == "operator" and word.text in SIGN_OPERATORS:
        return Completion(cursor, cursor, fitting("", _values(every, known)))
    return Completion(start, cursor, fitting(typed, options))


def _options(every: list[Word], before: Word | None, known: Vocabulary) -> Iterable[Option]:
    if before is None or before.kind == "keyword":
        return _checks(known)
    if before.kind == "punctuation":
        if before.text == ")":
            return _joints()
        return _values(every, known) if _in_list(every) else _checks(known)
    if before.kind == "field":
        return _operators(known.field(before.text))
    if before.kind == "operator":
        return _joints() if before.text == "exists" else _values(every, known)
    return _joints()


def _in_list(every: list[Word]) -> bool:
    for place in range(len(every) - 1, -1, -1):
        if every[place].text == ")":
            return False
        if every[place].text == "(":
            return place > 0 and every[place - 1].kind == "operator"
    return False


def _checks(known: Vocabulary) -> Iterable[Option]:
    yield Option("not", "keyword", "what follows does not hold")
    for each in known.fields:
        dot = "[…] " if each.argument else ""
        yield Option(each.name, "field", f"{dot}{each.type.lower()}  {each.description}")
    for name in known.macros:
        yield Option(name, "macro", known.about.get(name, "macro of the rules"))


def _operators(about: FieldFacts | None) -> Iterable[Option]:
    kind = about.type if about else ""
    if about is not None and about.is_list:
        names: Sequence[str] = ("in", "intersects", "exists")
    elif kind in _TEXT or not kind:
        names = (
            "=", "!=", "in", "contains", "icontains", "startswith", "endswith", "exists", "pmatch",
            "glob", "iglob", "regex",
        )  # fmt: skip
    elif kind == "BYTEBUF":
        names = ("contains", "bcontains", "bstartswith", "startswith", "exists")
    elif kind in ("IPADDR", "IPNET", "BOOL"):
        names = ("=", "!=", "in", "exists")
    else:
        names = ("=", "!=", "<", "<=", ">", ">=", "in", "exists")
    for name in names:
        yield Option(name, "operator", _ABOUT_OPERATORS.get(name, ""))


def _values(every: list[Word], known: Vocabulary) -> Iterable[Option]:
    """Values for the field that is compared."""
    name = next((word.text for word in reversed(every) if word.kind == "field"), "")
    about = known.field(name)
    if name in ("evt.type", "syscall.type"):
        for each in known.event_types:
            yield Option(each, "value", "event type")
    elif about is not None and about.type == "BOOL":
        yield Option("true", "value")
        yield Option("false", "value")
    elif name == "evt.dir":
        yield Option(">", "value")
        yield Option("<", "value")
    operator = next((word.text for word in reversed(every) if word.kind == "operator"), "")
    if operator in ("in", "intersects", "pmatch"):
        opened = "(" if not _in_list(every) else ""
        closed = ")" if opened else ""
        for each in known.lists:
            said = known.about.get(each, "list of the rules")
            yield Option(f"{opened}{each}{closed}", "list", said)


def _joints() -> Iterable[Option]:
    yield Option("and", "keyword", "both hold")
    yield Option("or", "keyword", "one of them holds")


def fitting(typed: str, options: Iterable[Option]) -> tuple[Option, ...]:
    """Those that begin with what was typed, then those that have it in them."""
    low = typed.lower().lstrip("(")
    starts, holds = [], []
    for option in options:
        text = option.text.lower().lstrip("(")
        if text == low:
            continue
        if text.startswith(low):
            starts.append(option)
        elif len(low) >= 2 and low in text:
            holds.append(option)
    return tuple([*starts, *holds][:_MOST])


__all__ = ["WORD_OPERATORS", "Completion", "Option", "Vocabulary", "complete"]
