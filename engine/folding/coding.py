"""Values of a field as numbers that stay the same from one segment to the next."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from engine.columns import BytesColumn, Codes, Column, ListColumn, NumberColumn
from engine.distinct import distinct_rows
from engine.gather import as_binary, offsets_of, take


class OtherKind(Exception):
    """A column is of another kind than those of its field before: their codes do not mix."""


class Coder(Protocol):
    """The distinct values of one field. Codes are int32, -1 for no value."""

    @property
    def size(self) -> int:
        """Bytes that the values take, about."""
        ...

    def fits(self, column: Column) -> bool:
        """Whether the column is of the kind that was coded so far."""
        ...

    def codes(self, column: Column) -> Codes:
        """The code of each row; new values get new codes."""
        ...

    def column(self, codes: Codes) -> Column:
        """The values of these codes."""
        ...

    def table(self) -> pa.Array:
        """Every value, by code."""
        ...


class TextCoder:
    """Strings, byte buffers, addresses."""

    def __init__(self, values: pa.BinaryArray | None = None) -> None:
        held = [] if values is None else values.to_pylist()
        self._index: dict[bytes, int] = {value: code for code, value in enumerate(held)}
        self._values = pa.array([], pa.binary()) if values is None else as_binary(values)
        self._latest: tuple[pa.BinaryArray, Codes] | None = None
        self.size = sum(map(len, held)) + 100 * len(held)

    def fits(self, column: Column) -> bool:
        return isinstance(column, BytesColumn)

    def codes(self, column: Column) -> Codes:
        assert isinstance(column, BytesColumn)
        codes, values = column.codes, column.values
        known = self._known(values)
        used = np.zeros(len(values) + 1, np.bool_)
        used[codes] = True
        unknown = np.flatnonzero(used[:-1] & (known[:-1] < 0))
        if len(unknown):
            index, before = self._index, len(self._index)
            texts = as_binary(values.take(pa.array(unknown))).to_pylist()
            known[unknown] = [index.setdefault(text, len(index)) for text in texts]
            if len(index) > before:
                self.size += sum(map(len, texts)) + 100 * len(texts)
        return known[codes]

    def _known(self, values: pa.BinaryArray) -> Codes:
        """What is known of these values, -2 for what is not; columns often share their values."""
        latest = self._latest
        if latest is None or latest[0] is not values:
            known = np.full(len(values) + 1, -2, np.int32)
            known[-1] = -1
            latest = self._latest = values, known
        return latest[1]

    def column(self, codes: Codes) -> BytesColumn:
        return BytesColumn(codes, self.table())

    def table(self) -> pa.BinaryArray:
        have = len(self._values)
        if have < len(self._index):
            more = pa.array(list(self._index)[have:], pa.binary())
            self._values = pa.concat_arrays([self._values, more])
        return self._values


class NumberCoder:
    """Numbers and booleans, eight bytes each as they are."""

    def __init__(self, values: npt.NDArray[Any] | None = None) -> None:
        self._dtype = np.dtype(np.int64) if values is None else values.dtype
        self._any = values is not None
        bits = np.zeros(0, np.int64) if values is None else _bits(values)
        self._index: dict[int, int] = {value: code for code, value in enumerate(bits.tolist())}
        self.size = 100 * len(bits)

    def fits(self, column: Column) -> bool:
        if not isinstance(column, NumberColumn):
            return False
        if not self._any:
            return True
        kinds = {column.values.dtype.kind, self._dtype.kind}
        return len(kinds) == 1 or kinds == {"i", "u"}

    def codes(self, column: Column) -> Codes:
        assert isinstance(column, NumberColumn)
        dtype = column.values.dtype
        if not self._any:
            self._dtype, self._any = dtype, True
        elif dtype != self._dtype:
            self._dtype = np.dtype(np.int64)  # as columns of several parameters are
        if dtype.kind == "b":
            self._index = {0: 0, 1: 1}
            codes = column.values.astype(np.int32)
        else:
            distinct, places = np.unique(_bits(column.values), return_inverse=True)
            index = self._index
            found = [index.setdefault(value, len(index)) for value in distinct.tolist()]
            codes = np.array(found, np.int32)[places]
            self.size = 100 * len(index)
        return codes if column.valid is None else np.where(column.valid, codes, np.int32(-1))

    def column(self, codes: Codes) -> NumberColumn:
        values = np.append(self.table().to_numpy(zero_copy_only=False), [0])
        valid = codes >= 0
        typed = values.astype(np.bool_) if self._dtype.kind == "b" else values.view(self._dtype)
        return NumberColumn(typed[codes], None if valid.all() else valid)

    def table(self) -> pa.Int64Array:
        return pa.array(list(self._index), pa.int64())

    @property
    def dtype(self) -> np.dtype[Any]:
        """The numbers' type."""
        return self._dtype


def _bits(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    wide = {"i": np.int64, "u": np.uint64, "f": np.float64, "b": np.int64}[values.dtype.kind]
    return np.ascontiguousarray(values.astype(wide, copy=False)).view(np.int64)


class ListCoder:
    """Lists of either, each list as a whole."""

    def __init__(self, items: TextCoder | NumberCoder) -> None:
        self.items = items
        self._index: dict[bytes, int] = {}
        self._own_size = 0

    @property
    def size(self) -> int:
        return self.items.size + self._own_size

    def fits(self, column: Column) -> bool:
        return isinstance(column, ListColumn) and self.items.fits(column.items)

    def codes(self, column: Column) -> Codes:
        assert isinstance(column, ListColumn)
        first, place = distinct_rows(column)
        small = take(column, first)
        assert isinstance(small, ListColumn)
        items = self.items.codes(small.items)
        bounds = (4 * small.offsets).tolist()
        packed = items.tobytes()
        found = np.empty(len(small), np.int32)
        for row in range(len(small)):
            key = packed[bounds[row] : bounds[row + 1]]
            code = self._index.get(key)
            if code is None:
                code = self._index[key] = len(self._index)
                self._own_size += len(key) + 100
            found[row] = code
        if small.valid is not None:
            found[~small.valid] = -1
        return found[place]

    def column(self, codes: Codes) -> ListColumn:
        lists = [np.frombuffer(key, np.int32) for key in self._index]
        # What has no value takes the empty list at the end.
        lengths = np.array([*map(len, lists), 0], np.int64)
        flat = np.concatenate([*lists, np.zeros(0, np.int32)]).astype(np.int32)
        items = self.items.column(flat)
        valid = codes >= 0
        taken = take(ListColumn(offsets_of(lengths), items, None), codes.astype(np.int64))
        assert isinstance(taken, ListColumn)
        return ListColumn(taken.offsets, taken.items, None if valid.all() else valid)

    def table(self) -> pa.ListArray:
        lists = [np.frombuffer(key, np.int32) for key in self._index]
        return pa.array(lists, pa.list_(pa.int32()))


def coder_for(column: Column) -> Coder:
    """An empty coder for columns of this kind."""
    match column:
        case BytesColumn():
            return TextCoder()
        case NumberColumn():
            return NumberCoder()
        case ListColumn(items=items):
            return ListCoder(TextCoder() if isinstance(items, BytesColumn) else NumberCoder())
