"""YAML as Falco's own reader (yaml-cpp) understands it, with the place of everything.

Rule files and falco.yaml are read through here. What differs from PyYAML's ordinary loader:

- Scalars stay text. What they are is asked when they are used (:meth:`Node.as_bool` …), with
  yaml-cpp's answers: ``yes``, ``on``, ``y`` are booleans where a boolean is wanted and words
  elsewhere; a plain ``=`` is a word; there is no merge key and there are no dates.
- Tabs may indent, one column each.
- A key written twice is kept twice; the first counts (:meth:`Node.get`), as in yaml-cpp.
- Every node knows its line, column and offset, and :meth:`Node.locate` gives the place of a
  character of a scalar's value, folded and quoted scalars included.
- Texts are untrusted: size, depth and the number of nodes, aliases written out, are bounded, and
  no tag makes an object.
"""

from __future__ import annotations

import codecs
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import yaml

from capture.errors import FalcowbError, Place
from engine.yaml_tabs import without_tabs
from engine.yaml_values import as_bool, as_float, as_int

MAX_CHARACTERS = 32 << 20
MAX_DEPTH = 64
MAX_NODES = 1_000_000

Kind = Literal["null", "scalar", "sequence", "map"]

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ONE_LINE_ESCAPE = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r\n|.)", re.DOTALL
)
_BLANK_ESCAPES = frozenset("tnrve_NLP \t\n\r")


class YamlError(FalcowbError):
    """Text that is not YAML, or more of it than we are ready to hold."""


@dataclass(slots=False, eq=False)
class Source:
    """A text and its name, for finding lines."""

    text: str
    file: str

    @cached_property
    def line_starts(self) -> list[int]:
        """Offsets at which lines begin; a line ends at LF, CR or CR LF."""
        return [0, *(match.end() for match in re.finditer(r"\r\n|\r|\n", self.text))]

    @cached_property
    def _bytes_before_lines(self) -> list[int]:
        total, before = 0, [0]
        starts = self.line_starts
        for start, end in pairwise(starts):
            total += len(self.text[start:end].encode("utf-8", "surrogatepass"))
            before.append(total)
        return before

    def line_and_column(self, index: int) -> tuple[int, int]:
        """Line and column, both from 1, of the character at ``index``."""
        line = bisect_right(self.line_starts, index)
        return line, index - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (from 1), without its end."""
        starts = self.line_starts
        if not 1 <= number <= len(starts):
            return ""
        end = starts[number] if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r\n")

    def byte_offset(self, index: int) -> int:
        """How many bytes of UTF-8 stand before the character at ``index``."""
        if self.text.isascii():
            return index
        line = bisect_right(self.line_starts, index) - 1
        return self._bytes_before_lines[line] + len(
            self.text[self.line_starts[line] : index].encode("utf-8", "surrogatepass")
        )

    def place(self, index: int) -> Place:
        line, column = self.line_and_column(index)
        return Place(self.file, line, column, self.line(line))


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """A piece of a document.

    ``value`` is the scalar's text, a tuple of nodes, a tuple of (key, value) pairs in the order
    written, or None. ``line`` and ``column`` count from 1, ``index`` and ``end`` are offsets in
    characters. ``style`` is the scalar's first character where quoted or in a block, else empty.
    An alias is the very node it refers to.
    """

    kind: Kind
    value: str | tuple[Node, ...] | tuple[tuple[Node, Node], ...] | None
    line: int
    column: int
    index: int
    end: int
    source: Source = field(repr=False)
    style: str = ""
    tag: str = ""
    size: int = 1  #: nodes below and itself, aliases written out
    _by_key: dict[str, Node] = field(default_factory=dict, repr=False)

    @property
    def is_null(self) -> bool:
        return self.kind == "null"

    @property
    def is_scalar(self) -> bool:
        return self.kind == "scalar"

    @property
    def is_sequence(self) -> bool:
        return self.kind == "sequence"

    @property
    def is_map(self) -> bool:
        return self.kind == "map"

    @property
    def text(self) -> str:
        """A scalar's text; empty for every other kind."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def items(self) -> tuple[Node, ...]:
        """A sequence's nodes; empty for every other kind."""
        return self.value if self.kind == "sequence" else ()  # type: ignore[return-value]  # kind says which

    @property
    def pairs(self) -> tuple[tuple[Node, Node], ...]:
        """A map's keys and values as written, doubles included; empty for every other kind."""
        return self.value if self.kind == "map" else ()  # type: ignore[return-value]  # kind says which

    def get(self, key: str) -> Node | None:
        """The value under ``key``: the first, where the key is written more than once."""
        return self._by_key.get(key)

    def __contains__(self, key: str) -> bool:
        return key in self._by_key

    def keys(self) -> Iterator[str]:
        """The scalar keys of a map, each once."""
        return iter(self._by_key)

    def duplicates(self) -> list[Node]:
        """The keys of this map that were written before, in order."""
        seen: set[str] = set()
        doubles = []
        for key, _ in self.pairs:
            if key.is_scalar:
                if key.text in seen:
                    doubles.append(key)
                seen.add(key.text)
        return doubles

    def as_bool(self) -> bool | None:
        """The scalar as a boolean; None where it is none (see :mod:`engine.yaml_values`)."""
        return as_bool(self.text)

    def as_int(self) -> int | None:
        """The scalar as an integer; None where it is none."""
        return as_int(self.text)

    def as_float(self) -> float | None:
        """The scalar as a number; None where it is none."""
        return as_float(self.text)

    @property
    def place(self) -> Place:
        return Place(self.source.file, self.line, self.column, self.source.line(self.line))

    def locate(self, offset: int) -> Place:
        """Where the character at ``offset`` of a scalar's value stands in the file.

        Past the last character of a line it is the place right after that character.
        """
        return self.source.place(self._index_of(offset))

    def _index_of(self, offset: int) -> int:
        """Value and source hold the same characters apart from blanks: count those."""
        value, raw = self.text, self.source.text[self.index : self.end]
        wanted = sum(not char.isspace() for char in value[:offset])
        at_blank = offset >= len(value) or value[offset].isspace()
        count = wanted if at_blank else wanted + 1
        last = self.index
        for seen, start, end in _solid(raw, self.style):
            if seen == count:
                return self.index + (end if at_blank else start)
            last = self.index + end
        return last if wanted else self.index


def _solid(raw: str, style: str) -> Iterator[tuple[int, int, int]]:
    """The characters of a scalar's source that stand for no blank: which it is (from 1), where
    it begins and where it ends in ``raw``."""
    index, count = 0, 0
    stop = len(raw)
    if style in ("|", ">"):
        header = re.compile(r"[^\r\n]*").match(raw)
        index = header.end() if header else 0
    elif style:
        index, stop = 1, stop - 1
    while index < stop:
        end = index + 1
        blank = raw[index].isspace()
        if style == "'" and raw.startswith("''", index):
            end = index + 2
        elif style == '"' and (escape := _ONE_LINE_ESCAPE.match(raw, index)):
            end = escape.end()
            blank = _is_blank_escape(escape[0])
        if not blank:
            count += 1
            yield count, index, end
        index = end


def _is_blank_escape(escape: str) -> bool:
    if escape[1] in "xuU" and len(escape) > 2:
        return int(escape[2:], 16) < 0x110000 and chr(int(escape[2:], 16)).isspace()
    return escape[1] in _BLANK_ESCAPES and escape[1] != "e"


def read_text(path: str | Path) -> str:
    """A file's text: UTF-8, or UTF-16 or UTF-32 with its mark; other bytes become U+FFFD.

    Raises :class:`YamlError` where the file cannot be read or is larger than we hold.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(4 * MAX_CHARACTERS + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise YamlError(f"cannot read the file: {reason}", place=Place(str(path))) from None
    if len(data) > 4 * MAX_CHARACTERS:
        raise _too_long(str(path))
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    return data.decode("utf-8", "replace")


def load_documents(text: str, file: str = "") -> list[Node]:
    """The documents of ``text``, none for an empty text.

    Raises :class:`YamlError`, with the place, for text that is not YAML or is too large, too deep,
    or too large once its aliases are written out (a million nodes).
    """
    source = Source(text, file)
    if len(text) > MAX_CHARACTERS:
        raise _too_long(file)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise YamlError(
            "not a valid character in YAML (must be UTF-8)", place=source.place(error.start)
        ) from None
    try:
        return list(_Composer(source, text).documents())
    except yaml.YAMLError as error:
        if "\t" not in text:
            raise _refusal(error, source) from None
    try:
        return list(_Composer(source, without_tabs(text)).documents())
    except yaml.YAMLError as error:
        raise _refusal(error, source) from None


def load_document(text: str, file: str = "") -> Node:
    """The first document of ``text``; a null node where there is none."""
    documents = load_documents(text, file)
    return documents[0] if documents else Node("null", None, 1, 1, 0, 0, Source(text, file))


def _too_long(file: str) -> YamlError:
    return YamlError(
        f"the file is larger than {MAX_CHARACTERS >> 20} MB",
        place=Place(file),
        hint="split it into several files",
    )


def _refusal(error: yaml.YAMLError, source: Source) -> YamlError:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        message = " ".join(filter(None, (error.context, error.problem)))
        place = source.place(min(mark.index, len(source.text))) if mark else Place(source.file)
        return YamlError(f"not valid YAML: {message}", place=place)
    position = getattr(error, "position", None)
    reason = getattr(error, "reason", None) or str(error).splitlines()[0]
    place = source.place(position) if isinstance(position, int) else Place(source.file)
    return YamlError(f"not valid YAML: {reason}", place=place)


class _Composer:
    """Nodes from the parser's events, with the limits kept while they are made."""

    def __init__(self, source: Source, text: str) -> None:
        self._source = source
        self._events = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, Node | None] = {}
        self._total = 0

    def documents(self) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                yield self._node(next(self._events), 0)

    def _node(self, event: Any, depth: int) -> Node:
        mark = event.start_mark
        if isinstance(event, yaml.AliasEvent):
            node = self._anchors.get(event.anchor or "")
            if node is None:
                known = event.anchor in self._anchors
                what = "refers to itself" if known else "is not defined before its use"
                raise YamlError(f"alias '{event.anchor}' {what}", place=self._place(mark))
            self._count(node.size, mark)
            return node
        if depth > MAX_DEPTH:
            raise YamlError(f"nested deeper than {MAX_DEPTH} levels", place=self._place(mark))
        self._count(1, mark)
        if event.anchor:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._sequence(event, depth)
        else:
            node = self._map(event, depth)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        plain = event.style in (None, "") and not event.tag
        if plain and text in _NULLS:
            return self._make("null", None, event, event.end_mark)
        style = event.style or ""
        return self._make("scalar", text, event, event.end_mark, style=style)

    def _sequence(self, start: Any, depth: int) -> Node:
        items = []
        size = 1
        event = next(self._events)
        while not isinstance(event, yaml.SequenceEndEvent):
            item = self._node(event, depth + 1)
            size += item.size
            items.append(item)
            event = next(self._events)
        return self._make("sequence", tuple(items), start, event.end_mark, size=size)

    def _map(self, start: Any, depth: int) -> Node:
        pairs = []
        size = 1
        by_key: dict[str, Node] = {}
        event = next(self._events)
        while not isinstance(event, yaml.MappingEndEvent):
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            size += key.size + value.size
            pairs.append((key, value))
            if key.is_scalar:
                by_key.setdefault(key.text, value)
            event = next(self._events)
        return self._make("map", tuple(pairs), start, event.end_mark, size=size, _by_key=by_key)

    def _make(self, kind: Kind, value: Any, start: Any, end: Any, **more: Any) -> Node:
        mark = start.start_mark
        # Not the parser's own line: it also ends lines at U+0085, U+2028 and U+2029.
        line, column = self._source.line_and_column(mark.index)
        return Node(
            kind, value, line, column, mark.index, end.index, self._source,
            tag=start.tag or "", **more,
        )  # fmt: skip

    def _count(self, nodes: int, mark: Any) -> None:
        self._total += nodes
        if self._total > MAX_NODES:
            raise YamlError(
                f"more than {MAX_NODES} values, aliases written out",
                place=self._place(mark),
                hint="use fewer aliases, or split the file",
            )

    def _place(self, mark: Any) -> Place:
        return self._source.place(mark.index)
