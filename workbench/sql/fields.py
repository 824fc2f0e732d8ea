"""Fields as columns: their names in SQL, their types, and their values as Arrow's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from capture.errors import FalcowbError
from engine.columns import BytesColumn, Column, ListColumn, NumberColumn, Segment
from engine.distinct import distinct_rows
from engine.fields.catalogue import SYSCALL, Catalogue
from engine.fields.model import FieldInfo, FieldType
from engine.gather import take, used_values
from engine.jsontext import replaced
from engine.output import OutputFormat, Token
from engine.output_value import OutputValue
from engine.values import prints_as_is, texts

#: What ``*`` shows of events, beside number and time.
USUAL_SYSCALL = (
    "evt.type", "evt.dir", "evt.args", "evt.res", "evt.rawres", "thread.tid", "proc.pid",
    "proc.name", "proc.exepath", "proc.cmdline", "proc.pname", "user.name", "fd.num", "fd.type",
    "fd.name", "container.id",
)  # fmt: skip
#: Numbers of these types fit int64, which subtracts without a surprise.
_SMALL = frozenset(
    {
        FieldType.UINT8, FieldType.UINT16, FieldType.UINT32, FieldType.PORT,
        FieldType.RELTIME, FieldType.ABSTIME,
    }
)  # fmt: skip
_PHYSICAL = {"i": pa.int64(), "u": pa.uint64(), "f": pa.float64(), "?": pa.bool_()}
_SQL = {
    pa.int64(): "BIGINT",
    pa.uint64(): "UBIGINT",
    pa.float64(): "DOUBLE",
    pa.bool_(): "BOOLEAN",
    pa.string(): "VARCHAR",
}
_NO_WORD = re.compile(r"\W+")


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """A field, or a transformer of fields, as a column. ``type`` is a scalar Arrow type or a list
    of one; texts are strings there, dictionary coded where they are made."""

    name: str
    value: OutputValue
    type: pa.DataType
    description: str = ""

    @property
    def sql_type(self) -> str:
        return sql_type(self.type)

    @property
    def made_type(self) -> pa.DataType:
        """The type of :meth:`array`."""
        return pa.dictionary(pa.int32(), pa.string()) if self.type == pa.string() else self.type

    def array(self, segment: Segment) -> pa.Array:
        """Its values for the events of a segment. Raises FalcowbError."""
        refs = list(self.value.refs)
        columns = dict(zip(refs, segment.columns(refs), strict=True))
        return self._array(self.value.column(columns, len(segment)))

    def _array(self, column: Column) -> pa.Array:
        if pa.types.is_list(self.type):
            return _lists(self.value, column, self.type)
        if self.type == pa.string():
            return _texts(self.value, column)
        assert isinstance(column, NumberColumn)
        mask = None if column.valid is None else ~column.valid
        return pa.array(column.values, mask=mask).cast(self.type, safe=False)


def sql_type(type_: pa.DataType) -> str:
    """DuckDB's name of a type."""
    if pa.types.is_list(type_):
        return f"{sql_type(type_.value_type)}[]"
    return _SQL[type_]


def underscored(name: str) -> str:
    """``proc_aname_2`` for ``proc.aname[2]``: a name that needs no quotes."""
    return _NO_WORD.sub("_", name).strip("_")


class FieldColumns:
    """The columns that fields of one source give. Names are looked up without regard to case."""

    def __init__(self, catalogue: Catalogue, source: str) -> None:
        self._catalogue = catalogue
        self.source = source
        known = source in catalogue.sources
        infos = catalogue.fields(source, hidden=True) if known else []
        self._infos = {info.name: info for info in infos if not _needs_argument(info)}
        listed = catalogue.fields(source) if known else []
        self.listed = tuple(info for info in listed if info.name in self._infos)
        self._known: dict[str, str] = {}
        for name in self._infos:
            self._known.setdefault(name.lower(), name)
            self._known.setdefault(underscored(name).lower(), name)
        self._made: dict[str, FieldColumn | None] = {}

    @property
    def usual(self) -> tuple[str, ...]:
        """The fields that ``*`` shows."""
        if self.source == SYSCALL:
            return USUAL_SYSCALL
        generic = {"evt.plugininfo"}
        own = [
            info.name
            for info in self.listed
            if "generic" not in info.properties or info.name in generic
        ]
        return tuple(own)

    def find(self, name: str) -> FieldColumn | None:
        """The column called so: a field's own name or its name with underscores, a field with its
        argument, or a transformer. None where there is none."""
        key = self._known.get(name.lower(), name)
        if key not in self._made:
            if len(self._made) > 10_000:
                self._made.clear()
            self._made[key] = self._make(key)
        return self._made[key]

    def _make(self, name: str) -> FieldColumn | None:
        info = self._infos.get(name)
        if info is None and "." not in name:
            return self._underscored(name)
        value = _value(name, self._catalogue, self.source)
        if value is None:
            return None
        return FieldColumn(name, value, _type(value, info), info.description if info else "")

    def _underscored(self, name: str) -> FieldColumn | None:
        """``evt_arg_flags``, ``evt_rawarg_res``, ``proc_aname_2``: with an argument."""
        lower = name.lower()
        for stem in ("evt.arg", "evt.rawarg"):
            head = underscored(stem) + "_"
            if lower.startswith(head):
                return self.find(f"{stem}.{name[len(head) :]}")
        stem, _, index = lower.rpartition("_")
        if index.isdecimal() and stem in self._known:
            return self.find(f"{self._known[stem]}[{index}]")
        return None


def _needs_argument(info: FieldInfo) -> bool:
    return info.argument is not None and info.argument.required


def _value(name: str, catalogue: Catalogue, source: str) -> OutputValue | None:
    if source not in catalogue.sources or len(name) > 300 or not name.isprintable():
        return None
    try:
        parts = OutputFormat.parse(f"%{name}", catalogue, source).parts
    except FalcowbError:
        return None
    if len(parts) != 1 or not isinstance(parts[0], Token):
        return None
    return parts[0].value


def _type(value: OutputValue, info: FieldInfo | None) -> pa.DataType:
    several = info is not None and bool(info.properties & {"either"})
    item = pa.string()
    if value.type.physical in _PHYSICAL and value.type is not FieldType.DYN:
        small = value.type in _SMALL or value.name == "evt.num"
        item = pa.int64() if small else _PHYSICAL[value.type.physical]
    return pa.list_(item) if value.is_list or several else item


def _strings(value: OutputValue, column: BytesColumn | ListColumn | NumberColumn) -> pa.Array:
    """The text of each row, null for no value."""
    if isinstance(column, BytesColumn) and prints_as_is(value.name, value.type):
        plain = column.values.take(pa.array(column.codes, mask=column.codes < 0))
        try:
            text = plain.cast(pa.string())
        except pa.ArrowInvalid:
            pass
        else:
            # Upstream's texts are C strings; those with a NUL inside go the slow way.
            buffer = text.buffers()[2]
            if buffer is None or b"\0" not in buffer.to_pybytes():
                return text
    printed = texts(value.name, value.type, value.is_list, column)
    return pa.array([None if text is None else replaced(text) for text in printed], pa.string())


def _texts(value: OutputValue, column: Column) -> pa.Array:
    if isinstance(column, BytesColumn):
        column = used_values(column)
        every = np.arange(len(column.values), dtype=np.int32)
        distinct = _strings(value, BytesColumn(every, column.values))
        return pa.DictionaryArray.from_arrays(
            pa.array(column.codes, mask=column.codes < 0), distinct
        )
    first, place = distinct_rows(column)
    distinct = _strings(value, take(column, first))
    absent = np.asarray(distinct.is_null().to_numpy(zero_copy_only=False))
    return pa.DictionaryArray.from_arrays(
        pa.array(place.astype(np.int32), mask=absent[place]), distinct.fill_null("")
    )


def _lists(value: OutputValue, column: Column, type_: pa.DataType) -> pa.Array:
    if not isinstance(column, ListColumn):
        whole = np.arange(len(column) + 1, dtype=np.int64)
        valid = (
            column.codes >= 0
            if isinstance(column, BytesColumn)
            else (np.ones(len(column), np.bool_) if column.valid is None else column.valid)
        )
        column = ListColumn(whole, column, valid)
    items = column.items
    if type_.value_type == pa.string():
        array = _texts(value, items).cast(pa.string())
    else:
        assert isinstance(items, NumberColumn)
        mask = None if items.valid is None else ~items.valid
        array = pa.array(items.values, mask=mask).cast(type_.value_type, safe=False)
    mask = None if column.valid is None else pa.array(~column.valid)
    offsets = pa.array(column.offsets.astype(np.int32))
    return pa.ListArray.from_arrays(offsets, array, mask=mask)


def batch(
    numbers: np.ndarray[tuple[int], np.dtype[np.int64]],
    times: np.ndarray[tuple[int], np.dtype[np.int64]],
    segment: Segment,
    columns: Sequence[FieldColumn],
) -> list[pa.Array]:
    """Number, time and the columns of the events of a segment; fields are asked for together."""
    refs = list(dict.fromkeys(ref for column in columns for ref in column.value.refs))
    segment.columns(refs)
    return [
        pa.array(numbers),
        pa.array(times).cast(pa.timestamp("ns")),
        *(column.array(segment) for column in columns),
    ]
