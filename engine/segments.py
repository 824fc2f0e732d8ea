"""Segments: where columns come from. One that is given its columns, one that asks plugins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from capture.errors import FalcowbError
from engine.columns import Column, Rows, Segment
from engine.fields.model import FieldRef
from engine.gather import from_arrow, only_value, take
from engine.generic import generic_column
from plugins.host.plugin import Plugin

#: What tells one column of a segment from another: the field's name and its argument.
ColumnKey = tuple[str, str | None]


def column_key(ref: FieldRef) -> ColumnKey:
    return ref.info.name, ref.arg


class TableSegment:
    """A segment of ``length`` events whose columns are at hand, by field name and argument."""

    def __init__(self, length: int, columns: Mapping[ColumnKey, Column]) -> None:
        for (name, arg), column in columns.items():
            if len(column) != length:
                raise ValueError(f"{name}[{arg}]: {len(column)} rows where {length} belong")
        self._length = length
        self._columns = columns

    def __len__(self) -> int:
        return self._length

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        """Raises FalcowbError for a field that is not among the columns."""
        found = []
        for ref in refs:
            column = self._columns.get(column_key(ref))
            if column is None:
                raise FalcowbError(f"no column for field '{ref.text}'")
            found.append(column)
        return found

    def take(self, rows: Rows) -> Segment:
        taken = {key: take(column, rows) for key, column in self._columns.items()}
        return TableSegment(len(rows), taken)


@dataclass(slots=True)
class EventSource:
    """What the segments of one plugin source have in common.

    ``plugins``: those whose fields are asked for, in the order of loading. ``first_time``: time of
    the capture's first event in nanoseconds since the epoch, from which ``evt.reltime`` counts; the
    first segment sets it where nobody did. ``hostname``: for ``evt.hostname``, None for no value.
    """

    name: str
    plugins: Sequence[Plugin]
    hostname: str | None = None
    first_time: int | None = None

    def segment(self, batch: pa.RecordBatch) -> PluginSegment:
        """A segment of the events in ``batch``, of schema ``capture.schema.PLUGIN_EVENTS``."""
        if self.first_time is None and batch.num_rows:
            self.first_time = batch.column("time")[0].value
        return PluginSegment(self, batch)

    def provider(self, field: str) -> Plugin | None:
        """The plugin that a field comes from."""
        for plugin in self.plugins:
            if any(declared.name == field for declared in plugin.fields):
                return plugin
        return None


class PluginSegment:
    """Events of a plugin source. A plugin is asked once an event for all fields wanted together."""

    def __init__(self, source: EventSource, batch: pa.RecordBatch | None) -> None:
        self.source = source
        self._batch = batch
        self._columns: dict[ColumnKey, Column] = {}

    @property
    def batch(self) -> pa.RecordBatch:
        return self._batch

    def __len__(self) -> int:
        rows: int = self.batch.num_rows
        return rows

    def columns(self, refs: Sequence[FieldRef]) -> list[Column]:
        """Raises FalcowbError for a field that no plugin of the source has, PluginError where a
        plugin breaks its contract."""
        missing = {column_key(ref): ref for ref in refs if self.known(column_key(ref)) is None}
        if missing:
            self._columns.update(self._make(missing))
        return [self._columns[column_key(ref)] for ref in refs]

    def known(self, key: ColumnKey) -> Column | None:
        """A column that was asked for before."""
        return self._columns.get(key)

    def take(self, rows: Rows) -> PluginSegment:
        return _TakenSegment(self, rows)

    def _make(self, wanted: Mapping[ColumnKey, FieldRef]) -> dict[ColumnKey, Column]:
        made: dict[ColumnKey, Column] = {}
        by_plugin: dict[int, tuple[Plugin, dict[ColumnKey, FieldRef]]] = {}
        for key, ref in wanted.items():
            if "generic" in ref.info.properties:
                made[key] = generic_column(ref.info.name, self.source, self.batch)
                continue
            plugin = self.source.provider(ref.info.name)
            if plugin is None:
                raise FalcowbError(
                    f"no loaded plugin gives field '{ref.text}' for source '{self.source.name}'"
                )
            by_plugin.setdefault(id(plugin), (plugin, {}))[1][key] = ref
        for plugin, asked in by_plugin.values():
            arrays = plugin.extract(self.batch, list(asked), source=self.source.name)
            for (key, ref), array in zip(asked.items(), arrays, strict=True):
                column = from_arrow(array)
                if ref.info.path and not ref.is_list:
                    column = only_value(column)
                made[key] = column
        return made


class _TakenSegment(PluginSegment):
    """Some rows of a segment. What that knows is picked out when it is asked for; the events
    themselves only for fields that it does not know."""

    def __init__(self, whole: PluginSegment, rows: Rows) -> None:
        super().__init__(whole.source, None)
        self._whole = whole
        self._rows = rows

    @property
    def batch(self) -> pa.RecordBatch:
        if self._batch is None:
            self._batch = self._whole.batch.take(pa.array(self._rows))
        return self._batch

    def __len__(self) -> int:
        return len(self._rows)

    def known(self, key: ColumnKey) -> Column | None:
        column = super().known(key)
        if column is None and (whole := self._whole.known(key)) is not None:
            column = self._columns[key] = take(whole, self._rows)
        return column
