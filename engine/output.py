"""Output formats: ``File opened (file=%fd.name user=%user.name)``, for whole columns of events.

The rules are those of userspace/libsinsp/eventformatter.cpp in falcosecurity/libs:

- ``%`` begins a field, a transformer over fields, or a width (``%10fd.name``) and then either;
  there is no way to write a plain ``%``.
- Of a name that no field has, the longest beginning that is one counts; the rest is plain text.
- A missing value makes the whole text incomplete, unless the format begins with ``*``: then it
  prints as ``<NA>`` and is null in JSON.
- A width pads with blanks or cuts, in bytes, in texts only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from capture.errors import FalcowbError
from engine.columns import Column, Segment
from engine.fields.model import FieldRef
from engine.jsontext import dump
from engine.language import grammar
from engine.language.ast import (
    Field,
    Operand,
    OperandList,
    Pos,
    Transformer,
    Value,
)
from engine.language.errors import ConditionError
from engine.language.parser import Parser
from engine.language.printer import to_string
from engine.output_value import OutputValue, compile_value
from engine.values import Json, json_values, texts

if TYPE_CHECKING:
    from engine.fields.catalogue import Catalogue

V = TypeVar("V")

NOT_AVAILABLE = b"<NA>"
#: Fields that print as a time of day or a date, and are the event's time in ns in JSON.
TIME_FIELDS = frozenset(
    {"evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s"}
)
_RAW_TIME = "evt.rawtime"

#: A field or transformer in an output is no longer than this; a name, than the second.
_MAX_OPERAND = 4096
_MAX_NAME = 256
_MAX_WIDTH = 4096
_WIDTH = re.compile(r"[0-9]+")


class OutputError(ConditionError):
    """An output that cannot be printed; ``pos`` is the place in its text."""


@dataclass(frozen=True, slots=True)
class Token:
    """A field or transformer in a format; ``width`` 0 prints it whole."""

    value: OutputValue
    width: int


@dataclass(frozen=True, slots=True)
class Named:
    """A value as it is listed by name: each field, and each transformer as a whole."""

    name: str
    value: OutputValue
    transformed: bool


class OutputFormat:
    """A parsed format. ``refs``: the fields it needs, each once; ``named``: what it lists by name,
    in order (a transformer's fields, then the transformer), ``names`` their names; ``parts``: what
    its text is made of; ``raw_time``: the field of the event's time, where it prints one."""

    def __init__(
        self,
        text: str,
        require_all: bool,
        parts: Sequence[bytes | Token],
        named: Sequence[Named],
        raw_time: FieldRef | None,
    ) -> None:
        self.text = text
        self.require_all = require_all
        self.names = [each.name for each in named]
        self.raw_time = raw_time
        self.parts = parts
        self.named = named
        values = [part.value for part in parts if isinstance(part, Token)]
        values += [each.value for each in named]
        refs = dict.fromkeys(ref for value in values for ref in value.refs)
        if raw_time is not None:
            refs.setdefault(raw_time)
        self.refs: tuple[FieldRef, ...] = tuple(refs)

    @classmethod
    def parse(cls, text: str, catalogue: Catalogue, source: str) -> OutputFormat:
        """Raises :class:`OutputError` with the place of what is wrong. Takes time linear in the
        length of ``text``."""
        if not text:
            raise OutputError("empty formatting token")
        require_all = not text.startswith("*")
        parts: list[bytes | Token] = []
        named: list[Named] = []
        for part in _split(text, 0 if require_all else 1, catalogue, source):
            if isinstance(part, str):
                parts.append(part.encode("utf-8", "surrogateescape"))
                continue
            operand, width = part
            value = compile_value(operand, catalogue, source)
            parts.append(Token(value, width))
            named += _named(operand, value, catalogue, source)
        wants_time = any(each.name in TIME_FIELDS for each in named)
        raw_time = catalogue.lookup(_RAW_TIME, None, source) if wants_time else None
        return cls(text, require_all, parts, named, raw_time)

    def render(self, segment: Segment, *, as_base64: bool = False) -> Rendered:
        """The format printed for every event of ``segment``: take the wanted rows first.

        ``as_base64`` prints byte buffers so.
        """
        columns = dict(zip(self.refs, segment.columns(self.refs), strict=True))
        return Rendered(self, columns, len(segment), as_base64)


class Rendered:
    """A format printed for some events. Values are converted when they are first asked for."""

    def __init__(
        self,
        output: OutputFormat,
        columns: Mapping[FieldRef, Column],
        count: int,
        as_base64: bool,
    ) -> None:
        self._output = output
        self._columns = columns
        self._count = count
        self._as_base64 = as_base64
        self._texts: dict[OutputValue, list[bytes | None]] = {}

    def __len__(self) -> int:
        return self._count

    def texts(self) -> list[tuple[bytes, bool]]:
        """For each event its text and whether it is complete. An incomplete one holds what stands
        before the missing value."""
        rows = [bytearray() for _ in range(self._count)]
        done = [False] * self._count
        for part in self._output.parts:
            if isinstance(part, bytes):
                for row, stopped in zip(rows, done, strict=True):
                    if not stopped:
                        row += part
                continue
            for index, text in enumerate(self._text(part.value)):
                if done[index]:
                    continue
                if text is None:
                    if self._output.require_all:
                        done[index] = True
                        continue
                    text = NOT_AVAILABLE
                rows[index] += text[: part.width].ljust(part.width) if part.width else text
        return [(bytes(row), not stopped) for row, stopped in zip(rows, done, strict=True)]

    def fields(self, *, transformed: bool = False) -> list[tuple[dict[str, bytes], bool]]:
        """For each event the values by name as texts, up to the first missing one, and whether
        all are there. ``transformed`` adds transformers as a whole."""
        wanted = [each for each in self._output.named if transformed or not each.transformed]
        columns = [(each.name, self._text(each.value)) for each in wanted]
        return [self._until_missing(columns, row, NOT_AVAILABLE) for row in range(self._count)]

    def json_fields(self, *, transformed: bool = False) -> list[tuple[dict[str, Json], bool]]:
        """As :meth:`fields`, with JSON values."""
        wanted = [each for each in self._output.named if transformed or not each.transformed]
        columns = [(each.name, self._json(each)) for each in wanted]
        return [self._until_missing(columns, row, None) for row in range(self._count)]

    def json_texts(self, *, transformed: bool = False) -> list[tuple[str, bool]]:
        """The values by name as one JSON object for each event; ``null`` where none is named."""
        return [
            (dump(fields or None), complete)
            for fields, complete in self.json_fields(transformed=transformed)
        ]

    def _until_missing(
        self, columns: list[tuple[str, list[V | None]]], row: int, missing: V
    ) -> tuple[dict[str, V], bool]:
        found: dict[str, V] = {}
        for name, values in columns:
            value = values[row]
            if value is None and self._output.require_all:
                return found, False
            found[name] = missing if value is None else value
        return found, True

    def _text(self, value: OutputValue) -> list[bytes | None]:
        if value not in self._texts:
            self._texts[value] = texts(
                value.name,
                value.type,
                value.is_list,
                value.column(self._columns, self._count),
                as_base64=self._as_base64,
            )
        return self._texts[value]

    def _json(self, named: Named) -> list[Json]:
        value = named.value
        raw_time = self._output.raw_time
        if named.name in TIME_FIELDS and raw_time is not None:
            return json_values(_RAW_TIME, raw_time.info.type, False, self._columns[raw_time])
        return json_values(
            value.name,
            value.type,
            value.is_list,
            value.column(self._columns, self._count),
            as_base64=self._as_base64,
        )


def _split(
    text: str, index: int, catalogue: Catalogue, source: str
) -> Iterator[str | tuple[Field | Transformer, int]]:
    """Plain texts, and operands with their widths."""
    plain = index
    while (at := text.find("%", index)) >= 0:
        if plain < at:
            yield text[plain:at]
        index = at + 1
        width = 0
        if found := _WIDTH.match(text, index):
            index = found.end()
            width = min(int(found[0][:9]), _MAX_WIDTH)
        if index == len(text):
            what = "number" if width or found else "%"
            raise OutputError(
                f"invalid formatting syntax: formatting cannot end with a {what}",
                pos=_pos(text, at),
            )
        operand, length = _operand(text, index, catalogue, source)
        yield operand, width
        index += length
        plain = index
    if plain < len(text):
        yield text[plain:]


def _operand(
    text: str, index: int, catalogue: Catalogue, source: str
) -> tuple[Field | Transformer, int]:
    """The field or transformer at ``index`` and its length.

    The whole name counts if it can be used, then what is left of it without its path or brackets,
    then its longest beginning that is a field's name.
    """
    here = text[index : index + _MAX_OPERAND]
    refusal: FalcowbError | None = None
    for paths in (True, False):
        parser = _OperandParser(here, paths=paths)
        try:
            operand = parser.operand()
            compile_value(operand, catalogue, source)
        except FalcowbError as error:
            refusal = refusal or error
        else:
            return operand, parser.lexer.index
    if name := grammar.FIELD_NAME.match(here):
        for end in range(min(name.end(), _MAX_NAME), 0, -1):
            beginning = here[:end]
            if grammar.FIELD_NAME.fullmatch(beginning) and catalogue.has(beginning, None, source):
                return Field(beginning, None), end
    raise _refused(text, index, refusal)


def _refused(text: str, index: int, refusal: FalcowbError | None) -> OutputError:
    # Upstream says "unknown filter:" of everything that cannot stand after a %.
    if refusal is None or not grammar.IDENTIFIER.match(text, index):
        return OutputError(
            "unknown filter: a field or a transformer must follow %",
            pos=_pos(text, index),
            hint="A % always begins a field; it cannot be written as plain text.",
        )
    return OutputError(
        f"unknown filter: {refusal.message}", pos=_pos(text, index), hint=refusal.hint
    )


def _pos(text: str, index: int) -> Pos:
    line_start = text.rfind("\n", 0, index) + 1
    return Pos(index, text.count("\n", 0, index) + 1, index - line_start + 1)


class _OperandParser(Parser):
    """What may stand after a ``%``."""

    def operand(self) -> Field | Transformer:
        pos = self.lexer.pos()
        if self.lexer.field_name():
            return self.field_rest(self.lexer.token, pos)
        if self.lexer.transformer():
            return self._transformer_rest(self.lexer.token, pos)
        raise self.error("expected a field or a transformer", "a field", "a transformer")


def _named(
    operand: Field | Transformer, value: OutputValue, catalogue: Catalogue, source: str
) -> list[Named]:
    """What an operand lists by name: its fields, and the outermost of transformers."""
    if isinstance(operand, Field):
        return [Named(to_string(operand), value, False)]
    found: list[Named] = []
    _collect(operand, found, catalogue, source)
    return found


def _collect(node: Operand, found: list[Named], catalogue: Catalogue, source: str) -> bool:
    """Add what ``node`` lists; whether the last thing added is a transformer."""
    match node:
        case Field():
            value = compile_value(node, catalogue, source)
            found.append(Named(to_string(node), value, False))
            return False
        case Transformer(args=children):
            if _collect_all(children, found, catalogue, source):
                # A transformer over another stands for both.
                found.pop()
            value = compile_value(node, catalogue, source)
            found.append(Named(to_string(node), value, True))
            return True
        case OperandList(items=items):
            return _collect_all(items, found, catalogue, source)
        case Value():
            return False


def _collect_all(
    nodes: Sequence[Operand], found: list[Named], catalogue: Catalogue, source: str
) -> bool:
    last = False
    for node in nodes:
        if not isinstance(node, Value):
            last = _collect(node, found, catalogue, source)
    return last
