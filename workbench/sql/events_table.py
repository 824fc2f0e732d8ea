"""``events`` and the tables of plugins' sources: a column a field, made when a query names it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from capture.errors import FalcowbError
from capture.manifest import SYSCALL
from workbench.core.export_columns import as_text
from workbench.sql.asked import Asked, matching_pattern
from workbench.sql.described import CAPTURE, NUM, TIME, Column, TableInfo
from workbench.sql.errors import SqlError, pointed
from workbench.sql.fields import FieldColumn, FieldColumns, batch, underscored
from workbench.sql.opened import OpenedCapture, Work
from workbench.sql.store import Kept
from workbench.sql.tokens import quote

if TYPE_CHECKING:
    from engine.language import ast
    from engine.ruleset.selection import RuleSet

#: A capture of fewer events gets all usual columns at once: they cost less than another walk.
_SMALL = 300_000
#: Fields that are often asked for, and cost little.
_OFTEN = ("evt.type", "evt.rawres", "proc.name", "proc.pid", "fd.name", "fd.type")
#: The payload of a plugin's event, as a column.
DATA = "data"
_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")


class EventsTable:
    """The events of one source, of every capture that has any."""

    def __init__(self, name: str, source: str, work: Work, ruleset: RuleSet | None = None) -> None:
        self.name = name
        self.source = source
        self._work = work
        self._ruleset = ruleset
        self._catalogue = work.session.plugins.surroundings.catalogue
        self.fields = FieldColumns(self._catalogue, source)
        self._kind = "events" if source == SYSCALL else f"source-{_UNSAFE.sub('_', source)}"
        self._verdicts: dict[tuple[str, str], str] = {}
        self._now: tuple[object, ...] | None = None

    @property
    def captures(self) -> list[OpenedCapture]:
        return [each for each in self._work.captures if self.source in each.capture.sources]

    @property
    def info(self) -> TableInfo:
        what = "system calls" if self.source == SYSCALL else f"events of source {self.source}"
        columns = [CAPTURE] if self._work.several else []
        columns += [NUM, TIME]
        if self.source != SYSCALL:
            columns += [
                Column(DATA, "VARCHAR", "payload as the plugin gave it"),
                Column("raw", "JSON", "the payload, where it is JSON"),
            ]
        for each in self.fields.listed:
            made = self.fields.find(each.name)
            if made is not None:
                also = underscored(each.name)
                columns.append(Column(each.name, made.sql_type, each.description, also))
        return TableInfo(self.name, what, "events", tuple(columns))

    def wanted(self, asked: Asked) -> dict[str, FieldColumn]:
        """The columns a statement names, by the names it has for them."""
        found: dict[str, FieldColumn] = {}
        spelled: dict[str, FieldColumn] = {}
        for name in sorted(asked.names):
            column = self.fields.find(name)
            if column is None:
                continue
            other = spelled.setdefault(name.lower(), column)
            if other is column:
                found.setdefault(
                    next((k for k in found if k.lower() == name.lower()), name), column
                )
            elif other.name != column.name:
                raise SqlError(
                    f"{other.name} and {column.name} differ in capitals alone, which SQL ignores",
                    hint="Ask for them one at a time.",
                )
        for pattern in asked.patterns:
            known = [each.name for each in self.fields.listed]
            for name in matching_pattern(pattern, known):
                column = self.fields.find(name)
                if column is not None:
                    found.setdefault(column.name, column)
        if asked.wants_all(self.name):
            for name in self.fields.usual:
                column = self.fields.find(name)
                if column is not None:
                    found.setdefault(column.name, column)
        return found

    def bind(self, asked: Asked) -> None:
        """A view without rows, to find out what is wrong with a query before anything is made."""
        columns = self.wanted(asked)
        items = ["NULL::BIGINT AS num", "NULL::TIMESTAMP_NS AS time"]
        if self._work.several:
            items.insert(0, "NULL::VARCHAR AS capture")
        if self.source != SYSCALL:
            items += ["NULL::VARCHAR AS data", "NULL::JSON AS raw"]
        items += [f"NULL::{each.sql_type} AS {quote(name)}" for name, each in columns.items()]
        items += [f"NULL::BOOLEAN AS {quote(name)}" for name in asked.conditions]
        self._now = None
        self._work.view(self.name, [f"SELECT {', '.join(items)} WHERE false"])

    def bind_all(self) -> None:
        """The same with every column there is: for DESCRIBE, and for lists of tables."""
        names = {column.name for column in self.info.columns}
        names |= {column.also for column in self.info.columns if column.also}
        self.bind(Asked("", {name.lower() for name in names}))

    def check(self, asked: Asked) -> None:
        """Raises FalcowbError for a condition that this source does not take."""
        for condition in asked.conditions.values():
            from workbench.sql import verdicts

            try:
                verdicts.check(self._parsed(condition), self._catalogue, self.source)
            except FalcowbError as error:
                raise pointed(error, condition) from None

    def forget(self) -> None:
        """What was kept is gone."""
        self._now = None

    def ready(self, asked: Asked) -> bool:
        """Whether all that the statement names is there."""
        lacking = {each.name for each in self.wanted(asked).values()}
        if self._wants_data(asked):
            lacking.add(DATA)
        for opened in self.captures:
            kept = opened.kept(self._kind)
            if kept is None or not lacking <= set(kept.columns):
                return False
        wanted = {(each.name, text) for each in self.captures for text in asked.conditions.values()}
        return wanted <= set(self._verdicts)

    def _wants_data(self, asked: Asked) -> bool:
        return self.source != SYSCALL and (
            asked.wants_all(self.name) or bool(asked.lower & {DATA, "raw"})
        )

    def make(self, asked: Asked) -> None:
        """Make what the statement names, and the view of it."""
        columns = self.wanted(asked)
        data = self._wants_data(asked)
        kept = [self.ensure(opened, list(columns.values()), data) for opened in self.captures]
        tables = {
            (opened.name, name): self.verdict(opened, condition)
            for name, condition in asked.conditions.items()
            for opened in self.captures
        }
        now = (tuple(columns), data, tuple(each.path for each in kept), tuple(tables.items()))
        if now == self._now or not kept:
            if not kept:
                self.bind(asked)
            return
        self._work.view(
            self.name,
            [
                self._select(opened, self._work.rows(table), columns, data, asked, tables)
                for opened, table in zip(self.captures, kept, strict=True)
            ],
        )
        self._now = now

    def _select(
        self,
        opened: OpenedCapture,
        rows: str,
        columns: dict[str, FieldColumn],
        data: bool,
        asked: Asked,
        tables: dict[tuple[str, str], str],
    ) -> str:
        items = ["num", "time"]
        if self.source != SYSCALL:
            text = DATA if data else "NULL::VARCHAR"
            items.append(f"{text} AS data")
            items.append(f"CASE WHEN json_valid({text}) THEN {text}::JSON END AS raw")
        items += [
            quote(each.name) if each.name == name else f"{quote(each.name)} AS {quote(name)}"
            for name, each in columns.items()
        ]
        items += [
            f"num IN (SELECT v.num FROM {tables[opened.name, name]} v) AS {quote(name)}"
            for name in asked.conditions
        ]
        return f"SELECT {self._work.head(opened)}{', '.join(items)} FROM {rows}"

    def ensure(
        self, opened: OpenedCapture, columns: Sequence[FieldColumn], data: bool = False
    ) -> Kept:
        """The table of a capture with these columns, made where it lacks any."""
        kept = opened.kept(self._kind)
        known = set() if kept is None else set(kept.columns)
        lacking = {each.name: each for each in columns if each.name not in known}
        with_data = data and DATA not in known
        if kept is not None and not lacking and not with_data:
            return kept
        count = opened.capture.count or 0
        # Another walk of a large capture costs more than a few columns: who asks twice gets them.
        more = self.fields.usual if count < _SMALL else _OFTEN if kept is not None else ()
        for name in more:
            usual = self.fields.find(name)
            if usual is not None and name not in known:
                lacking.setdefault(name, usual)
        if count >= _SMALL:
            what = ", ".join(lacking) or ("payloads" if with_data else "events")
            self._work.note(f"reading {count:,} events for {what}")
        fresh = list(lacking.values())
        head = [] if kept is not None else [pa.field("num", pa.int64()), _TIME_FIELD]
        fields = [*head, *(pa.field(each.name, each.made_type) for each in fresh)]
        if with_data:
            fields.append(pa.field(DATA, pa.string()))
        schema = pa.schema(fields)
        made = self._batches(opened, schema, fresh, with_data, bare=kept is not None)
        return self._work.make(opened, self._kind, schema, made, kept)

    def _batches(
        self,
        opened: OpenedCapture,
        schema: pa.Schema,
        columns: Sequence[FieldColumn],
        data: bool,
        *,
        bare: bool,
    ) -> Iterator[pa.RecordBatch]:
        from workbench.sql.walks import payloads, pieces

        source = self._work.session.plugins.event_source(self.source)
        for piece in pieces(opened.capture, self.source):
            if self.source in self._catalogue.sources:
                arrays = batch(piece.numbers, piece.times, piece.segment(source), columns)
            else:
                times = pa.array(piece.times).cast(pa.timestamp("ns"))
                arrays = [pa.array(piece.numbers), times]
            if bare:
                arrays = arrays[2:]
            if data:
                arrays.append(as_text(payloads(piece).column("data")))
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _parsed(self, condition: str) -> ast.Expr:
        from engine.language.parser import parse
        from workbench.backend.conditions import resolved

        return resolved(parse(condition, file="matches"), self._ruleset)

    def verdict(self, opened: OpenedCapture, condition: str) -> str:
        """The table of the numbers that satisfy a condition."""
        key = (opened.name, condition)
        known = self._verdicts.get(key)
        if known is not None:
            return known
        if (opened.capture.count or 0) >= _SMALL:
            self._work.note(f"judging {opened.capture.count:,} events by the condition")
        from workbench.sql import verdicts

        source = self._work.session.plugins.event_source(self.source)
        expr = self._parsed(condition)
        numbers = verdicts.verdict(
            opened.capture,
            source,
            self._catalogue,
            expr,
            opened.store.folder,
            self._work.stopped,
        )
        name = f"temp.verdict_{_UNSAFE.sub('_', self.name)}_{len(self._verdicts)}"
        table = pa.table({"num": pa.array(np.asarray(numbers, np.int64))})
        connection = self._work.connection
        connection.register("verdict_numbers", table)
        connection.execute(
            f"CREATE TEMP TABLE {name.removeprefix('temp.')} AS FROM verdict_numbers"
        )
        connection.unregister("verdict_numbers")
        self._verdicts[key] = name
        return name


_TIME_FIELD = pa.field("time", pa.timestamp("ns"))
