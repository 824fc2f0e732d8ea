"""What an explanation is made of: plain data, ready to be shown or sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from capture.errors import Place


class Kind(Enum):
    """What stands at a place of the tree."""

    AND = "and"
    OR = "or"
    NOT = "not"
    #: One field, or transformer, compared.
    CHECK = "check"
    #: A macro's name; its condition is the only child.
    MACRO = "macro"
    #: An exception of the rule; the child is what it excepts. Holds where the child does not.
    EXCEPTION = "exception"


class Verdict(Enum):
    TRUE = "true"
    FALSE = "false"
    #: The field has no value: the check is false, whatever the operator.
    NO_VALUE = "no value"


@dataclass(frozen=True, slots=True)
class ListUse:
    """A list that a check names. ``holds_it``: it has the value that satisfied the check."""

    name: str
    place: Place
    items: int
    holds_it: bool = False


@dataclass(frozen=True, slots=True)
class Saw:
    """One side of a check as the event gives it: ``text`` as Falco prints it, None for no value;
    ``items``: the values one by one where there may be several (ancestors, both ends of a
    connection, lists)."""

    name: str
    text: str | None
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """A part of a condition, and what it came to for one event. What a macro stands for is one
    object wherever it is used: a tree of macros within macros may be endless to walk, and is cheap
    to hold and to send.

    ``text`` is the check or the name as written, with the names of lists; ``place`` where. ``name``
    and ``defined`` are of a macro or an exception. ``decides``: this part, and all it is in, made
    the answer what it is: of an ``and`` that fails all parts that fail, of one that holds all.
    ``saw`` is the left side of a check, ``right`` the other where that is a field too, ``inputs``
    the fields below a transformer. ``matched``: of several constants the one that was found.
    """

    kind: Kind
    text: str
    verdict: Verdict
    decides: bool
    place: Place | None = None
    children: tuple[Explained, ...] = ()
    name: str = ""
    defined: Place | None = None
    saw: Saw | None = None
    right: Saw | None = None
    inputs: tuple[Saw, ...] = ()
    matched: str | None = None
    lists: tuple[ListUse, ...] = ()

    @property
    def holds(self) -> bool:
        return self.verdict is Verdict.TRUE

    def walk(self) -> Iterator[Explained]:
        """This part and all below it, each before its children, in order."""
        stack = [self]
        while stack:
            current = stack.pop()
            yield current
            stack.extend(reversed(current.children))


@dataclass(frozen=True, slots=True)
class Explanation:
    """``fires`` is the rule's verdict: the condition holds (``root``) and the rule looks at events
    of this type (``asked``). ``suppressed_by``: the exceptions without which it would fire; each
    alone keeps it from firing."""

    rule: str
    source: str
    fires: bool
    asked: bool
    root: Explained
    suppressed_by: tuple[str, ...] = ()

    @property
    def failing(self) -> list[Explained]:
        """The conjuncts that fail, macros and ``and`` taken apart: what stands in the way."""
        return [] if self.root.holds else list(_failing(self.root, set()))


def _failing(part: Explained, met: set[int]) -> Iterator[Explained]:
    """``met``: what was gone through, for a macro is the same everywhere."""
    while part.kind is Kind.MACRO and part.children[0].kind in (Kind.AND, Kind.MACRO):
        part = part.children[0]
    if id(part) in met:
        return
    met.add(id(part))
    if part.kind is not Kind.AND:
        yield part
        return
    for child in part.children:
        if not child.holds:
            yield from _failing(child, met)
