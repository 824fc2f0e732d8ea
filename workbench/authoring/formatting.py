"""Conditions of rules files laid out anew; nothing else in the file is touched."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from capture.errors import FalcowbError, Place
from engine.language.ast import Expr
from engine.language.errors import ConditionError
from engine.language.format import format_condition
from engine.language.parser import Parser
from engine.ruleset.conditions import MAX_DEPTH
from engine.yaml import Node, load_documents
from workbench.authoring.case_files import plain
from workbench.authoring.rule_edit import unix_lines

_WIDTH = 100
_LEAST_WIDTH = 40
#: What an appended condition begins with.
_JOINS = re.compile(r"\s*(and not|and|or)\b\s*(?=\S)", re.IGNORECASE)
_ENDS = re.compile(r"[\s(),=]+")
_HEADER = re.compile(r"([|>])([0-9]?)([-+]?)([0-9]?)([^\n]*)")


@dataclass(frozen=True, slots=True)
class Formatted:
    """``text`` of the whole file; ``changed``: the items that look different now; ``left``: those
    whose condition does not parse on its own, which stay as they are, and where."""

    text: str
    changed: tuple[str, ...]
    left: tuple[tuple[str, Place], ...]


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    condition: Node
    indent: int


def list_names(text: str, file: str) -> set[str]:
    """The lists that a rules file defines. Raises FalcowbError where it is not YAML."""
    names = set()
    for document in load_documents(text, file):
        for item in document.items if document.is_sequence else ():
            name = item.get("list") if item.is_map else None
            if name is not None and name.is_scalar:
                names.add(name.text)
    return names


def format_rules(
    text: str, file: str, width: int = _WIDTH, lists: Collection[str] = ()
) -> Formatted:
    """``lists``: names of lists that other files define. A word that is one of them is never freed
    of its quotes: Falco would put the list in its place.

    Raises FalcowbError where the file is not YAML.
    """
    if (unix := unix_lines(text)) is not None:
        found = format_rules(unix, file, width, lists)
        return replace(found, text=found.text.replace("\n", "\r\n"))
    documents = load_documents(text, file)
    known = {*lists, *list_names(text, file)}
    changed: list[str] = []
    left: list[tuple[str, Place]] = []
    edits: list[tuple[int, int, str]] = []
    for item in _items(documents):
        node = item.condition
        lines = None
        if node.style not in ("|", ">"):
            lines = _lines(node.text, max(width - node.column + 1, _LEAST_WIDTH))
        if lines is None or len(lines) > 1:
            lines = _lines(node.text, max(width - item.indent, _LEAST_WIDTH))
        if lines is None or known & (_words(" ".join(lines)) - _words(node.text)):
            left.append((item.name, node.place))
            continue
        start, end, new = _written(text, node, item.indent, lines)
        if text[start:end] != new:
            edits.append((start, end, new))
            changed.append(item.name)
    made = _edited(text, edits)
    if edits and not _same(documents, load_documents(made, file)):
        # One by one, so that an odd item does not keep the others from being formatted.
        return _one_by_one(text, file, documents, edits, changed, left)
    return Formatted(made, tuple(changed), tuple(left))


def _one_by_one(
    text: str,
    file: str,
    documents: Sequence[Node],
    edits: Sequence[tuple[int, int, str]],
    names: Sequence[str],
    left: list[tuple[str, Place]],
) -> Formatted:
    good, changed = [], []
    source = documents[0].source
    for edit, name in zip(edits, names, strict=True):
        try:
            fine = _same(documents, load_documents(_edited(text, [edit]), file))
        except FalcowbError:
            fine = False
        if fine:
            good.append(edit)
            changed.append(name)
        else:
            left.append((name, source.place(edit[0])))
    return Formatted(_edited(text, good), tuple(changed), tuple(left))


def _edited(text: str, edits: Sequence[tuple[int, int, str]]) -> str:
    parts, at = [], 0
    for start, end, new in sorted(edits):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])


def _items(documents: Sequence[Node]) -> Iterator[_Item]:
    seen: set[int] = set()
    for document in documents:
        for item in document.items if document.is_sequence else ():
            if not item.is_map or ("rule" not in item and "macro" not in item):
                continue
            name = item.get("rule") or item.get("macro")
            for key, value in item.pairs:
                # What an alias stands for is formatted where it is written.
                if key.is_scalar and key.text == "condition" and value.is_scalar:
                    after_key = value.index > key.index
                    if not value.is_null and after_key and id(value) not in seen:
                        seen.add(id(value))
                        assert name is not None
                        yield _Item(name.text if name.is_scalar else "", value, key.column + 1)


def _lines(condition: str, width: int) -> list[str] | None:
    """The condition in lines; None where it is none."""
    joined = _JOINS.match(condition)
    expr = _parsed(condition)
    if expr is not None:
        return format_condition(expr, width).split("\n")
    if joined is None:
        return None
    rest = _parsed(condition[joined.end() :])
    if rest is None:
        return None
    word = " ".join(joined[1].lower().split())
    lines = format_condition(rest, width - len(word) - 1).split("\n")
    bracketed = format_condition(rest, width - len(word) - 3).split("\n")
    if len(bracketed) > 1:
        bracketed = ["(", *(f"  {line}" for line in bracketed), ")"]
    else:
        bracketed = [f"({bracketed[0]})"]
    for made in (lines, bracketed):
        made[0] = f"{word} {made[0]}"
        if _meaning("\n".join(made)) == _meaning(condition):
            return made
    return None


def _words(condition: str) -> set[str]:
    """What stands between what Falco takes for the ends of a list's name."""
    return set(_ENDS.split(condition))


def _parsed(condition: str) -> Expr | None:
    try:
        return Parser(condition, max_depth=MAX_DEPTH).parse()
    except ConditionError:
        return None


def _written(text: str, node: Node, indent: int, lines: Sequence[str]) -> tuple[int, int, str]:
    """From where to where to write what."""
    start = node.index
    if node.style in ("|", ">"):
        raw = text[start : node.end]
        end = start + len(raw.rstrip())
        header = _HEADER.match(raw)
        assert header is not None
        first = f"{header[1]}{header[3]}{header[5].rstrip()}"
        body = raw.split("\n")
        known = next(
            (len(line) - len(line.lstrip(" ")) for line in body[1:] if line.strip()), indent
        )
        indent = known if not (header[2] or header[4]) else indent
    else:
        end = node.end
        if len(lines) == 1 and (node.style or _is_plain(lines[0])):
            new = lines[0] if not node.style else _requoted(text[start:end], node, lines[0])
            return start, end, new
        # What stands behind the value on its line goes behind the mark of the block.
        line_end = text.find("\n", end)
        line_end = len(text) if line_end < 0 else line_end
        behind = text[end:line_end]
        first = f">{behind.rstrip()}" if behind.strip() else ">"
        end = line_end
    blanks = " " * indent
    return start, end, "\n".join([first, *(f"{blanks}{line}" for line in lines)])


def _is_plain(line: str) -> bool:
    """Whether a condition reads back as a plain YAML scalar."""
    if not line or line[0] in "\"'[]{}>|*&!%#@`,?:-" or ": " in line or " #" in line:
        return False
    return not line.endswith(":")


def _requoted(raw: str, node: Node, line: str) -> str:
    """A quoted scalar keeps its quotes where the new text needs no other escapes."""
    quote = node.style
    if quote == "'":
        return "'" + line.replace("'", "''") + "'"
    if '"' in line or "\\" in line:
        return raw
    return f'"{line}"'


def _same(before: Sequence[Node], after: Sequence[Node]) -> bool:
    """Whether two files say the same, conditions compared by what they mean."""
    old, new = ([_meant(plain(each)) for each in side] for side in (before, after))
    return old == new


def _meant(document: Any) -> Any:
    if not isinstance(document, list):
        return document
    return [
        {key: _meaning(value) if key == "condition" else value for key, value in item.items()}
        if isinstance(item, dict)
        else item
        for item in document
    ]


def _meaning(condition: Any) -> Any:
    if not isinstance(condition, str):
        return condition
    expr = _parsed(condition) or _parsed(f"a.b = c {condition}")
    return condition.split() if expr is None else expr
