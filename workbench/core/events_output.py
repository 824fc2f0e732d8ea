"""Events as lines of text, CSV or JSON, or as a Parquet file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engine.columns import Column, ListColumn, NumberColumn
from engine.distinct import distinct_rows
from engine.fields.model import FieldType
from engine.gather import take
from engine.jsontext import dump, lenient
from engine.output_value import OutputValue
from engine.text_columns import Texts, json_texts
from engine.values import json_values, texts
from workbench.core.events_query import Found, Shown

FORMATS = ("text", "jsonl", "csv", "parquet")


class Writer(Protocol):
    """Writes what windows find; ``close`` ends the output."""

    def write(self, found: Sequence[Found]) -> None: ...

    def close(self) -> None: ...


def writer(form: str, shown: Sequence[Shown], out: BinaryIO) -> Writer:
    """A writer of one of ``FORMATS``."""
    if form == "parquet":
        return ParquetWriter(shown, out)
    return LineWriter(_LINES[form](shown), shown, out)


class Lines:
    """How a line is put together: what stands before each cell, and at the end of the line."""

    def __init__(
        self,
        head: bytes,
        before: Sequence[bytes],
        end: bytes,
        missing: bytes,
        cells: Callable[[OutputValue, Column], Texts],
    ) -> None:
        self.head = head
        self.before = before
        self.end = end
        self.missing = missing
        self.cells = cells


class LineWriter:
    """One line an event, in the order of their numbers."""

    def __init__(self, lines: Lines, shown: Sequence[Shown], out: BinaryIO) -> None:
        self._lines = lines
        self._values = [each.value for each in shown]
        self._out = out
        if lines.head:
            out.write(lines.head)

    def write(self, found: Sequence[Found]) -> None:
        if not found:
            return
        lines = pa.concat_arrays([self._joined(each) for each in found])
        if len(found) > 1:
            lines = lines.take(_order(found))
        self._out.write(_content(lines))
        self._out.flush()

    def _joined(self, found: Found) -> pa.LargeBinaryArray:
        """A line for each event. 64-bit offsets: no number of bytes is too large."""
        lines = self._lines
        pieces: list[pa.Array | pa.Scalar] = []
        for before, value, column in zip(lines.before, self._values, found.columns, strict=True):
            pieces.append(pa.scalar(before, pa.large_binary()))
            if column is None:
                pieces.append(pa.scalar(lines.missing, pa.large_binary()))
                continue
            cells = lines.cells(value, column)
            values = pa.concat_arrays([cells.values, pa.array([lines.missing], pa.binary())])
            codes = np.where(cells.codes < 0, np.int32(len(cells.values)), cells.codes)
            pieces.append(values.cast(pa.large_binary()).take(pa.array(codes)))
        # An array among the pieces, so that there is a line for each event whatever they are.
        end = pa.array([lines.end], pa.large_binary())
        pieces.append(end.take(pa.array(np.zeros(len(found.numbers), np.int32))))
        return pc.binary_join_element_wise(*pieces, pa.scalar(b"", pa.large_binary()))

    def close(self) -> None:
        self._out.flush()


def _order(found: Sequence[Found]) -> pa.Array:
    """The events of all sources by number."""
    return pa.array(np.argsort(np.concatenate([each.numbers for each in found]), kind="stable"))


def _content(lines: pa.LargeBinaryArray) -> pa.Buffer | bytes:
    """The bytes of all lines, one after the other."""
    _, offsets, content = lines.buffers()
    if content is None:
        return b""
    ends = np.frombuffer(offsets, np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return content.slice(int(ends[0]), int(ends[-1] - ends[0]))


def _printed(change: Callable[[bytes], bytes]) -> Callable[[OutputValue, Column], Texts]:
    """The text of each cell, changed; once a distinct value."""

    def cells(value: OutputValue, column: Column) -> Texts:
        first, place = distinct_rows(column)
        printed = texts(value.name, value.type, value.is_list, take(column, first))
        absent = np.array([text is None for text in printed], np.bool_)
        codes = place.astype(np.int32)
        codes[absent[place]] = -1
        values = [change(text or b"") for text in printed]
        return Texts(codes, pa.array(values, pa.binary()))

    return cells


def _visible(text: bytes) -> bytes:
    """A text on one line: what would move the cursor is written out."""
    if text.isascii() and text.decode("ascii").isprintable():
        return text
    return b"".join(_ESCAPES[byte] for byte in text)


_ESCAPES = [
    b"\\x%02x" % byte if byte < 0x20 or byte == 0x7F else bytes([byte]) for byte in range(256)
]
_ESCAPES[0x09], _ESCAPES[0x0A], _ESCAPES[0x0D] = b"\\t", b"\\n", b"\\r"


def _quoted(text: bytes) -> bytes:
    """A cell of CSV (RFC 4180)."""
    if any(mark in text for mark in (b",", b'"', b"\n", b"\r")):
        return b'"' + text.replace(b'"', b'""') + b'"'
    return text


def _json_cells(value: OutputValue, column: Column) -> Texts:
    return json_texts(value, column, as_base64=False)


def _text(shown: Sequence[Shown]) -> Lines:
    return Lines(b"", [b"", *[b"\t"] * (len(shown) - 1)], b"\n", b"<NA>", _printed(_visible))


def _csv(shown: Sequence[Shown]) -> Lines:
    head = b",".join(_quoted(each.name.encode()) for each in shown) + b"\r\n"
    return Lines(head, [b"", *[b","] * (len(shown) - 1)], b"\r\n", b"", _printed(_quoted))


def _jsonl(shown: Sequence[Shown]) -> Lines:
    names = [dump(each.name).encode() + b":" for each in shown]
    before = [(b"," if place else b"{") + name for place, name in enumerate(names)]
    return Lines(b"", before, b"}\n", b"null", _json_cells)


_LINES: dict[str, Callable[[Sequence[Shown]], Lines]] = {
    "text": _text,
    "csv": _csv,
    "jsonl": _jsonl,
}


class ParquetWriter:
    """A Parquet file: numbers, booleans and times in their own types, the rest as text."""

    def __init__(self, shown: Sequence[Shown], out: BinaryIO) -> None:
        import pyarrow.parquet as pq

        self._values = [each.value for each in shown]
        self._schema = pa.schema([pa.field(each.name, arrow_type(each.value)) for each in shown])
        self._writer = pq.ParquetWriter(out, self._schema, compression="zstd")

    def write(self, found: Sequence[Found]) -> None:
        if not found:
            return
        order = _order(found)
        arrays = []
        for place, field in enumerate(self._schema):
            parts = [self._array(each, place, field.type) for each in found]
            whole = pa.concat_arrays(parts)
            arrays.append(whole if len(found) == 1 else whole.take(order))
        self._writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema))

    def _array(self, found: Found, place: int, type_: pa.DataType) -> pa.Array:
        column = found.columns[place]
        if column is None:
            return pa.nulls(len(found.numbers), type_)
        return arrow_array(self._values[place], column, type_)

    def close(self) -> None:
        self._writer.close()


_TIME = pa.timestamp("ns", tz="UTC")
_NUMBERS = {"i": pa.int64(), "u": pa.uint64(), "f": pa.float64(), "?": pa.bool_()}


def arrow_type(value: OutputValue) -> pa.DataType:
    """The type of a field in Parquet."""
    item = pa.string()
    if value.type is FieldType.ABSTIME:
        item = _TIME
    elif value.type is FieldType.BYTEBUF:
        item = pa.binary()
    elif value.type.physical in _NUMBERS:
        item = _NUMBERS[value.type.physical]
    return pa.list_(item) if value.is_list else item


def arrow_array(value: OutputValue, column: Column, type_: pa.DataType) -> pa.Array:
    """A column as the type of its field has it."""
    if isinstance(column, NumberColumn):
        mask = None if column.valid is None else ~column.valid
        array = pa.array(column.values, mask=mask)
        return array.cast(pa.int64()).cast(type_) if type_ == _TIME else array.cast(type_)
    if pa.types.is_binary(type_) and not isinstance(column, ListColumn):
        return column.values.take(pa.array(column.codes, mask=column.codes < 0))
    first, place = distinct_rows(column)
    small = take(column, first)
    if pa.types.is_list(type_):
        items = json_values(value.name, value.type, value.is_list, small)
        distinct = pa.array(items, type_)
    else:
        printed = texts(value.name, value.type, value.is_list, small)
        distinct = pa.array(
            [None if text is None else lenient(text) for text in printed], pa.string()
        )
        if type_ != pa.string():
            distinct = distinct.cast(type_)
    return distinct.take(pa.array(place))
