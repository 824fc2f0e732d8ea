"""A section of a capture: the state of the machine from which its events go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from capture.events.state_schema import TABLES


@dataclass(frozen=True, slots=True)
class Section:
    """The state a section begins with, as record batches of ``capture.events.state_schema``.

    ``number`` counts sections from 0; ``version`` is that of the ``.scap`` format, (0, 0) where
    the events come from no ``.scap``. Falco forgets everything at the start of a section.
    ``walked`` holds the tables of ``capture.events.walked_state`` where the state was walked to
    through events; it is empty where it was read from a host or a ``.scap``.
    """

    number: int
    version: tuple[int, int]
    threads: pa.RecordBatch
    fds: pa.RecordBatch
    users: pa.RecordBatch
    groups: pa.RecordBatch
    machine: pa.RecordBatch
    interfaces: pa.RecordBatch
    walked: Mapping[str, pa.RecordBatch] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        number: int,
        version: tuple[int, int] = (0, 0),
        tables: dict[str, pa.RecordBatch] | None = None,
        walked: Mapping[str, pa.RecordBatch] | None = None,
    ) -> Section:
        """A section with these tables; those that are not given are empty."""
        given = tables or {}
        return cls(
            number,
            version,
            **{name: given.get(name) or empty(schema) for name, schema in TABLES.items()},
            walked=walked or {},
        )

    def table(self, name: str) -> pa.RecordBatch:
        """A table by its name in ``TABLES``."""
        found: pa.RecordBatch = getattr(self, name)
        return found


def empty(schema: pa.Schema) -> pa.RecordBatch:
    """A batch of no rows."""
    return pa.RecordBatch.from_arrays(
        [pa.array([], type_) for type_ in schema.types], schema=schema
    )
