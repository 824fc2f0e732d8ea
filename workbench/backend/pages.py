"""Fields of some events as texts, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from capture.errors import FalcowbError
from engine.columns import Column, Segment
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef
from engine.jsontext import replaced
from engine.output_value import OutputValue
from engine.values import Json, json_values, texts
from workbench.core.events_query import field_value

Ints = npt.NDArray[np.int64]
#: Characters of a cell of a page; detail shows all.
_MOST_CHARACTERS = 400


class Shown:
    """Fields, or transformers over fields, by source; None in a source that has no such thing."""

    def __init__(self, fields: Sequence[str], catalogue: Catalogue) -> None:
        self._fields = fields
        self._catalogue = catalogue
        self._by_source: dict[str, tuple[OutputValue | None, ...]] = {}

    def of(self, source: str) -> tuple[OutputValue | None, ...]:
        known = self._by_source.get(source)
        if known is None:
            known = tuple(self._value(name, source) for name in self._fields)
            self._by_source[source] = known
        return known

    def _value(self, name: str, source: str) -> OutputValue | None:
        try:
            return field_value(name, self._catalogue, source)
        except FalcowbError:
            return None


def cells(segment: Segment, places: Ints, source: str, shown: Shown) -> list[list[str | None]]:
    """For each field the texts of the events at ``places`` (ascending) of a segment."""
    values = shown.of(source)
    part = segment.take(places)
    columns = _columns(part, [value for value in values if value is not None])
    found: list[list[str | None]] = []
    for value in values:
        if value is None:
            found.append([None] * len(places))
            continue
        column = value.column(columns, len(places))
        found.append(
            [
                None if text is None else visible(text[: 4 * _MOST_CHARACTERS])[:_MOST_CHARACTERS]
                for text in texts(value.name, value.type, value.is_list, column)
            ]
        )
    return found


def json_cells(segment: Segment, fields: Sequence[FieldRef]) -> list[dict[str, Json]]:
    """For each event its fields by name, those that have a value."""
    columns = segment.columns(fields)
    rows: list[dict[str, Json]] = [{} for _ in range(len(segment))]
    for ref, column in zip(fields, columns, strict=True):
        values = json_values(ref.info.name, ref.info.type, ref.is_list, column)
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[ref.text] = value
    return rows


def all_fields(catalogue: Catalogue, source: str) -> list[FieldRef]:
    """The fields of a source that stand without an argument."""
    found: list[FieldRef] = []
    for info in catalogue.fields(source):
        if info.argument is not None and info.argument.required:
            continue
        found.append(catalogue.lookup(info.name, None, source))
    return found


def visible(text: bytes) -> str:
    """On one line: what would move a cursor is written out."""
    shown = replaced(text)
    if shown.isprintable():
        return shown
    return "".join(each if each.isprintable() else _escaped(each) for each in shown)


def _escaped(character: str) -> str:
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    if known is not None:
        return known
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def _columns(segment: Segment, values: Sequence[OutputValue]) -> Mapping[FieldRef, Column]:
    refs = list(dict.fromkeys(ref for value in values for ref in value.refs))
    return dict(zip(refs, segment.columns(refs), strict=True))
