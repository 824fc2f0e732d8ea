"""What stands after a ``%`` in an output, ready to be computed for many events at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from capture.errors import FalcowbError
from engine.columns import Column
from engine.fields.model import FieldRef, FieldType
from engine.language.ast import Field, Transformer

if TYPE_CHECKING:
    from engine.fields.catalogue import Catalogue


class OutputValue:
    """A field, or a transformer over fields: its name, the fields it needs, and its column.

    ``type`` and ``is_list`` are of the result.
    """

    def __init__(
        self, name: str, refs: tuple[FieldRef, ...], type_: FieldType, is_list: bool
    ) -> None:
        self.name = name
        self.refs = refs
        self.type = type_
        self.is_list = is_list

    def column(self, columns: Mapping[FieldRef, Column]) -> Column:
        """Its column from those of its fields."""
        return columns[self.refs[0]]


def compile_value(operand: Field | Transformer, catalogue: Catalogue, source: str) -> OutputValue:
    """Raises FalcowbError where a field does not exist or a transformer does not take it."""
    if isinstance(operand, Field):
        ref = catalogue.lookup(operand.name, operand.arg, source)
        return OutputValue(ref.info.name, (ref,), ref.info.type, ref.is_list)
    raise FalcowbError(f"transformer {operand.name} cannot be used in outputs yet")
