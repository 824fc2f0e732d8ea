"""What a query answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

#: Names of columns that hold the number of an event.
NUMBERS = ("num", "evt.num", "evt_num", "first_num", "start_num", "from_num")


@dataclass(slots=True)
class Result:
    """``schema`` are the columns, texts as strings; ``batches`` gives their rows once, as they
    come; ``seconds`` is how long the query took until the first of them. ``notes``: what a person
    should know. ``close`` lets go of what is left; a new query does so too.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    close: Callable[[], None] = lambda: None

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names)

    @property
    def number_column(self) -> str | None:
        """The column that holds event numbers, if any."""
        return number_column(self.schema)

    def table(self, most: int | None = None) -> pa.Table:
        """The rows, at most ``most`` of them; more are left in ``batches``."""
        taken: list[pa.RecordBatch] = []
        rows = 0
        for batch in self.batches:
            if most is not None and rows + batch.num_rows > most:
                taken.append(batch.slice(0, most - rows))
                break
            taken.append(batch)
            rows += batch.num_rows
        return pa.Table.from_batches(taken, self.schema)


def number_column(schema: pa.Schema) -> str | None:
    """The column that holds event numbers, if any."""
    for name in NUMBERS:
        if name in schema.names and pa.types.is_integer(schema.field(name).type):
            return name
    return None


def event_numbers(table: pa.Table) -> npt.NDArray[np.int64] | None:
    """The events a result tells of: their numbers, ascending, each once; None where it has no
    such column."""
    name = number_column(table.schema)
    if name is None:
        return None
    return np.unique(table.column(name).drop_null().cast(pa.int64()).to_numpy())


def shown_schema(schema: pa.Schema, conditions: dict[str, str]) -> pa.Schema:
    """The columns that stand for conditions, by name, under the names a person gave them."""
    shown = {name: f"matches({condition!r})" for name, condition in conditions.items()}
    return pa.schema([field.with_name(shown.get(field.name, field.name)) for field in schema])
