"""Fields of every kind, and segments of chosen values, for tests of evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.fields.catalogue import Catalogue
from engine.fields.model import Argument, FieldInfo, FieldRef, FieldType
from engine.segments import TableSegment, column_key
from tests.reference import Value

SOURCE = "made"
KEY = Argument(required=True, key=True)


def _info(name: str, type_: FieldType, *marks: str, **more: Any) -> FieldInfo:
    return FieldInfo(name, type_, source=SOURCE, properties=frozenset(marks), **more)


CATALOGUE = Catalogue.native().with_fields(
    [
        _info("t.a", FieldType.CHARBUF),
        _info("t.b", FieldType.CHARBUF),
        _info("t.path", FieldType.FSPATH),
        _info("t.buf", FieldType.BYTEBUF),
        _info("n.i", FieldType.INT64),
        _info("n.j", FieldType.INT64),
        _info("n.small", FieldType.INT16),
        _info("n.u", FieldType.UINT64),
        _info("n.f", FieldType.DOUBLE),
        _info("n.bool", FieldType.BOOL),
        _info("n.port", FieldType.PORT),
        _info("ip.a", FieldType.IPADDR),
        _info("ip.net", FieldType.IPNET),
        _info("ip.either", FieldType.IPNET, "either"),
        _info("ip.both", FieldType.IPADDR, "either"),
        _info("n.ports", FieldType.PORT, "either"),
        _info("t.any", FieldType.CHARBUF, "any"),
        _info("n.any", FieldType.INT64, "any"),
        _info("l.text", FieldType.CHARBUF, is_list=True),
        _info("l.more", FieldType.CHARBUF, is_list=True),
        _info("l.num", FieldType.UINT64, is_list=True),
        _info("l.net", FieldType.IPNET, is_list=True),
        _info("doc", FieldType.CHARBUF, "plugin", is_list=True, argument=KEY, path=True),
    ],
    [SOURCE],
)


def ref(name: str, arg: str | None = None) -> FieldRef:
    return CATALOGUE.lookup(name, arg, SOURCE)


def several(field: FieldRef) -> bool:
    """Whether a row may hold several values."""
    marks = field.info.properties
    return field.is_list or "either" in marks or ("any" in marks and field.arg is None)


def column(field: FieldRef, values: Sequence[Value]) -> Column:
    """One row for each value. Distinct texts are coded in order of first appearance, with one that
    no row has."""
    if not several(field):
        return _scalars(values, field.info.type)
    lists = [value if isinstance(value, list) else [] for value in values]
    offsets = np.cumsum([0, *map(len, lists)])
    valid = np.array([value is not None for value in values], np.bool_)
    items = _scalars([item for one in lists for item in one], field.info.type)
    return ListColumn(offsets.astype(np.int64), items, None if valid.all() else valid)


def _scalars(values: Sequence[Any], type_: FieldType) -> BytesColumn | NumberColumn:
    if type_.physical == "b":
        table: dict[bytes, int] = {b"no row has this": 0}
        codes = [-1 if one is None else table.setdefault(one, len(table)) for one in values]
        return BytesColumn(np.array(codes, np.int32), pa.array(list(table), pa.binary()))
    dtype = {"i": np.int64, "u": np.uint64, "f": np.float64, "?": np.bool_}[type_.physical]
    valid = np.array([one is not None for one in values], np.bool_)
    numbers = np.array([0 if one is None else one for one in values], dtype)
    return NumberColumn(numbers, None if valid.all() else valid)


def segment(events: Sequence[dict[str, Value]], fields: Sequence[FieldRef]) -> TableSegment:
    """A segment of events given by the fields as written."""
    return TableSegment(
        len(events),
        {
            column_key(field): column(field, [event.get(field.text) for event in events])
            for field in fields
        },
    )
