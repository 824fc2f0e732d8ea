"""Events written in a test: fields with their values, or what a plugin's source would give."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from capture.errors import FalcowbError
from capture.schema import PLUGIN_EVENTS
from engine.columns import BytesColumn, Column, ListColumn, NumberColumn, Rows, Segment
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef, FieldType
from engine.language.parser import scan_field
from engine.operands import FieldOperand
from engine.segments import ColumnKey, column_key
from workbench.core.session import Session

_DTYPE = {"i": np.int64, "u": np.uint64, "f": np.float64, "?": np.bool_}

Scalar = bytes | int | float | bool


class InlineSegment:
    """One event, given by some fields; all others have no value."""

    one_by_one = True

    def __init__(self, values: Mapping[ColumnKey, Scalar | list[Scalar]], events: int = 1) -> None:
        self._values = values
        self._events = events

    @classmethod
    def of(cls, fields: Mapping[str, Any], catalogue: Catalogue, source: str) -> InlineSegment:
        """``fields`` as named in a condition. Raises FalcowbError for what is no field, or no value
        of that field."""
        values: dict[ColumnKey, Scalar | list[Scalar]] = {}
        for text, value in fields.items():
            if value is None:
                continue
            written, end = scan_field(text)
            if end != len(text):
                raise FalcowbError(f"'{text}' is not a field")
            ref = catalogue.lookup(written.name, written.arg, source)
            if isinstance(value, list):
                values[column_key(ref)] = [_scalar(text, one, ref.info.type) for one in value]
            else:
                values[column_key(ref)] = _scalar(text, value, ref.info.type)
        return cls(values)

    def __len__(self) -> int:
        return self._events

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        return [_column(ref, self._values.get(column_key(ref)), self._events) for ref in refs]

    def take(self, rows: Rows) -> Segment:
        return InlineSegment(self._values, len(rows))


def plugin_event(event: Any, session: Session, source: str) -> Segment:
    """A segment of one event of a plugin's source: the text as it is, anything else as JSON."""
    payload = event if isinstance(event, str) else json.dumps(event, separators=(",", ":"))
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array([1], pa.uint64()),
            pa.array([0], pa.timestamp("ns", tz="UTC")),
            pa.array([1], pa.uint32()),
            pa.array([payload.encode()], pa.binary()),
        ],
        schema=PLUGIN_EVENTS,
    )
    return session.plugins.event_source(source).segment(batch)


def _scalar(name: str, value: Any, type_: FieldType) -> Scalar:
    def refuse(wanted: str) -> FalcowbError:
        return FalcowbError(f"{name}: {json.dumps(value, ensure_ascii=False)} is no {wanted}")

    if type_ in (FieldType.IPADDR, FieldType.IPNET):
        try:
            return ipaddress.ip_address(str(value)).packed
        except ValueError:
            raise refuse("address") from None
    physical = type_.physical
    if physical == "?":
        if isinstance(value, bool):
            return value
        raise refuse("boolean; write true or false")
    if physical in "iuf" or (type_ is FieldType.DYN and isinstance(value, int | float)):
        if isinstance(value, int | float) and not isinstance(value, bool):
            if physical == "u" and value < 0:
                raise refuse("number of this field, which are not negative")
            return value
        raise refuse("number")
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, str | int | float):
        return str(value).encode("utf-8", "surrogateescape")
    raise refuse("text")


def _column(ref: FieldRef, value: Scalar | list[Scalar] | None, events: int) -> Column:
    shape = FieldOperand(ref).shape
    if not (shape.is_list or shape.many):
        if isinstance(value, list):
            raise FalcowbError(f"{ref.text}: this field has one value, not a list")
        return _scalars(ref, [value] * events)
    items = [] if value is None else value if isinstance(value, list) else [value]
    offsets = np.arange(events + 1, dtype=np.int64) * len(items)
    valid = np.full(events, value is not None)
    return ListColumn(offsets, _scalars(ref, items * events), valid)


def _scalars(ref: FieldRef, values: Sequence[Scalar | None]) -> BytesColumn | NumberColumn:
    valid = np.array([value is not None for value in values], np.bool_)
    known = [value for value in values if value is not None]
    dynamic = ref.info.type is FieldType.DYN and any(not isinstance(one, bytes) for one in known)
    if ref.info.type.physical == "b" and not dynamic:
        codes = np.where(valid, np.arange(len(values)), -1).astype(np.int32)
        return BytesColumn(codes, pa.array([value or b"" for value in values], pa.binary()))
    dtype = np.int64 if dynamic else _DTYPE[ref.info.type.physical]
    filled = [0 if value is None else value for value in values]
    try:
        return NumberColumn(np.array(filled, dtype), valid)
    except OverflowError:
        raise FalcowbError(f"{ref.text}: the number is too large for the field") from None
