"""What stands left of an operator, or right of it in ``val(…)``: fields and transformed values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import pyarrow as pa

from engine.columns import BytesColumn, Column, ListColumn, NumberColumn
from engine.fields.model import FieldRef, FieldType
from engine.gather import concat_lists, constant, distinct
from engine.multivalue import MultiTransformer
from engine.transformers import Transformer
from engine.values import texts


class Columns(Protocol):
    """Where columns come from: rows of a segment."""

    def __len__(self) -> int: ...

    def column(self, ref: FieldRef) -> Column: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """What an operand gives. ``many`` marks fields that are no lists but may have several values
    at once, of which any may satisfy a check (``either``: or for ``!=`` all must)."""

    type: FieldType
    is_list: bool
    many: bool = False
    either: bool = False


class Operand(Protocol):
    """``refs`` are the fields it needs, ``name`` what errors call it."""

    @property
    def shape(self) -> Shape: ...

    @property
    def refs(self) -> tuple[FieldRef, ...]: ...

    @property
    def name(self) -> str: ...

    def column(self, columns: Columns) -> Column: ...


@dataclass(frozen=True, slots=True)
class FieldOperand:
    ref: FieldRef

    @property
    def shape(self) -> Shape:
        ref = self.ref
        marks = ref.info.properties
        if ref.info.path:
            return Shape(ref.info.type, False, many=ref.is_list)
        either = "either" in marks
        many = either or ("any" in marks and ref.arg is None)
        return Shape(ref.info.type, ref.is_list, many=many, either=either)

    @property
    def refs(self) -> tuple[FieldRef, ...]:
        return (self.ref,)

    @property
    def name(self) -> str:
        return self.ref.text

    def column(self, columns: Columns) -> Column:
        return columns.column(self.ref)


@dataclass(frozen=True, slots=True)
class ConstantOperand:
    """A text among a transformer's arguments."""

    value: bytes
    shape: Shape = Shape(FieldType.CHARBUF, False)
    refs: tuple[FieldRef, ...] = ()
    name: str = "NA"

    def column(self, columns: Columns) -> BytesColumn:
        return constant(self.value, len(columns))


@dataclass(frozen=True, slots=True)
class ListOperand:
    """A bracketed list among a transformer's arguments; numbers in it become text."""

    items: tuple[Operand, ...]
    shape: Shape = Shape(FieldType.CHARBUF, True)
    name: str = "NA"

    @property
    def refs(self) -> tuple[FieldRef, ...]:
        return tuple(ref for item in self.items for ref in item.refs)

    def column(self, columns: Columns) -> ListColumn:
        return concat_lists([as_text(item, item.column(columns)) for item in self.items])


@dataclass(frozen=True, slots=True)
class Transformed:
    """One value transformed."""

    transformer: Transformer
    inner: Operand
    shape: Shape

    @property
    def refs(self) -> tuple[FieldRef, ...]:
        return self.inner.refs

    @property
    def name(self) -> str:
        return self.inner.name

    def column(self, columns: Columns) -> Column:
        return self.transformer.column(self.inner.column(columns), self.inner.shape.is_list)


@dataclass(frozen=True, slots=True)
class MultiTransformed:
    """Several values made into one, or for ``getopt`` into a list."""

    transformer: MultiTransformer
    arguments: tuple[Operand, ...]
    selector: str | None
    shape: Shape
    name: str = field(default="NA")

    @property
    def refs(self) -> tuple[FieldRef, ...]:
        return tuple(ref for argument in self.arguments for ref in argument.refs)

    def column(self, columns: Columns) -> Column:
        given = [as_text(argument, argument.column(columns)) for argument in self.arguments]
        return self.transformer.column(given, self.selector)


def as_text(operand: Operand, column: Column) -> BytesColumn | ListColumn:
    """A column as texts: numbers as Falco prints them."""
    if isinstance(column, ListColumn):
        items = column.items
        if isinstance(items, BytesColumn):
            return column
        return ListColumn(column.offsets, _printed(operand, items), column.valid)
    return column if isinstance(column, BytesColumn) else _printed(operand, column)


def _printed(operand: Operand, column: NumberColumn) -> BytesColumn:
    """Each distinct number printed once."""
    numbers, places = np.unique(column.values, return_inverse=True)
    printed = texts(operand.name, operand.shape.type, False, NumberColumn(numbers, None))
    coded = distinct(pa.array(printed, pa.binary()))
    codes = coded.codes[places]
    if column.valid is not None:
        codes = np.where(column.valid, codes, np.int32(-1))
    return BytesColumn(codes, coded.values)


def unique_refs(operands: Sequence[Operand]) -> tuple[FieldRef, ...]:
    return tuple(dict.fromkeys(ref for operand in operands for ref in operand.refs))
