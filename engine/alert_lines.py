"""Alerts as lines, made column by column: no object an alert, no Python an event.

The lines are those that :meth:`engine.alerts.AlertFormatter.line` gives for each alert alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine.columns import Codes, Column, Mask, NumberColumn, Rows, Segment
from engine.fields.model import FieldRef
from engine.jsontext import dump, escaped
from engine.operands import FieldOperand
from engine.output import NOT_AVAILABLE, TIME_FIELDS, Named, OutputFormat, Token
from engine.output_value import OutputValue
from engine.page import Page, Vocabulary
from engine.segments import column_key
from engine.text_columns import each_row, json_texts, line_texts
from engine.timetext import CLOCK, DAY, written

if TYPE_CHECKING:
    from engine.alerts import AlertOptions
    from engine.ruleset.model import ExtraField


@dataclass(frozen=True, slots=True)
class AsJson:
    """A value that stands in a line as JSON."""

    value: OutputValue


@dataclass(frozen=True, slots=True)
class EventTime:
    """The event's time (the field ``ref``) as Falco's JSON has it."""

    ref: FieldRef


#: What a line shows of an event: texts inside a JSON string, JSON values.
Value = Token | AsJson | EventTime
#: What a line is made of: fixed bytes and values.
Part = bytes | Value


@dataclass(frozen=True, slots=True)
class Wording:
    """What a rule's alerts say: ``prefix`` is the time, ``level`` the priority; ``tags`` are
    sorted; ``extra`` are the formats of ``extra_fields`` that have one."""

    rule: str
    source: str
    level: str
    tags: tuple[str, ...]
    prefix: OutputFormat
    message: OutputFormat
    extra: Mapping[str, tuple[ExtraField, OutputFormat]]
    time: FieldRef


class LineTemplate:
    """The parts of a line as codes: ``fixed`` holds those of the fixed texts, and anything in the
    places of ``values``. ``refs`` are the fields they need."""

    def __init__(self, parts: Sequence[Part], vocabulary: Vocabulary) -> None:
        parts = _merged([*parts, b"\n"])
        self.fixed = np.array(
            [vocabulary.code(part) if isinstance(part, bytes) else 0 for part in parts], np.int32
        )
        self.values = [
            (place, _key(part), part)
            for place, part in enumerate(parts)
            if not isinstance(part, bytes)
        ]
        self.refs: tuple[FieldRef, ...] = tuple(
            {
                column_key(ref): ref
                for _, _, part in self.values
                for ref in ([part.ref] if isinstance(part, EventTime) else part.value.refs)
            }.values()
        )


class SegmentLines:
    """Lines of the events of a segment, on their way to a page.

    Every value is made into text once, whatever the number of rules that show it.
    """

    def __init__(
        self, page: Page, matched: Segment, vocabulary: Vocabulary, *, as_base64: bool
    ) -> None:
        self._page = page
        self._matched = matched
        self._missing = {AsJson: vocabulary.code(b"null"), Token: vocabulary.code(NOT_AVAILABLE)}
        self._as_base64 = as_base64
        self._made: dict[object, tuple[Codes, Mask | None]] = {}

    def codes(self, words: LineTemplate, rows: Rows) -> tuple[Codes, Mask]:
        """For the events at ``rows`` a line of codes each; and which have to be made in another
        way, because some text of theirs is not UTF-8."""
        codes = np.empty((len(rows), len(words.fixed)), np.int32)
        codes[:] = words.fixed
        odd = np.zeros(len(rows), np.bool_)
        for place, key, part in words.values:
            if key not in self._made:
                self._made[key] = self._make(part)
            made, its_odd = self._made[key]
            codes[:, place] = made[rows]
            if its_odd is not None:
                odd |= its_odd[rows]
        return codes, odd

    def _make(self, part: Value) -> tuple[Codes, Mask | None]:
        base64 = self._as_base64
        match part:
            case Token(value, width):
                texts = line_texts(
                    value, self._column(value), width=width, missing=NOT_AVAILABLE, as_base64=base64
                )
            case AsJson(value):
                texts = json_texts(value, self._column(value), as_base64=base64)
            case EventTime(ref):
                texts = each_row(_iso_8601(self._matched.columns([ref])[0]))
        return self._page.codes(texts, self._missing.get(type(part), 0)), texts.odd

    def _column(self, value: OutputValue) -> Column:
        columns = self._matched.columns(value.refs)
        return value.column(dict(zip(value.refs, columns, strict=True)), len(self._matched))


def _key(part: Value) -> object:
    """The same for parts that print the same."""
    if isinstance(part, EventTime):
        return EventTime
    operand = part.value.operand
    # Fields are the same in all rules; what a transformer makes is known by itself only.
    what = column_key(operand.ref) if isinstance(operand, FieldOperand) else operand
    return what, part.width if isinstance(part, Token) else None


def template(
    wording: Wording, options: AlertOptions, hostname: str, vocabulary: Vocabulary
) -> LineTemplate | None:
    """How lines of a rule are made, or None where its own words are not UTF-8."""
    try:
        output = [
            *_inside(wording.prefix.parts),
            _escape(f"{wording.level} "),
            *_inside(wording.message.parts),
        ]
        if not options.json_output:
            return LineTemplate(output, vocabulary)
        members: dict[str, list[Part]] = {
            "hostname": [_json(hostname)],
            "priority": [_json(wording.level)],
            "rule": [_json(wording.rule)],
            "source": [_json(wording.source)],
            "time": [b'"', EventTime(wording.time), b'"'],
        }
        if options.json_include_output_property:
            members["output"] = [b'"', *output, b'"']
        if options.json_include_message_property:
            members["message"] = [b'"', *_inside(wording.message.parts), b'"']
        if options.json_include_output_fields_property:
            members["output_fields"] = _object(_fields(wording))
        if options.json_include_tags_property:
            members["tags"] = [_json(list(wording.tags))]
        return LineTemplate(_object(members), vocabulary)
    except UnicodeError:
        return None


def _fields(wording: Wording) -> dict[str, list[Part]]:
    """``output_fields``: those of the message, of the time, and those that are added."""
    found = {**_listed(wording.message), **_listed(wording.prefix)}
    for key, (extra, output) in wording.extra.items():
        if extra.raw:
            found[key] = _listed(output).get(key, [b"null"])
        else:
            found[key] = [b'"', *_inside(output.parts), b'"']
    return found


def _listed(output: OutputFormat) -> dict[str, list[Part]]:
    """The values that a format lists by name."""
    return {
        each.name: [AsJson(_json_value(each, output.raw_time))]
        for each in output.named
        if not each.transformed
    }


def _json_value(named: Named, raw_time: FieldRef | None) -> OutputValue:
    if named.name in TIME_FIELDS and raw_time is not None:
        return OutputValue(raw_time.info.name, raw_time.info.type, False, FieldOperand(raw_time))
    return named.value


def _inside(parts: Sequence[bytes | Token]) -> list[Part]:
    """A format's parts as they stand inside a JSON string."""
    return [_escape(part.decode()) if isinstance(part, bytes) else part for part in parts]


def _object(members: Mapping[str, Sequence[Part]]) -> list[Part]:
    parts: list[Part] = []
    for number, name in enumerate(sorted(members)):
        parts += [b"," if number else b"{", _json(name), b":", *members[name]]
    return [*parts, b"}" if members else b"{}"]


def _escape(text: str) -> bytes:
    return escaped(text).encode()


def _json(value: object) -> bytes:
    return dump(value).encode()


def _merged(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Neighbouring fixed bytes as one."""
    merged: list[Part] = []
    for part in parts:
        if isinstance(part, bytes) and merged and isinstance(merged[-1], bytes):
            merged[-1] += part
        else:
            merged.append(part)
    return tuple(merged)


def _iso_8601(column: Column) -> pa.Array:
    assert isinstance(column, NumberColumn)
    return written(column.values.astype(np.int64), DAY, b"T", CLOCK, b"Z")
