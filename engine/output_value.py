"""What stands after a ``%`` in an output, ready to be computed for many events at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.columns import Column
from engine.compile import compile_operand
from engine.fields.catalogue import Catalogue
from engine.fields.model import FieldRef, FieldType
from engine.fields.shown import shown
from engine.language.ast import Field, Transformer
from engine.operands import FieldOperand, Operand


@dataclass(frozen=True, slots=True, eq=False)
class OutputValue:
    """A field, or a transformer over fields: what prints by itself. ``name`` is that of the field
    that is printed, ``type`` and ``is_list`` are of the result."""

    name: str
    type: FieldType
    is_list: bool
    operand: Operand

    @property
    def refs(self) -> tuple[FieldRef, ...]:
        return self.operand.refs

    def column(self, columns: Mapping[FieldRef, Column], rows: int) -> Column:
        """Its column from those of its fields."""
        return self.operand.column(_Columns(columns, rows))


@dataclass(frozen=True, slots=True)
class _Columns:
    by_ref: Mapping[FieldRef, Column]
    rows: int

    def __len__(self) -> int:
        return self.rows

    def column(self, ref: FieldRef) -> Column:
        return self.by_ref[ref]


def compile_value(operand: Field | Transformer, catalogue: Catalogue, source: str) -> OutputValue:
    """Raises FalcowbError where a field does not exist or a transformer does not take it."""
    made = compile_operand(operand, catalogue, source)
    if isinstance(made, FieldOperand):
        ref = shown(made.ref)
        # A path that names several values prints as a list.
        return OutputValue(ref.info.name, ref.info.type, ref.is_list, FieldOperand(ref))
    return OutputValue("", made.shape.type, made.shape.is_list, made)
