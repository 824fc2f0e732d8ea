"""What the buffers of a schema's batches must look like, checked before Arrow reads them.

A record batch on disk lists its arrays (rows and nulls) and buffers depth first. For a schema this
works out once which array each belongs to and what size a buffer must have, so that the check of a
batch is a handful of numpy steps whatever the number of columns. Sizes are those that buffers will
take once decompressed, as they state themselves: nothing is unpacked to learn them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from capture.flatbuffer import Malformed

#: Most bytes that one batch may have in memory, all columns together. The writer keeps well below.
MAX_BATCH_BYTES = 128 << 20

#: What a buffer holds, where it is not a number of bits a row.
_VALIDITY, _OFFSETS, _VARIABLE = -1, -2, -3
#: How many rows an array has: those of its parent, a part of a union's, or any number (of a list).
_SAME, _PART, _ANY = 0, 1, 2
_ALIGNMENT_SLACK = 64

_Ints = npt.NDArray[np.int64]


class Layout:
    """The arrays and buffers of batches of one schema.

    Knows numbers, times, booleans, bytes and text, and structs, lists and dense unions of those.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._names: list[str] = []
        self._parents: list[int] = []
        self._rules: list[int] = []
        self._nullable: list[bool] = []
        self._owners: list[int] = []
        self._kinds: list[int] = []
        #: The array of each child of each top-level union, by column name.
        self.children: dict[str, list[int]] = {}
        for field in schema:
            self._add(field, -1, _SAME, field.name)
        self._rule = np.array(self._rules, np.int8)
        self._parent = np.array(self._parents, np.int64)
        self._may_null = np.array(self._nullable, np.bool_)
        self._owner = np.array(self._owners, np.int64)
        self._kind = np.array(self._kinds, np.int64)
        self._unions = np.unique(self._parent[self._rule == _PART])

    def check(
        self,
        arrays: Sequence[tuple[int, int]],
        buffers: Sequence[tuple[int, int]],
        rows: int,
        body: memoryview,
        compressed: bool,
    ) -> None:
        """Raises :class:`Malformed` unless a batch of ``rows`` rows can be read as this schema.

        ``arrays`` are (rows, nulls), ``buffers`` (offset, size) in ``body``.
        """
        if len(arrays) != len(self._names) or len(buffers) != len(self._kinds):
            raise Malformed("a batch with other columns than its schema")
        lengths, nulls = np.array(arrays, np.int64).reshape(-1, 2).T
        self._check_arrays(lengths, nulls, rows)
        sizes = _plain_sizes(np.array(buffers, np.int64).reshape(-1, 2), body, compressed)
        self._check_buffers(sizes, lengths[self._owner], nulls[self._owner])

    def _add(self, field: pa.Field, parent: int, rule: int, name: str) -> None:
        place = len(self._names)
        type_ = field.type
        self._names.append(name)
        self._parents.append(parent)
        self._rules.append(rule)
        # What is left out by a union is no null of it, nor of the child that is meant.
        self._nullable.append(field.nullable and rule != _PART and not pa.types.is_union(type_))
        kinds, below = _buffers(type_)
        self._owners += [place] * len(kinds)
        self._kinds += kinds
        inner = [type_.field(number) for number in range(type_.num_fields)]
        if pa.types.is_union(type_) and parent < 0:
            self.children[name] = []
        for child in inner:
            if parent < 0 and name in self.children:
                self.children[name].append(len(self._names))
            self._add(child, place, below, f"{name}.{child.name}")

    def _check_arrays(self, lengths: _Ints, nulls: _Ints, rows: int) -> None:
        above = np.where(self._parent < 0, rows, lengths[self._parent])
        good = (lengths >= 0) & (nulls >= 0) & (nulls <= np.where(self._may_null, lengths, 0))
        good &= np.where(self._rule == _SAME, lengths == above, True)
        good &= np.where(self._rule == _PART, lengths <= above, lengths <= MAX_BATCH_BYTES)
        self._refuse(good, "wrong number of rows or of nulls")
        for union in self._unions.tolist():
            children = lengths[(self._parent == union) & (self._rule == _PART)]
            if int(children.sum()) != int(lengths[union]):
                raise Malformed(f"column {self._names[union]}: its parts are not its rows")

    def _check_buffers(self, sizes: _Ints, rows: _Ints, nulls: _Ints) -> None:
        bits = np.maximum(self._kind, 0)
        least = (rows * bits + 7) // 8
        least = np.where((self._kind == _OFFSETS) & (rows > 0), (rows + 1) * 4, least)
        least = np.where((self._kind == _VALIDITY) & (nulls > 0), (rows + 7) // 8, least)
        most = np.maximum(np.maximum(least, (rows + 7) // 8), 4) + _ALIGNMENT_SLACK
        good = (sizes >= least) & ((self._kind == _VARIABLE) | (sizes <= most))
        if not good.all():
            wrong = int(np.flatnonzero(~good)[0])
            name = self._names[int(self._owner[wrong])]
            raise Malformed(f"column {name}: a buffer of {int(sizes[wrong])} bytes")
        # Each is at most MAX_BATCH_BYTES, so the sum of a bounded number of them cannot wrap.
        if int(sizes.sum()) > MAX_BATCH_BYTES:
            raise Malformed(f"a batch larger than {MAX_BATCH_BYTES} bytes is refused")

    def _refuse(self, good: npt.NDArray[np.bool_], reason: str) -> None:
        if not good.all():
            raise Malformed(f"column {self._names[int(np.flatnonzero(~good)[0])]}: {reason}")


def _buffers(type_: pa.DataType) -> tuple[list[int], int]:
    """The buffers of an array of this type, and how many rows its children have."""
    if pa.types.is_binary(type_) or pa.types.is_string(type_):
        return [_VALIDITY, _OFFSETS, _VARIABLE], _SAME
    if pa.types.is_primitive(type_):
        return [_VALIDITY, type_.bit_width], _SAME
    if pa.types.is_fixed_size_binary(type_):
        return [_VALIDITY, type_.byte_width * 8], _SAME
    if pa.types.is_struct(type_):
        return [_VALIDITY], _SAME
    if pa.types.is_list(type_):
        return [_VALIDITY, _OFFSETS], _ANY
    if pa.types.is_union(type_) and type_.mode == "dense":
        return [8, 32], _PART
    # A fault of ours: no schema of the store has another type.
    raise NotImplementedError(f"columns of type {type_} have no layout check")


def _plain_sizes(buffers: _Ints, body: memoryview, compressed: bool) -> _Ints:
    """How many bytes each buffer will take once decompressed, as it says itself."""
    offsets: _Ints = buffers[:, 0]
    lengths: _Ints = buffers[:, 1]
    inside = (offsets >= 0) & (lengths >= 0) & (offsets <= len(body))
    if not inside.all() or not (lengths <= len(body) - offsets).all():
        raise Malformed("a buffer outside its batch")
    if not compressed:
        return lengths
    packed = np.flatnonzero(lengths > 0)
    if (lengths[packed] < 8).any():
        raise Malformed("a compressed buffer without its length")
    content = np.frombuffer(body, np.uint8)
    heads = content[offsets[packed, None] + np.arange(8)]
    plain = np.ascontiguousarray(heads).view("<i8").reshape(-1).astype(np.int64)
    # -1 marks a buffer that is stored as it is.
    plain = np.where(plain == -1, lengths[packed] - 8, plain)
    if ((plain < 0) | (plain > MAX_BATCH_BYTES)).any():
        raise Malformed("a buffer that unpacks to more than a batch may hold is refused")
    sizes = lengths.copy()
    sizes[packed] = plain
    return sizes
