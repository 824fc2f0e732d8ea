"""Alerts: what a rule that matched says, as text and as JSON lines, as Falco writes them.

From userspace/engine/formats.cpp and userspace/falco/falco_outputs.cpp in falcosecurity/falco.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engine.alert_lines import LineTemplate, SegmentLines, Wording, template
from engine.columns import NumberColumn, Rows, Segment
from engine.fields.model import FieldRef
from engine.jsontext import dump, escaped, replaced
from engine.output import NOT_AVAILABLE, OutputFormat, Rendered
from engine.page import Page, Vocabulary
from engine.segments import column_key
from engine.values import Json

if TYPE_CHECKING:
    from engine.fields.catalogue import Catalogue
    from engine.ruleset.model import Rule

_TIME = "*%evt.time: "
_TIME_ISO_8601 = "*%evt.time.iso8601: "
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class AlertOptions:
    """How alerts are written; names and defaults are those of falco.yaml."""

    json_output: bool = False
    json_include_output_property: bool = True
    json_include_message_property: bool = False
    json_include_output_fields_property: bool = True
    json_include_tags_property: bool = True
    time_format_iso_8601: bool = False
    buffer_format_base64: bool = False


@dataclass(frozen=True, slots=True)
class Alert:
    """A rule that matched an event.

    ``num`` and ``time`` (nanoseconds since the epoch) are the event's; ``priority`` is as printed
    (``Critical``), ``tags`` are sorted. ``message`` is the rule's output with its fields,
    ``output`` the same after time and priority; ``fields`` the values it names, as JSON.
    """

    rule: str
    priority: str
    source: str
    tags: tuple[str, ...]
    num: int
    time: int
    output: str
    message: str
    fields: dict[str, Json] = field(hash=False)

    def to_text(self) -> str:
        """The line Falco prints without ``json_output``, control characters escaped."""
        return escaped(self.output)

    def to_json(self, hostname: str, options: AlertOptions | None = None) -> str:
        """The line Falco prints with ``json_output``."""
        options = options or AlertOptions()
        line: dict[str, Json] = {
            "hostname": hostname,
            "priority": self.priority,
            "rule": self.rule,
            "source": self.source,
            "time": iso_8601(self.time),
        }
        if options.json_include_output_property:
            line["output"] = self.output
        if options.json_include_message_property:
            line["message"] = self.message
        if options.json_include_output_fields_property:
            line["output_fields"] = self.fields
        if options.json_include_tags_property:
            line["tags"] = list(self.tags)
        return dump(line)


@dataclass(frozen=True, slots=True)
class Found:
    """Events of ``segment`` that ``rule`` matched: their ``rows`` (ascending), and the ``places``
    of their alerts among all that are written together."""

    rule: Rule
    segment: Segment
    rows: Rows
    places: Rows


def iso_8601(time: int) -> str:
    """Nanoseconds since the epoch as ``2026-01-31T23:59:59.000000001Z``."""
    seconds, rest = divmod(time, _SECOND)
    return f"{np.datetime64(seconds, 's')}.{rest:09d}Z"


def this_hostname() -> str:
    """The name alerts carry: ``FALCO_HOSTNAME`` if it is set, else this machine's."""
    name = os.environ.get("FALCO_HOSTNAME")
    return socket.gethostname() if name is None else name


class AlertFormatter:
    """Makes alerts of rules and the events they matched, and lines of alerts.

    One for a catalogue; formats are parsed once. ``hostname``: this machine's if not given.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        options: AlertOptions | None = None,
        *,
        hostname: str | None = None,
    ) -> None:
        self.options = options or AlertOptions()
        self.hostname = _text(this_hostname() if hostname is None else hostname)
        self._catalogue = catalogue
        self._formats: dict[tuple[str, str], OutputFormat] = {}
        self._vocabulary = Vocabulary()
        for text in (NOT_AVAILABLE, b"null"):
            self._vocabulary.code(text)
        self._templates: dict[tuple[str, str], tuple[Rule, LineTemplate | None]] = {}

    def refs(self, rule: Rule) -> tuple[FieldRef, ...]:
        """All fields that alerts of ``rule`` need, each once. Raises OutputError."""
        formats = [self._time_format(rule), self._format(rule.output, rule.source)]
        formats += [
            self._format(extra.format, rule.source)
            for extra in rule.extra_fields.values()
            if extra.format
        ]
        refs = dict.fromkeys(ref for each in formats for ref in each.refs)
        refs.update(dict.fromkeys(self._number_and_time(rule.source)))
        return tuple(refs)

    def alerts(self, rule: Rule, segment: Segment, rows: Rows) -> list[Alert]:
        """Alerts of ``rule`` for the events at ``rows`` (ascending) of a segment of its source.

        Fields are asked of those events only, in one call. Raises OutputError where the rule's
        output cannot be printed.
        """
        if not len(rows):
            return []
        matched = segment.take(rows)
        # All at once: the segment keeps them, and a plugin is asked once.
        matched.columns(self.refs(rule))
        base64 = self.options.buffer_format_base64
        prefix = self._time_format(rule).render(matched, as_base64=base64)
        message = self._format(rule.output, rule.source).render(matched, as_base64=base64)
        fields = self._fields(rule, matched, prefix, message)
        nums, times = (
            _integers(column) for column in matched.columns(self._number_and_time(rule.source))
        )
        name, source = _text(rule.name), _text(rule.source)
        tags = tuple(sorted(map(_text, rule.tags)))
        level = rule.priority.title
        return [
            Alert(
                rule=name,
                priority=level,
                source=source,
                tags=tags,
                num=num,
                time=time,
                output=replaced(when + level.encode() + b" " + text),
                message=replaced(text),
                fields=values,
            )
            for num, time, (when, _), (text, _), values in zip(
                nums, times, prefix.texts(), message.texts(), fields, strict=True
            )
        ]

    def line(self, alert: Alert) -> str:
        """The alert as one line, without its line end, in the form that the options ask for."""
        if self.options.json_output:
            return alert.to_json(self.hostname, self.options)
        return alert.to_text()

    def lines(self, found: Sequence[Found]) -> Iterator[pa.Buffer]:
        """The lines of the alerts of several rules in the order of their places, each with its line
        end, in the form that the options ask for: UTF-8, in pieces. Fields are asked of the events
        of each segment in one call. Raises OutputError."""
        pairs = [(each, self._template(each.rule)) for each in found]
        page = Page(sum(len(each.places) for each in found), self._vocabulary.array())
        for segment in {id(each.segment): each.segment for each in found}.values():
            self._fill(page, segment, [pair for pair in pairs if pair[0].segment is segment])
        yield from page.content()

    def _fill(
        self, page: Page, segment: Segment, found: Sequence[tuple[Found, LineTemplate | None]]
    ) -> None:
        """Put the lines of the events of one segment on a page."""
        wanted = np.zeros(len(segment), np.bool_)
        for each, _ in found:
            wanted[each.rows] = True
        place_of = np.cumsum(wanted) - 1
        matched = segment.take(np.flatnonzero(wanted))
        refs = {column_key(ref): ref for _, words in found if words for ref in words.refs}
        matched.columns(list(refs.values()))
        base64 = self.options.buffer_format_base64
        lines = SegmentLines(page, matched, self._vocabulary, as_base64=base64)
        for each, words in found:
            if words is None:
                self._put_one_by_one(page, each)
                continue
            codes, odd = lines.codes(words, place_of[each.rows])
            if not odd.any():
                page.put(each.places, codes)
                continue
            page.put(each.places[~odd], codes[~odd])
            others = Found(each.rule, segment, each.rows[odd], each.places[odd])
            self._put_one_by_one(page, others)

    def _put_one_by_one(self, page: Page, found: Found) -> None:
        alerts = self.alerts(found.rule, found.segment, found.rows)
        lines = [f"{self.line(alert)}\n".encode("utf-8", "replace") for alert in alerts]
        page.put_whole(found.places, lines)

    def line_refs(self, rule: Rule) -> tuple[FieldRef, ...]:
        """The fields that :meth:`lines` asks of the events. Raises OutputError."""
        words = self._template(rule)
        return self.refs(rule) if words is None else words.refs

    def _template(self, rule: Rule) -> LineTemplate | None:
        key = (rule.name, rule.source)
        known = self._templates.get(key)
        if known is None or known[0] is not rule:
            known = self._templates[key] = (
                rule,
                template(self._wording(rule), self.options, self.hostname, self._vocabulary),
            )
        return known[1]

    def _wording(self, rule: Rule) -> Wording:
        extra = {
            _text(key): (each, self._format(each.format, rule.source))
            for key, each in rule.extra_fields.items()
            if each.format
        }
        return Wording(
            _text(rule.name),
            _text(rule.source),
            rule.priority.title,
            tuple(sorted(map(_text, rule.tags))),
            self._time_format(rule),
            self._format(rule.output, rule.source),
            extra,
            self._number_and_time(rule.source)[1],
        )

    def _fields(
        self, rule: Rule, matched: Segment, prefix: Rendered, message: Rendered
    ) -> list[dict[str, Json]]:
        """``output_fields``: those of the message, of the time, and those that are added."""
        found = [dict(fields) for fields, _ in message.json_fields()]
        for fields, (when, _) in zip(found, prefix.json_fields(), strict=True):
            fields.update(when)
        base64 = self.options.buffer_format_base64
        for key, extra in rule.extra_fields.items():
            if not extra.format:
                continue
            rendered = self._format(extra.format, rule.source).render(matched, as_base64=base64)
            key = _text(key)
            values: list[Json]
            if extra.raw:
                values = [fields.get(key) for fields, _ in rendered.json_fields()]
            else:
                values = [replaced(text) for text, _ in rendered.texts()]
            for fields, value in zip(found, values, strict=True):
                fields[key] = value
        return found

    def _time_format(self, rule: Rule) -> OutputFormat:
        iso = self.options.time_format_iso_8601
        return self._format(_TIME_ISO_8601 if iso else _TIME, rule.source)

    def _format(self, text: str, source: str) -> OutputFormat:
        """Alerts never hide: whatever a rule says, a missing value prints as ``<NA>``."""
        if not text.startswith("*"):
            text = "*" + text
        key = (text, source)
        if key not in self._formats:
            self._formats[key] = OutputFormat.parse(text, self._catalogue, source)
        return self._formats[key]

    def _number_and_time(self, source: str) -> tuple[FieldRef, FieldRef]:
        return (
            self._catalogue.lookup("evt.num", None, source),
            self._catalogue.lookup("evt.rawtime", None, source),
        )


def _integers(column: object) -> list[int]:
    if not isinstance(column, NumberColumn):
        raise TypeError("event numbers and times are columns of numbers")
    numbers: list[int] = column.values.tolist()
    return numbers


def _text(text: str) -> str:
    """Names may hold bytes that are not UTF-8, as surrogates; a line never does."""
    return replaced(text.encode("utf-8", "surrogateescape"))
