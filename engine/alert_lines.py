"""Alerts of one rule as lines, made column by column: no object an alert, no Python an event.

The lines are those that :meth:`engine.alerts.AlertFormatter.line` gives for each alert alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine.columns import Column, NumberColumn, Rows, Segment
from engine.fields.model import FieldRef
from engine.jsontext import dump, escaped
from engine.operands import FieldOperand
from engine.output import NOT_AVAILABLE, TIME_FIELDS, Named, OutputFormat, Token
from engine.output_value import OutputValue
from engine.text_columns import join, json_texts, line_texts
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


#: What a line is made of: fixed bytes; texts inside a JSON string; JSON values.
Part = bytes | Token | AsJson | EventTime


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
    """The parts of a line; ``refs`` are the fields they need."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = _merged([*parts, b"\n"])
        refs: dict[FieldRef, None] = {}
        for part in self.parts:
            if isinstance(part, EventTime):
                refs[part.ref] = None
            elif not isinstance(part, bytes):
                refs.update(dict.fromkeys(part.value.refs))
        self.refs = tuple(refs)

    def render(self, matched: Segment, *, as_base64: bool) -> tuple[pa.Array, Rows]:
        """A line for every event, its line end included, as large binary; and the rows that have
        to be made in another way, because some text of theirs is not UTF-8."""
        columns = _Columns(dict(zip(self.refs, matched.columns(self.refs), strict=True)), matched)
        made: list[pa.Array | bytes] = []
        odd = np.zeros(len(matched), np.bool_)
        for part in self.parts:
            match part:
                case bytes():
                    made.append(part)
                case Token(value, width):
                    texts = line_texts(
                        value,
                        columns.of(value),
                        width=width,
                        missing=NOT_AVAILABLE,
                        as_base64=as_base64,
                    )
                    made.append(texts.values)
                    if texts.odd is not None:
                        odd |= texts.odd
                case AsJson(value):
                    made.append(json_texts(value, columns.of(value), as_base64=as_base64))
                case EventTime(ref):
                    made.append(_iso_8601(columns.column(ref)))
        return join(made, NOT_AVAILABLE), np.flatnonzero(odd)


class _Columns:
    """The columns of a segment's fields, and of values made of them, each made once."""

    def __init__(self, by_ref: Mapping[FieldRef, Column], matched: Segment) -> None:
        self._by_ref = by_ref
        self._rows = len(matched)
        self._made: dict[OutputValue, Column] = {}

    def of(self, value: OutputValue) -> Column:
        if value not in self._made:
            self._made[value] = value.column(self._by_ref, self._rows)
        return self._made[value]

    def column(self, ref: FieldRef) -> Column:
        return self._by_ref[ref]


def template(wording: Wording, options: AlertOptions, hostname: str) -> LineTemplate | None:
    """How lines of a rule are made, or None where its own words are not UTF-8."""
    try:
        output = [
            *_inside(wording.prefix.parts),
            _escape(f"{wording.level} "),
            *_inside(wording.message.parts),
        ]
        if not options.json_output:
            return LineTemplate(output)
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
        return LineTemplate(_object(members))
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
